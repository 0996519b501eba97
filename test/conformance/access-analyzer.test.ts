import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { AccessAnalyzer } from '@aws-sdk/client-accessanalyzer'
import {
  iamClient,
  newUser as newUserKeys,
  policyOf,
  sessionCredentials,
  stsClient,
} from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, temporaryFolder, type Credentials } from '../server-process.ts'

const OWNER = '000000000000'
const PARTNER = '444455556666'
const server = await startServer()
const kms = kmsClient(server)
const analyzerClient = (credentials: Credentials = server.credentials) =>
  new AccessAnalyzer({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 })
const analyzer = analyzerClient()
const iam = iamClient(server)
const analyzerArn = `arn:aws:access-analyzer:us-east-1:${OWNER}:analyzer/keywright`
after(() => server.stop())

const run = (...args: string[]) => runKeywright(args, { dataDir: server.dataDir })
/** Beside any deployment. */
const runAlone = (...args: string[]) => runKeywright(args, { dataDir: join(temporaryFolder(), 'none') })
const root = (accountId: string) => ({ AWS: `arn:aws:iam::${accountId}:root` })
const statement = (more: object): object => ({ Effect: 'Allow', Resource: '*', ...more })
const keyPolicy = (...more: object[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [statement({ Sid: 'Account', Principal: root(OWNER), Action: 'kms:*' }), ...more],
  })

async function newUser(name: string, statement?: object): Promise<{ arn: string; credentials: Credentials }> {
  const credentials = await newUserKeys(iam, name, statement && policyOf(statement))
  return { arn: `arn:aws:iam::${OWNER}:user/${name}`, credentials }
}

before(async () => {
  const { code, stderr } = await run('account', 'create', PARTNER)
  assert.equal(code, 0, stderr)
})

test('ValidatePolicy tells what is wrong, where, and where to read about it', async () => {
  const policyDocument = keyPolicy(statement({ Principal: '*', Action: 'kms:Decript' }))
  const { findings = [] } = await analyzer.validatePolicy({ policyDocument, policyType: 'RESOURCE_POLICY' })
  assert.deepEqual(
    findings.map(({ findingType, issueCode }) => [findingType, issueCode]),
    [
      ['SECURITY_WARNING', 'KW_PUBLIC_PRINCIPAL'],
      ['ERROR', 'INVALID_ACTION'],
    ],
  )
  const [, finding] = findings
  assert.equal(finding?.findingDetails, 'The action kms:Decript does not exist. Did you mean kms:Decrypt?')
  assert.match(finding.learnMoreLink ?? '', /#access-analyzer-reference-policy-checks-error-invalid-action$/)
  assert.deepEqual(finding.locations?.[0]?.path, [{ value: 'Statement' }, { index: 1 }, { value: 'Action' }])
  const { start, end } = finding.locations[0].span ?? {}
  assert.equal(policyDocument.slice(start?.offset, end?.offset), '"kms:Decript"')
})

test('ValidatePolicy gives its findings in pages, each once', async () => {
  const policyDocument = keyPolicy(
    ...Array.from({ length: 5 }, (_, i) => statement({ Principal: root(OWNER), Action: `kms:X${i}` })),
  )
  const seen: (string | undefined)[] = []
  let nextToken: string | undefined
  do {
    const page = await analyzer.validatePolicy({
      policyDocument,
      policyType: 'RESOURCE_POLICY',
      maxResults: 2,
      ...(nextToken && { nextToken }),
    })
    assert.ok((page.findings?.length ?? 0) <= 2)
    seen.push(...(page.findings ?? []).map(({ findingDetails }) => findingDetails))
    nextToken = page.nextToken
  } while (nextToken !== undefined)
  assert.equal(seen.length, 5)
  assert.equal(new Set(seen).size, 5)
  await assert.rejects(
    analyzer.validatePolicy({ policyDocument, policyType: 'RESOURCE_POLICY', nextToken: '!' }),
    {
      name: 'ValidationException',
    },
  )
})

test('ValidatePolicy reads each type of policy by its own rules', async () => {
  const codes = async (
    request: Parameters<typeof analyzer.validatePolicy>[0],
  ): Promise<(string | undefined)[]> =>
    ((await analyzer.validatePolicy(request)).findings ?? []).map(({ issueCode }) => issueCode)
  const trust = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: root(OWNER), Action: 'sts:AssumeRole', Resource: '*' }],
  })
  assert.deepEqual(
    await codes({
      policyDocument: trust,
      policyType: 'RESOURCE_POLICY',
      validatePolicyResourceType: 'AWS::IAM::AssumeRolePolicyDocument',
    }),
    ['ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE'],
  )
  assert.deepEqual(await codes({ policyDocument: keyPolicy(), policyType: 'IDENTITY_POLICY' }), [
    'UNSUPPORTED_PRINCIPAL',
    'KW_KMS_ALL_ACTIONS',
  ])
  assert.deepEqual(await codes({ policyDocument: keyPolicy(), policyType: 'SERVICE_CONTROL_POLICY' }), [
    'SCP_SYNTAX_ERROR_PRINCIPAL',
  ])
  assert.deepEqual(await codes({ policyDocument: '{', policyType: 'IDENTITY_POLICY' }), ['JSON_SYNTAX_ERROR'])
  await assert.rejects(
    analyzer.validatePolicy({
      policyDocument: trust,
      policyType: 'RESOURCE_POLICY',
      validatePolicyResourceType: 'AWS::S3::Bucket',
    }),
    {
      name: 'ValidationException',
      message: 'The resource type AWS::S3::Bucket is not supported by this deployment.',
    },
  )
})

test('CheckNoPublicAccess passes what surely lets in nobody unnamed', async () => {
  const check = async (policyDocument: string) => {
    const { result, message, reasons } = await analyzer.checkNoPublicAccess({
      policyDocument,
      resourceType: 'AWS::KMS::Key',
    })
    return { result, message, reasons }
  }
  assert.deepEqual(await check(keyPolicy()), {
    result: 'PASS',
    message: 'The resource policy does not grant public access for the given resource type.',
    reasons: undefined,
  })
  assert.deepEqual(await check(keyPolicy(statement({ Sid: 'Bob', Principal: '*', Action: 'kms:Decrypt' }))), {
    result: 'FAIL',
    message: 'The resource policy grants public access for the given resource type.',
    reasons: [
      {
        description: 'Public access granted in the following statement with sid: Bob.',
        statementIndex: 1,
        statementId: 'Bob',
      },
    ],
  })
  await assert.rejects(analyzer.checkNoPublicAccess({ policyDocument: '{', resourceType: 'AWS::KMS::Key' }), {
    name: 'UnprocessableEntityException',
  })
  await assert.rejects(
    analyzer.checkNoPublicAccess({ policyDocument: keyPolicy(), resourceType: 'AWS::SQS::Queue' }),
    {
      name: 'InvalidParameterException',
    },
  )
})

test('CheckAccessNotGranted passes what surely does not grant it', async () => {
  const policyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['kms:Encrypt', 'kms:De*'], Resource: '*' }],
  })
  const check = async (access: { actions?: string[]; resources?: string[] }) => {
    const { result, message, reasons } = await analyzer.checkAccessNotGranted({
      policyDocument,
      access: [access],
      policyType: 'IDENTITY_POLICY',
    })
    return { result, message, reasons }
  }
  assert.deepEqual(await check({ actions: ['kms:PutKeyPolicy'] }), {
    result: 'PASS',
    message: 'The policy document does not grant access to perform one or more of the listed actions.',
    reasons: undefined,
  })
  assert.deepEqual(await check({ actions: ['kms:PutKeyPolicy', 'kms:Decrypt'] }), {
    result: 'FAIL',
    message: 'The policy document grants access to perform one or more of the listed actions.',
    reasons: [
      { description: 'One or more of the listed actions in the statement with index: 0.', statementIndex: 0 },
    ],
  })
  assert.equal((await check({ resources: ['arn:aws:s3:::bucket'] })).result, 'FAIL')
  await assert.rejects(check({}), { name: 'InvalidParameterException' })
})

test('there is one analyzer for each account and Region', async () => {
  const { analyzers = [] } = await analyzer.listAnalyzers({})
  assert.deepEqual(
    analyzers.map(({ arn, name, type, status }) => ({ arn, name, type, status })),
    [{ arn: analyzerArn, name: 'keywright', type: 'ACCOUNT', status: 'ACTIVE' }],
  )
  assert.ok(analyzers[0]?.createdAt instanceof Date)
  assert.equal((await analyzer.getAnalyzer({ analyzerName: 'keywright' })).analyzer?.arn, analyzerArn)
  assert.deepEqual((await analyzer.listAnalyzers({ type: 'ORGANIZATION' })).analyzers, [])
  await assert.rejects(analyzer.getAnalyzer({ analyzerName: 'other' }), { name: 'ResourceNotFoundException' })
})

test('keys that can be used from outside their account are found, by policy and by grant', async () => {
  const shared = await newKey(kms, {
    Policy: keyPolicy(
      statement({
        Principal: root(PARTNER),
        Action: ['kms:Decrypt'],
        Condition: { Bool: { 'aws:SecureTransport': 'true' } },
      }),
    ),
  })
  const granted = await newKey(kms)
  await newKey(kms)
  await kms.createGrant({
    KeyId: granted.id,
    GranteePrincipal: `arn:aws:iam::${PARTNER}:root`,
    Operations: ['Encrypt'],
    Constraints: { EncryptionContextEquals: { tenant: 'a' } },
  })
  const all: { readonly id?: string | undefined; readonly resource?: string | undefined }[] = []
  let nextToken: string | undefined
  do {
    const page = await analyzer.listFindingsV2({
      analyzerArn,
      maxResults: 1,
      ...(nextToken && { nextToken }),
    })
    all.push(...(page.findings ?? []))
    nextToken = page.nextToken
  } while (nextToken !== undefined)
  assert.deepEqual(new Set(all.map(({ resource }) => resource)), new Set([granted.arn, shared.arn]))
  assert.equal(all.length, 2)

  const idOf = (arn: string): string => all.find(({ resource }) => resource === arn)?.id ?? ''
  const ofPolicy = await analyzer.getFindingV2({ analyzerArn, id: idOf(shared.arn) })
  assert.equal(ofPolicy.status, 'ACTIVE')
  assert.equal(ofPolicy.resourceOwnerAccount, OWNER)
  assert.deepEqual(ofPolicy.findingDetails?.[0]?.externalAccessDetails, {
    action: ['kms:Decrypt'],
    condition: { 'aws:SecureTransport': 'true' },
    isPublic: false,
    principal: { AWS: `arn:aws:iam::${PARTNER}:root` },
    sources: [{ type: 'POLICY' }],
  })
  const ofGrant = await analyzer.getFindingV2({ analyzerArn, id: idOf(granted.arn) })
  assert.deepEqual(ofGrant.findingDetails?.[0]?.externalAccessDetails, {
    action: ['kms:Encrypt'],
    condition: { 'kms:EncryptionContext:tenant': 'a' },
    isPublic: false,
    principal: { AWS: `arn:aws:iam::${PARTNER}:root` },
  })

  const { findings: filtered = [] } = await analyzer.listFindingsV2({
    analyzerArn,
    filter: {
      resource: { eq: [shared.arn] },
      status: { neq: ['ARCHIVED'] },
      'condition.aws:SecureTransport': { exists: true },
    },
  })
  assert.deepEqual(
    filtered.map(({ resource }) => resource),
    [shared.arn],
  )
  await assert.rejects(analyzer.listFindingsV2({ analyzerArn, filter: { colour: { eq: ['red'] } } }), {
    name: 'ValidationException',
  })
  await assert.rejects(analyzer.getFindingV2({ analyzerArn, id: 'none' }), {
    name: 'ResourceNotFoundException',
  })
  await assert.rejects(
    analyzer.listFindingsV2({ analyzerArn: analyzerArn.replace(OWNER, PARTNER) }),
    (error: Error) => ['AccessDeniedException', 'ResourceNotFoundException'].includes(error.name),
  )
})

test('access from outside is found when a key policy names somebody by a unique id', async () => {
  const { stdout } = await run('credentials', 'create', PARTNER, '--json')
  const partner = iamClient(server, JSON.parse(stdout) as Credentials)
  const ids = await Promise.all(
    [partner, iam].map(async (of) => (await of.createUser({ UserName: 'by-id' })).User?.UserId ?? ''),
  )
  const Principal = { AWS: ids }
  const key = await newKey(kms, { Policy: keyPolicy(statement({ Principal, Action: 'kms:Decrypt' })) })
  const filter = { resource: { eq: [key.arn] } }
  const { findings = [] } = await analyzer.listFindingsV2({ analyzerArn, filter })
  assert.equal(findings.length, 1)
  const found = await analyzer.getFindingV2({ analyzerArn, id: findings[0]?.id ?? '' })
  assert.deepEqual(found.findingDetails?.[0]?.externalAccessDetails?.principal, { AWS: ids[0] })
})

test('a user needs permission for each of these', async () => {
  const { credentials } = await newUser('nobody')
  const asNobody = analyzerClient(credentials)
  await assert.rejects(asNobody.validatePolicy({ policyDocument: '{}', policyType: 'IDENTITY_POLICY' }), {
    name: 'AccessDeniedException',
    message: `User: arn:aws:iam::${OWNER}:user/nobody is not authorized to perform: access-analyzer:ValidatePolicy on resource: * because no identity-based policy allows the access-analyzer:ValidatePolicy action`,
  })
  await assert.rejects(asNobody.listFindingsV2({ analyzerArn }), { name: 'AccessDeniedException' })
})

test('SimulateCustomPolicy decides as the policies say, and names the statements', async () => {
  const policy =
    '{\n  "Version": "2012-10-17",\n  "Statement": {\n    "Effect": "Allow",\n    "Action": "kms:Decrypt",\n    "Resource": "*",\n    "Condition": {"StringEquals": {"kms:EncryptionContext:Tenant": "a"}}\n  }\n}'
  const simulate = async (more: object = {}) => {
    const { EvaluationResults = [] } = await iam.simulateCustomPolicy({
      PolicyInputList: [policy],
      ActionNames: ['kms:Decrypt'],
      ...more,
    })
    return EvaluationResults[0]
  }
  const denied = await simulate()
  assert.equal(denied?.EvalDecision, 'implicitDeny')
  assert.deepEqual(denied.MissingContextValues, ['kms:EncryptionContext:Tenant'])
  const ContextEntries = [
    {
      ContextKeyName: 'kms:EncryptionContext:tenant',
      ContextKeyValues: ['a'],
      ContextKeyType: 'string' as const,
    },
  ]
  const allowed = await simulate({ ContextEntries })
  assert.equal(allowed?.EvalDecision, 'allowed')
  assert.deepEqual(allowed.MatchedStatements, [
    {
      SourcePolicyId: 'PolicyInputList.1',
      SourcePolicyType: 'IAM Policy',
      StartPosition: { Line: 3, Column: 16 },
      EndPosition: { Line: 8, Column: 4 },
    },
  ])
  const boundary = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' },
  })
  const bound = await simulate({ ContextEntries, PermissionsBoundaryPolicyInputList: [boundary] })
  assert.equal(bound?.EvalDecision, 'implicitDeny')
  assert.deepEqual(bound.PermissionsBoundaryDecisionDetail, { AllowedByPermissionsBoundary: false })
  const controlled = await simulate({
    ContextEntries,
    OrderedOrganizationPolicyInputList: [
      {
        ServiceControlPolicyInputList: [
          JSON.stringify({
            Version: '2012-10-17',
            Statement: { Effect: 'Deny', Action: 'kms:*', Resource: '*' },
          }),
        ],
      },
    ],
  })
  assert.equal(controlled?.EvalDecision, 'explicitDeny')
  assert.deepEqual(controlled.OrganizationsDecisionDetail, { AllowedByOrganizations: false })
  await assert.rejects(simulate({ PolicyInputList: ['{'] }), { name: 'InvalidInputException' })
  const actions = Array.from({ length: 1000 }, (_, i) => `kms:Action${i}`)
  const large = JSON.stringify(policyOf(statement({ Action: actions })))
  await assert.rejects(simulate({ PolicyInputList: [large] }), {
    name: 'InvalidInputException',
    message: 'Invalid policy document in PolicyInputList.1: it has more than 10240 characters.',
  })
  const { ContextKeyNames } = await iam.getContextKeysForCustomPolicy({ PolicyInputList: [policy] })
  assert.deepEqual(ContextKeyNames, ['kms:EncryptionContext:Tenant'])
})

test('simulations come in pages', async () => {
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
  })
  const ActionNames = ['kms:Decrypt', 'kms:Encrypt', 'kms:DescribeKey']
  const seen: (string | undefined)[] = []
  let Marker: string | undefined
  do {
    const page = await iam.simulateCustomPolicy({
      PolicyInputList: [policy],
      ActionNames,
      MaxItems: 2,
      ...(Marker && { Marker }),
    })
    seen.push(...(page.EvaluationResults ?? []).map(({ EvalActionName }) => EvalActionName))
    Marker = page.IsTruncated === true ? page.Marker : undefined
  } while (Marker !== undefined)
  assert.deepEqual(seen, ActionNames)
})

test('what SimulatePrincipalPolicy says of a key and its policy is what the server does', async () => {
  const { arn, credentials } = await newUser('alice', {
    Effect: 'Allow',
    Action: ['kms:Encrypt', 'kms:DescribeKey'],
    Resource: '*',
  })
  const policies = [
    keyPolicy(),
    keyPolicy(statement({ Effect: 'Deny', Principal: '*', Action: 'kms:Encrypt' })),
    keyPolicy(statement({ Principal: { AWS: arn }, Action: 'kms:GenerateDataKey' })),
    keyPolicy(
      statement({
        Principal: { AWS: arn },
        Action: 'kms:*',
        Condition: { StringEquals: { 'aws:username': 'alice' } },
      }),
    ),
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        statement({
          Principal: root(OWNER),
          Action: 'kms:*',
          Condition: { StringNotEquals: { 'aws:username': 'alice' } },
        }),
      ],
    }),
  ]
  const asAlice = kmsClient(server, { credentials })
  for (const Policy of policies) {
    const key = await newKey(kms, { Policy, BypassPolicyLockoutSafetyCheck: true })
    const done = {
      'kms:Encrypt': () => asAlice.encrypt({ KeyId: key.arn, Plaintext: Buffer.from('x') }),
      'kms:DescribeKey': () => asAlice.describeKey({ KeyId: key.arn }),
      'kms:GenerateDataKey': () => asAlice.generateDataKey({ KeyId: key.arn, KeySpec: 'AES_256' }),
      'kms:DisableKey': () => asAlice.disableKey({ KeyId: key.arn }),
    }
    const { EvaluationResults = [] } = await iam.simulatePrincipalPolicy({
      PolicySourceArn: arn,
      ActionNames: Object.keys(done),
      ResourceArns: [key.arn],
      ResourcePolicy: Policy,
    })
    for (const { EvalActionName, EvalDecision } of EvaluationResults) {
      const action = EvalActionName as keyof typeof done
      const allowed = await done[action]().then(
        () => true,
        () => false,
      )
      assert.equal(EvalDecision === 'allowed', allowed, `${action} under ${Policy}`)
      // A process for each takes half a second.
      if (action !== 'kms:Encrypt') continue
      const { stdout } = await run(
        'policy',
        'simulate',
        '--principal',
        arn,
        '--action',
        action,
        '--key',
        key.arn,
        '--json',
      )
      assert.equal((JSON.parse(stdout) as { allowed: boolean }).allowed, allowed, `${action}: ${stdout}`)
    }
  }
  const { EvaluationResults = [] } = await iam.simulatePrincipalPolicy({
    PolicySourceArn: arn,
    ActionNames: ['kms:Encrypt'],
  })
  assert.deepEqual(
    EvaluationResults[0]?.MatchedStatements?.map(({ SourcePolicyId }) => SourcePolicyId),
    ['user_alice_inline'],
  )
  await assert.rejects(
    iam.simulatePrincipalPolicy({
      PolicySourceArn: arn.replace('alice', 'bob'),
      ActionNames: ['kms:Encrypt'],
    }),
    {
      name: 'NoSuchEntityException',
    },
  )
})

test('who-can lists everybody who may, with the reason, and says when it depends', async () => {
  const bob = await newUser('bob', { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' })
  const carol = await newUser('carol', {
    Effect: 'Allow',
    Action: 'kms:Decrypt',
    Resource: '*',
    Condition: { IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } },
  })
  const dave = await newUser('dave')
  const erin = await newUser('erin')
  await newUser('frank', { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' })
  const key = await newKey(kms, {
    Policy: keyPolicy(statement({ Principal: { AWS: dave.arn }, Action: 'kms:Decrypt' })),
  })
  const { GrantId } = await kms.createGrant({
    KeyId: key.id,
    GranteePrincipal: erin.arn,
    Operations: ['Decrypt'],
    Constraints: { EncryptionContextSubset: { tenant: 'a' } },
  })
  const { stdout, code, stderr } = await run('policy', 'who-can', 'kms:Decrypt', key.arn, '--json')
  assert.equal(code, 0, stderr)
  const { principals } = JSON.parse(stdout) as {
    principals: { principal: string; conditional: boolean; conditions: string[]; grantId?: string }[]
  }
  assert.deepEqual(
    principals.map(({ principal, conditional, conditions, grantId }) => ({
      principal,
      conditional,
      conditions,
      grantId,
    })),
    [
      { principal: `arn:aws:iam::${OWNER}:root`, conditional: false, conditions: [], grantId: undefined },
      { principal: bob.arn, conditional: false, conditions: [], grantId: undefined },
      { principal: carol.arn, conditional: true, conditions: ['aws:SourceIp'], grantId: undefined },
      { principal: dave.arn, conditional: false, conditions: [], grantId: undefined },
      {
        principal: erin.arn,
        conditional: true,
        conditions: ['kms:EncryptionContext:tenant'],
        grantId: GrantId,
      },
    ],
  )
  const table = (await run('policy', 'who-can', 'kms:Decrypt', key.arn)).stdout
  assert.match(table, /user\/carol\s+if aws:SourceIp/)
  const asked = (context: string[]) =>
    run(
      'policy',
      'simulate',
      '--principal',
      erin.arn,
      '--action',
      'kms:Decrypt',
      '--key',
      key.arn,
      ...context,
    )
  assert.match((await asked([])).stdout, /^DENIED/)
  assert.match((await asked(['--context', 'kms:EncryptionContext:tenant=a'])).stdout, /^ALLOWED/)
})

test('lint needs no deployment, and fails for errors and security warnings only', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'policy.json')
  const lint = async (text: string) => {
    writeFileSync(file, text)
    return runAlone('policy', 'lint', file, '--json')
  }
  const sound = await lint(keyPolicy())
  assert.deepEqual([sound.code, sound.stdout], [0, '[]\n'])
  const warned = await lint(keyPolicy().replace('"Version":"2012-10-17",', ''))
  assert.equal(warned.code, 0)
  assert.match(warned.stdout, /MISSING_VERSION/)
  const open = await lint(keyPolicy(statement({ Principal: '*', Action: 'kms:Decrypt' })))
  assert.equal(open.code, 1)
  assert.match(open.stdout, /KW_PUBLIC_PRINCIPAL/)
})

test('a template makes a policy that CreateKey takes', async () => {
  const { arn } = await newUser('grace')
  const { stdout, code } = await runAlone(
    'policy',
    'template',
    'administrator-and-user',
    '--set',
    `account=${OWNER}`,
    '--set',
    `administrators=${arn}`,
    '--set',
    `users=${arn}`,
  )
  assert.equal(code, 0)
  await newKey(kms, { Policy: stdout })
  const refused = await runAlone('policy', 'template', 'administrator-and-user', '--set', 'account=1')
  assert.deepEqual(
    [refused.code, refused.stderr],
    [1, 'keywright: account of administrator-and-user must be an account id of twelve digits\n'],
  )
})

test('a role is simulated by its own policies and limits', async () => {
  const trust = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Principal: root(OWNER), Action: 'sts:AssumeRole' },
  })
  const { Role } = await iam.createRole({ RoleName: 'App', AssumeRolePolicyDocument: trust })
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' },
  })
  await iam.putRolePolicy({ RoleName: 'App', PolicyName: 'use', PolicyDocument })
  const { EvaluationResults = [] } = await iam.simulatePrincipalPolicy({
    PolicySourceArn: Role?.Arn,
    ActionNames: ['kms:Decrypt', 'kms:Encrypt'],
  })
  assert.deepEqual(
    EvaluationResults.map(({ EvalDecision }) => EvalDecision),
    ['allowed', 'implicitDeny'],
  )
  assert.equal(EvaluationResults[0]?.MatchedStatements?.[0]?.SourcePolicyId, 'role_App_use')
  const trusting = await iam.simulatePrincipalPolicy({
    PolicySourceArn: Role?.Arn,
    ActionNames: ['kms:Decrypt'],
    PolicyExclusionList: [
      { InlinePolicyIdentifier: { PolicyName: 'use', AttachmentType: 'ROLE', AttachmentName: 'App' } },
    ] as never,
  })
  assert.equal(trusting.EvaluationResults?.[0]?.EvalDecision, 'implicitDeny')
  const user = await newUser('heidi', { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' })
  const sts = stsClient(server, user.credentials)
  const { Credentials: session } = await sts.assumeRole({ RoleArn: Role?.Arn, RoleSessionName: 'session' })
  const asRole = kmsClient(server, { credentials: sessionCredentials(session) })
  const key = await newKey(kms)
  await assert.rejects(asRole.encrypt({ KeyId: key.arn, Plaintext: Buffer.from('x') }), {
    name: 'AccessDeniedException',
  })
})
