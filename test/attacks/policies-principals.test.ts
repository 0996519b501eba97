import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { IAM } from '@aws-sdk/client-iam'
import type { KMS } from '@aws-sdk/client-kms'
import {
  assertRefusedWith,
  iamClient,
  newUser,
  policyOf,
  sessionCredentials,
  stsClient,
  type AnyCredentials,
} from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { send } from '../signed-request.ts'

const ACCOUNT = '111122223333'
const STRANGER = '444455556666'
const Plaintext = Buffer.from('x')
const denied = { name: 'AccessDeniedException' }
const iamArn = (what: string) => `arn:aws:iam::${ACCOUNT}:${what}`
const administration = {
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  Action: ['kms:PutKeyPolicy', 'kms:GetKeyPolicy', 'kms:CreateGrant', 'kms:RevokeGrant', 'kms:ListGrants'],
  Resource: '*',
}

let server: ServerProcess
let iam: IAM
let root: KMS
let strangerRoot: Credentials
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  iam = iamClient(server)
  root = kmsClient(server)
  const { dataDir } = server
  assert.equal((await runKeywright(['account', 'create', STRANGER], { dataDir })).code, 0)
  const made = await runKeywright(['credentials', 'create', STRANGER, '--json'], { dataDir })
  strangerRoot = JSON.parse(made.stdout) as Credentials
})
after(() => server.stop())

const as = (credentials: AnyCredentials) => kmsClient(server, { credentials })
const keyWith = (...statements: object[]) =>
  newKey(root, { Policy: JSON.stringify(policyOf(administration, ...statements)) })
const letIn = (AWS: string | string[], Action: string | string[] = 'kms:*') => ({
  Effect: 'Allow',
  Principal: { AWS },
  Action,
  Resource: '*',
})

async function remove(UserName: string): Promise<void> {
  const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName })
  for (const { AccessKeyId } of AccessKeyMetadata) await iam.deleteAccessKey({ UserName, AccessKeyId })
  const { PolicyNames = [] } = await iam.listUserPolicies({ UserName })
  for (const PolicyName of PolicyNames) await iam.deleteUserPolicy({ UserName, PolicyName })
  await iam.deleteUser({ UserName })
}

async function assume(
  by: AnyCredentials,
  role: string,
  RoleSessionName = 'session',
): Promise<AnyCredentials> {
  const { Credentials: issued } = await stsClient(server, by).assumeRole({
    RoleArn: iamArn(`role/${role}`),
    RoleSessionName,
  })
  return sessionCredentials(issued)
}

describe('whoever is made again under a name', () => {
  test('is not the user that a key policy, a trust policy or a grant names', async () => {
    const carol = await newUser(iam, 'carol')
    const byPolicy = await keyWith(letIn(iamArn('user/carol'), 'kms:Encrypt'))
    const byGrant = await keyWith()
    const { GrantId, GrantToken } = await root.createGrant({
      KeyId: byGrant.id,
      GranteePrincipal: iamArn('user/carol'),
      RetiringPrincipal: iamArn('user/carol'),
      Operations: ['Encrypt'],
    })
    await iam.createRole({
      RoleName: 'of-carol',
      AssumeRolePolicyDocument: JSON.stringify(
        policyOf({ Effect: 'Allow', Principal: { AWS: iamArn('user/carol') }, Action: 'sts:AssumeRole' }),
      ),
    })
    for (const { id: KeyId } of [byPolicy, byGrant]) await as(carol).encrypt({ KeyId, Plaintext })
    await assume(carol, 'of-carol')
    const id = (await iam.getUser({ UserName: 'carol' })).User?.UserId ?? ''

    await remove('carol')
    const again = await newUser(iam, 'carol')
    for (const { id: KeyId } of [byPolicy, byGrant]) {
      await assert.rejects(as(again).encrypt({ KeyId, Plaintext }), denied)
    }
    const token = [GrantToken ?? '']
    await assert.rejects(as(again).encrypt({ KeyId: byGrant.id, Plaintext, GrantTokens: token }), denied)
    await assert.rejects(as(again).retireGrant({ KeyId: byGrant.arn, GrantId }), denied)
    await assert.rejects(as(again).retireGrant({ GrantToken }), denied)
    await assertRefusedWith(assume(again, 'of-carol'), 'AccessDenied', 403)

    // What is shown is the id that was meant; and it can be put back as it is shown, naming nobody new.
    const { Policy = '' } = await root.getKeyPolicy({ KeyId: byPolicy.id })
    assert.match(Policy, new RegExp(`"${id}"`))
    assert.doesNotMatch(Policy, /user\/carol/)
    await root
      .putKeyPolicy({ KeyId: byPolicy.id, Policy })
      .catch((error: Error) => assert.equal(error.name, 'MalformedPolicyDocumentException'))
    await assert.rejects(as(again).encrypt({ KeyId: byPolicy.id, Plaintext }), denied)
  })

  test('is not spared by a deny that spares who had the name', async () => {
    const dave = await newUser(iam, 'dave', policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }))
    const { id: KeyId } = await keyWith(letIn(`arn:aws:iam::${ACCOUNT}:root`), {
      Effect: 'Deny',
      NotPrincipal: { AWS: [iamArn('user/dave'), `arn:aws:iam::${ACCOUNT}:root`] },
      Action: 'kms:Encrypt',
      Resource: '*',
    })
    await as(dave).encrypt({ KeyId, Plaintext })
    await remove('dave')
    const again = await newUser(iam, 'dave', policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }))
    await assert.rejects(as(again).encrypt({ KeyId, Plaintext }), denied)
  })

  test('nor does a rename carry a name’s rights to who takes it next', async () => {
    const erin = await newUser(iam, 'erin')
    const { id: KeyId } = await keyWith(letIn(iamArn('user/erin'), 'kms:Encrypt'))
    await iam.updateUser({ UserName: 'erin', NewUserName: 'erin-before' })
    const taker = await newUser(iam, 'erin')
    await assert.rejects(as(taker).encrypt({ KeyId, Plaintext }), denied)
    // AWS binds the policy to the id, so whoever was meant keeps it or loses it; the taker never has it.
    await as(erin)
      .encrypt({ KeyId, Plaintext })
      .catch((error: Error) => assert.equal(error.name, denied.name))
  })
})

describe('sessions and the deny that spares', () => {
  test('a session is spared only when it, its role and its account are named', async () => {
    const frank = await newUser(iam, 'frank')
    await iam.createRole({
      RoleName: 'spared',
      AssumeRolePolicyDocument: JSON.stringify(
        policyOf({ Effect: 'Allow', Principal: { AWS: iamArn('user/frank') }, Action: 'sts:AssumeRole' }),
      ),
    })
    const sessionArn = (name: string) => `arn:aws:sts::${ACCOUNT}:assumed-role/spared/${name}`
    const session = await assume(frank, 'spared', 'one')
    const other = await assume(frank, 'spared', 'two')
    const rootArn = `arn:aws:iam::${ACCOUNT}:root`
    for (const [spared, isSpared] of [
      [[sessionArn('one'), iamArn('role/spared'), rootArn], true],
      [[iamArn('role/spared'), rootArn], false],
      [[sessionArn('one'), rootArn], false],
      [[sessionArn('one'), iamArn('role/spared')], false],
      [[rootArn], false],
    ] as const) {
      const { id: KeyId } = await keyWith(letIn(iamArn('role/spared'), 'kms:Encrypt'), {
        Effect: 'Deny',
        NotPrincipal: { AWS: spared },
        Action: 'kms:Encrypt',
        Resource: '*',
      })
      const call = as(session).encrypt({ KeyId, Plaintext })
      if (isSpared) await call
      else await assert.rejects(call, denied, spared.join())
      await assert.rejects(as(other).encrypt({ KeyId, Plaintext }), denied, spared.join())
    }
  })

  test('a user of a session’s or a role’s name is neither', async () => {
    const { id: KeyId } = await keyWith(letIn(iamArn('role/spared'), 'kms:Encrypt'))
    for (const name of ['spared', 'assumed-role']) {
      await assert.rejects(as(await newUser(iam, name)).encrypt({ KeyId, Plaintext }), denied)
    }
  })
})

describe('grants', () => {
  test('are not widened by who has them', async () => {
    const gina = await newUser(iam, 'gina')
    const { id: KeyId, arn } = await keyWith()
    const EncryptionContextSubset = { tenant: 'red' }
    await root.createGrant({
      KeyId,
      GranteePrincipal: iamArn('user/gina'),
      Operations: ['CreateGrant', 'Encrypt'],
      Constraints: { EncryptionContextSubset },
    })
    const kms = as(gina)
    const grantee = { KeyId: arn, GranteePrincipal: iamArn('user/gina') }
    for (const wider of [
      { Operations: ['Decrypt'], Constraints: { EncryptionContextSubset } },
      { Operations: ['Encrypt', 'Decrypt'], Constraints: { EncryptionContextSubset } },
      { Operations: ['Encrypt'] },
      { Operations: ['Encrypt'], Constraints: { EncryptionContextSubset: { tenant: 'blue' } } },
      { Operations: ['Encrypt'], Constraints: { EncryptionContextSubset: { tenant: 'RED' } } },
      { Operations: ['Encrypt'], Constraints: { EncryptionContextEquals: { tenant: 'blue' } } },
      { Operations: ['Encrypt'], Constraints: { EncryptionContextSubset: { file: '1' } } },
    ] as const) {
      await assert.rejects(kms.createGrant({ ...grantee, ...wider, Operations: [...wider.Operations] }), {
        name: /AccessDeniedException|ValidationException/,
      })
    }
    await kms.createGrant({
      ...grantee,
      Operations: ['Encrypt'],
      Constraints: { EncryptionContextSubset: { tenant: 'red', file: '1' } },
    })
    await kms.encrypt({ KeyId, Plaintext, EncryptionContext: { tenant: 'red' } })
    for (const EncryptionContext of [
      {},
      { tenant: 'blue' },
      { tenant: 'RED' },
      { tenant: 'red', Tenant: 'red' },
    ])
      await assert.rejects(kms.encrypt({ KeyId, Plaintext, EncryptionContext }), denied)
  })

  test('a token opens nothing but its own grant, for its grantee, on its key', async () => {
    const [hans, ida] = [await newUser(iam, 'hans'), await newUser(iam, 'ida')]
    const [one, two] = [await keyWith(), await keyWith()]
    const { GrantToken, GrantId } = await root.createGrant({
      KeyId: one.id,
      GranteePrincipal: iamArn('user/hans'),
      Operations: ['Encrypt'],
    })
    const GrantTokens = [GrantToken ?? '']
    await as(hans).encrypt({ KeyId: one.id, Plaintext, GrantTokens })
    await assert.rejects(as(ida).encrypt({ KeyId: one.id, Plaintext, GrantTokens }), denied)
    await assert.rejects(as(hans).encrypt({ KeyId: two.id, Plaintext, GrantTokens }), denied)
    const stranger = as(strangerRoot)
    await assert.rejects(stranger.encrypt({ KeyId: one.arn, Plaintext, GrantTokens }), denied)
    const CiphertextBlob = (await as(hans).encrypt({ KeyId: one.id, Plaintext })).CiphertextBlob
    await assert.rejects(as(hans).decrypt({ CiphertextBlob, GrantTokens }), denied)

    // Retired and revoked by those who may, and by nobody else.
    for (const kms of [as(hans), as(ida), stranger]) {
      await assert.rejects(kms.retireGrant({ GrantToken }), denied)
      await assert.rejects(kms.retireGrant({ KeyId: one.arn, GrantId }), denied)
      await assert.rejects(kms.revokeGrant({ KeyId: one.arn, GrantId }), denied)
      await assert.rejects(kms.listGrants({ KeyId: one.arn }), denied)
    }
    await as(hans).encrypt({ KeyId: one.id, Plaintext })
    await assert.rejects(root.revokeGrant({ KeyId: two.id, GrantId }), { name: /NotFound|InvalidGrantId/ })
    await root.revokeGrant({ KeyId: one.id, GrantId })
    await assert.rejects(as(hans).encrypt({ KeyId: one.id, Plaintext, GrantTokens }), denied)
  })

  test('a grant for the caller needs the permission to make it, on a key of whatever account', async () => {
    const jim = await newUser(iam, 'jim', policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }))
    const { arn: KeyId } = await keyWith()
    for (const [kms, GranteePrincipal] of [
      [as(strangerRoot), `arn:aws:iam::${STRANGER}:root`],
      [as(strangerRoot), iamArn('user/jim')],
    ] as const) {
      await assert.rejects(kms.createGrant({ KeyId, GranteePrincipal, Operations: ['Decrypt'] }), denied)
    }
    // In the key's account the key policy leaves CreateGrant to IAM, and nothing more than that.
    await as(jim).createGrant({
      KeyId,
      GranteePrincipal: iamArn('user/jim'),
      Operations: ['Encrypt'],
    })
    await as(jim).encrypt({ KeyId, Plaintext })
    await assert.rejects(as(jim).scheduleKeyDeletion({ KeyId }), denied)
  })
})

describe('another account’s key', () => {
  test('looks to users and sessions of every permission as one that is not there, down to the byte', async () => {
    const strangers = iamClient(server, strangerRoot)
    const user = await newUser(
      strangers,
      'curious',
      policyOf({ Effect: 'Allow', Action: '*', Resource: '*' }),
    )
    const little = await newUser(
      strangers,
      'little',
      policyOf({ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' }),
    )
    const tagged = policyOf(
      { Effect: 'Allow', Action: '*', Resource: '*' },
      // Would tell a key's tags, states or aliases, if it were evaluated with them.
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { StringEquals: { 'aws:ResourceTag/secret': 'yes' } },
      },
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { 'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/secret*' } },
      },
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { StringEquals: { 'kms:KeyUsage': 'ENCRYPT_DECRYPT' } },
      },
    )
    const prober = await newUser(strangers, 'prober', tagged)
    const present = await newKey(root, { Tags: [{ TagKey: 'secret', TagValue: 'yes' }] })
    await root.createAlias({ AliasName: 'alias/secret', TargetKeyId: present.id })
    const disabled = await newKey(root)
    await root.disableKey({ KeyId: disabled.id })
    const quarantined = await newKey(root)
    const run = await runKeywright(['quarantine', 'key', quarantined.arn, '--reason', 'looked at'], {
      dataDir: server.dataDir,
    })
    assert.equal(run.code, 0, run.stderr)
    const absent = '12345678-1234-1234-1234-123456789012'
    const arnOf = (id: string) => present.arn.replace(present.id, id)
    const sealed = async (id: string) =>
      Buffer.from((await root.encrypt({ KeyId: id, Plaintext })).CiphertextBlob ?? []).toString('base64')
    const blob = await sealed(present.id)
    const operations: Readonly<Record<string, (KeyId: string) => object>> = {
      Encrypt: (KeyId) => ({ KeyId, Plaintext: 'eA==' }),
      Decrypt: (KeyId) => ({ KeyId, CiphertextBlob: blob }),
      DescribeKey: (KeyId) => ({ KeyId }),
      GetKeyPolicy: (KeyId) => ({ KeyId }),
      CreateGrant: (KeyId) => ({
        KeyId,
        GranteePrincipal: `arn:aws:iam::${STRANGER}:root`,
        Operations: ['Encrypt'],
      }),
      ListGrants: (KeyId) => ({ KeyId }),
      RevokeGrant: (KeyId) => ({ KeyId, GrantId: 'a'.repeat(64) }),
      RetireGrant: (KeyId) => ({ KeyId, GrantId: 'a'.repeat(64) }),
      DisableKey: (KeyId) => ({ KeyId }),
      ScheduleKeyDeletion: (KeyId) => ({ KeyId }),
      TagResource: (KeyId) => ({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
      PutKeyPolicy: (KeyId) => ({
        KeyId,
        Policy: JSON.stringify(policyOf(letIn(`arn:aws:iam::${STRANGER}:root`))),
      }),
    }
    for (const credentials of [strangerRoot, user, little, prober]) {
      for (const [operation, requestFor] of Object.entries(operations)) {
        const told = async (id: string) => {
          const answer = await send(server, { operation, body: requestFor(arnOf(id)), credentials })
          assert.ok(answer.status >= 400, `${operation}: ${answer.body}`)
          return `${answer.status} ${answer.body}`.replaceAll(id, 'ID')
        }
        const missing = await told(absent)
        for (const id of [present.id, disabled.id, quarantined.id])
          assert.equal(await told(id), missing, `${operation} ${credentials.accessKeyId}`)
      }
    }
  })

  test('takes as long to refuse as one that is not there', async () => {
    const credentials = strangerRoot
    const { id, arn } = await newKey(root)
    const absent = arn.replace(id, '12345678-1234-1234-1234-123456789012')
    const taken = { [arn]: [] as number[], [absent]: [] as number[] }
    for (let round = 0; round < 60; round++) {
      for (const KeyId of [arn, absent]) {
        const start = performance.now()
        await send(server, { operation: 'Encrypt', body: { KeyId, Plaintext: 'eA==' }, credentials })
        taken[KeyId]?.push(performance.now() - start)
      }
    }
    const [known = NaN, unknown = NaN] = Object.values(taken).map(
      (times) => times.toSorted((a, b) => a - b)[times.length >> 1],
    )
    // Not that they could not be told apart by anybody: nothing but noise should be there to tell them by.
    assert.ok(known / unknown < 1.5 && unknown / known < 1.5, `${known} ms and ${unknown} ms`)
  })
})
