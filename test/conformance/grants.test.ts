import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import { paginateListGrants, type KMS } from '@aws-sdk/client-kms'
import { STS } from '@aws-sdk/client-sts'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer, type Credentials } from '../server-process.ts'

const server = await startServer()
const { dataDir } = server
after(() => server.stop())
const kms = kmsClient(server)
const Plaintext = Buffer.from('plaintext')
const policyOf = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })

const clientOptions = (credentials: Credentials & { sessionToken?: string }) => ({
  endpoint: server.url,
  region: 'us-east-1',
  credentials,
  maxAttempts: 1,
})
const iam = new IAM(clientOptions(server.credentials))

async function newUser(UserName: string, ...allow: string[]): Promise<{ arn: string; kms: KMS }> {
  const { User } = await iam.createUser({ UserName })
  if (allow.length > 0) {
    const PolicyDocument = policyOf({ Effect: 'Allow', Action: allow, Resource: '*' })
    await iam.putUserPolicy({ UserName, PolicyName: 'own', PolicyDocument })
  }
  const { AccessKey } = await iam.createAccessKey({ UserName })
  assert.ok(User?.Arn && AccessKey?.AccessKeyId && AccessKey.SecretAccessKey)
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey
  return { arn: User.Arn, kms: kmsClient(server, { credentials: { accessKeyId, secretAccessKey } }) }
}

async function keywright(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runKeywright(args, { dataDir })
  assert.equal(code, 0, stderr)
  return stdout
}

test('a grant works from its creation to its revocation, as Terraform makes and reads it', async () => {
  const key = await newKey(kms)
  const user = await newUser('grantee')
  await assertRefused(
    user.kms.encrypt({ KeyId: key.id, Plaintext }),
    'AccessDeniedException',
    `User: ${user.arn} is not authorized to perform: kms:Encrypt on resource: ${key.arn} because no identity-based policy allows the kms:Encrypt action`,
  )
  const { GrantId, GrantToken } = await kms.createGrant({
    KeyId: key.id,
    Name: 'app',
    GranteePrincipal: user.arn,
    RetiringPrincipal: user.arn,
    Operations: ['Encrypt', 'Decrypt'],
    Constraints: { EncryptionContextSubset: { tenant: 'red' } },
  })
  assert.match(GrantId ?? '', /^[0-9a-f]{64}$/)
  assert.match(GrantToken ?? '', /^[A-Za-z0-9+/]+=*$/)
  const EncryptionContext = { tenant: 'red', file: '1' }
  const { CiphertextBlob } = await user.kms.encrypt({ KeyId: key.id, Plaintext, EncryptionContext })
  await user.kms.decrypt({ CiphertextBlob, EncryptionContext, GrantTokens: [GrantToken ?? ''] })
  await assertRefused(
    user.kms.encrypt({ KeyId: key.id, Plaintext, EncryptionContext: { tenant: 'blue' } }),
    'AccessDeniedException',
    /is not authorized to perform: kms:Encrypt/,
  )
  await assertRefused(
    user.kms.decrypt({ CiphertextBlob, EncryptionContext, GrantTokens: ['Zm9yZ2Vk'] }),
    'InvalidGrantTokenException',
    /./,
  )

  const { Grants = [], Truncated } = await kms.listGrants({ KeyId: key.id, Limit: 100 })
  assert.equal(Truncated, false)
  const [{ CreationDate, ...listed } = {}] = Grants
  assert.ok(CreationDate instanceof Date)
  assert.deepEqual(listed, {
    KeyId: key.arn,
    GrantId,
    Name: 'app',
    GranteePrincipal: user.arn,
    RetiringPrincipal: user.arn,
    IssuingAccount: 'arn:aws:iam::000000000000:root',
    Operations: ['Decrypt', 'Encrypt'],
    Constraints: { EncryptionContextSubset: { tenant: 'red' } },
  })

  await kms.revokeGrant({ KeyId: key.id, GrantId })
  await assertRefused(
    user.kms.encrypt({ KeyId: key.id, Plaintext, EncryptionContext }),
    'AccessDeniedException',
    /because no identity-based policy allows the kms:Encrypt action$/,
  )
  await assertRefused(
    kms.revokeGrant({ KeyId: key.id, GrantId }),
    'NotFoundException',
    `Grant ID ${GrantId ?? ''} not found`,
  )
})

test("a role's session uses the role's grants, and retires them by token", async () => {
  const key = await newKey(kms)
  const { Role } = await iam.createRole({
    RoleName: 'worker',
    AssumeRolePolicyDocument: policyOf({
      Effect: 'Allow',
      Principal: { AWS: '000000000000' },
      Action: 'sts:AssumeRole',
    }),
  })
  await newUser('assumer', 'sts:AssumeRole')
  const { AccessKey } = await iam.createAccessKey({ UserName: 'assumer' })
  assert.ok(Role?.Arn && AccessKey?.AccessKeyId && AccessKey.SecretAccessKey)
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey
  const sts = new STS(clientOptions({ accessKeyId, secretAccessKey }))
  const { Credentials: session } = await sts.assumeRole({ RoleArn: Role.Arn, RoleSessionName: 'one' })
  assert.ok(session?.AccessKeyId && session.SecretAccessKey && session.SessionToken)
  const worker = kmsClient(server, {
    credentials: {
      accessKeyId: session.AccessKeyId,
      secretAccessKey: session.SecretAccessKey,
      sessionToken: session.SessionToken,
    },
  })
  const { GrantId, GrantToken } = await kms.createGrant({
    KeyId: key.id,
    GranteePrincipal: Role.Arn,
    Operations: ['GenerateDataKey', 'RetireGrant'],
  })
  await worker.generateDataKey({ KeyId: key.arn, KeySpec: 'AES_256' })
  await assertRefused(
    worker.retireGrant({ GrantToken, DryRun: true }),
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
  )
  await worker.retireGrant({ GrantToken })
  assert.deepEqual((await kms.listGrants({ KeyId: key.id, GrantId })).Grants, [])
  await assert.rejects(worker.generateDataKey({ KeyId: key.arn, KeySpec: 'AES_256' }), {
    name: 'AccessDeniedException',
  })
})

test('the paginator of the SDK sees each grant once', async () => {
  const key = await newKey(kms)
  const { arn } = await newUser('many')
  const made = new Set<string>()
  for (let at = 0; at < 12; at++) {
    const { GrantId } = await kms.createGrant({
      KeyId: key.id,
      GranteePrincipal: arn,
      Operations: ['Decrypt'],
    })
    made.add(GrantId ?? '')
  }
  const seen: string[] = []
  for await (const { Grants = [] } of paginateListGrants({ client: kms, pageSize: 5 }, { KeyId: key.id })) {
    seen.push(...Grants.map((grant) => grant.GrantId ?? ''))
  }
  assert.equal(seen.length, 12)
  assert.deepEqual(new Set(seen), made)
})

test('no grant token is in the journal', async () => {
  const key = await newKey(kms)
  const user = await newUser('token-holder')
  const { GrantToken = '' } = await kms.createGrant({
    KeyId: key.id,
    GranteePrincipal: user.arn,
    Operations: ['Encrypt', 'RetireGrant'],
  })
  await user.kms.encrypt({ KeyId: key.id, Plaintext, GrantTokens: [GrantToken] })
  await user.kms.retireGrant({ GrantToken })
  const { text } = await journalOf({ dataDir })
  assert.ok(text.includes('"eventName":"RetireGrant"'))
  assert.ok(!text.includes(GrantToken))
})

test('quarantine stops a key and a principal at once, whatever grants allow, and release undoes it', async () => {
  const key = await newKey(kms)
  const user = await newUser('suspect')
  await kms.createGrant({ KeyId: key.id, GranteePrincipal: user.arn, Operations: ['Encrypt'] })
  await user.kms.encrypt({ KeyId: key.id, Plaintext })

  const shown = await keywright('quarantine', 'key', key.id, '--reason', 'incident 7')
  assert.match(shown, new RegExp(`^${key.arn} is under quarantine`))
  assert.ok(shown.includes(user.arn))
  for (const client of [kms, user.kms]) {
    await assertRefused(
      client.encrypt({ KeyId: key.id, Plaintext }),
      'AccessDeniedException',
      /with an explicit deny in a resource-based policy$/,
    )
  }
  assert.match(await keywright('release', 'key', key.id), /incident 7/)
  await user.kms.encrypt({ KeyId: key.id, Plaintext })

  const told = JSON.parse(
    await keywright('quarantine', 'principal', user.arn, '--reason', 'incident 8', '--json'),
  ) as { arn: string; reason: string; grants: { keyArn: string }[] }
  assert.deepEqual(
    [told.arn, told.reason, told.grants.map(({ keyArn }) => keyArn)],
    [user.arn, 'incident 8', [key.arn]],
  )
  await assertRefused(
    user.kms.encrypt({ KeyId: key.id, Plaintext }),
    'AccessDeniedException',
    /with an explicit deny in an identity-based policy$/,
  )
  await keywright('release', 'principal', user.arn)
  await user.kms.encrypt({ KeyId: key.id, Plaintext })
})
