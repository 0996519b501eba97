import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import type { KMS } from '@aws-sdk/client-kms'
import { STS } from '@aws-sdk/client-sts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'

const ACCOUNT = '111122223333'
const server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
const { url: endpoint, credentials } = server
const admin = kmsClient(server)
const iam = new IAM({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 })
after(() => server.stop())

const Plaintext = Buffer.from('x')
const root = `arn:aws:iam::${ACCOUNT}:root`
const trustsAccount = { Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' }
const allow = (Action: string | string[], Resource = '*', Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
})
const document = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })

interface Person {
  readonly arn: string
  readonly id: string
  readonly kms: KMS
  readonly credentials: { accessKeyId: string; secretAccessKey: string }
  leave(): Promise<void>
}

async function user(UserName: string, ...statements: object[]): Promise<Person> {
  const { User } = await iam.createUser({ UserName })
  if (statements.length > 0) {
    await iam.putUserPolicy({ UserName, PolicyName: 'own', PolicyDocument: document(...statements) })
  }
  const { AccessKey } = await iam.createAccessKey({ UserName })
  const pair = {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  }
  return {
    arn: User?.Arn ?? '',
    id: User?.UserId ?? '',
    credentials: pair,
    kms: kmsClient(server, { credentials: pair }),
    async leave() {
      if (statements.length > 0) await iam.deleteUserPolicy({ UserName, PolicyName: 'own' })
      await iam.deleteAccessKey({ UserName, AccessKeyId: pair.accessKeyId })
      await iam.deleteUser({ UserName })
    },
  }
}

test('what a user may do is said by its own policies, under a key policy that trusts the account', async () => {
  const key = await newKey(admin)
  const ada = await user('ada', allow(['kms:Encrypt', 'kms:DescribeKey'], key.arn))
  const { CiphertextBlob } = await ada.kms.encrypt({ KeyId: key.id, Plaintext })
  await ada.kms.describeKey({ KeyId: key.arn })
  await assertRefused(
    ada.kms.decrypt({ CiphertextBlob, KeyId: key.id }),
    'AccessDeniedException',
    `User: ${ada.arn} is not authorized to perform: kms:Decrypt on resource: ${key.arn} because no identity-based policy allows the kms:Decrypt action`,
  )
  await assertRefused(
    ada.kms.decrypt({ CiphertextBlob }),
    'AccessDeniedException',
    `User: ${ada.arn} is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action`,
  )
  await assertRefused(
    ada.kms.createKey({}),
    'AccessDeniedException',
    `User: ${ada.arn} is not authorized to perform: kms:CreateKey on resource: * because no identity-based policy allows the kms:CreateKey action`,
  )
  // Whether there is another key is for those to know who could use it.
  const absent = key.arn.replace(key.id, '12345678-1234-4234-8234-123456789012')
  await assertRefused(
    ada.kms.describeKey({ KeyId: absent }),
    'AccessDeniedException',
    /no identity-based policy/,
  )
  const all = await user('all', allow('kms:*'))
  await assertRefused(
    all.kms.describeKey({ KeyId: absent }),
    'NotFoundException',
    `Key '${absent}' does not exist`,
  )
})

test('a policy that changes counts for the next request', async () => {
  const key = await newKey(admin)
  const bob = await user('bob', allow('kms:Encrypt'))
  await bob.kms.encrypt({ KeyId: key.id, Plaintext })
  await iam.putUserPolicy({
    UserName: 'bob',
    PolicyName: 'own',
    PolicyDocument: document(allow('kms:List*')),
  })
  await assertRefused(
    bob.kms.encrypt({ KeyId: key.id, Plaintext }),
    'AccessDeniedException',
    /no identity-based policy/,
  )
  const Policy = document(trustsAccount, { ...trustsAccount, Principal: { AWS: bob.arn } })
  await admin.putKeyPolicy({ KeyId: key.id, Policy })
  await bob.kms.encrypt({ KeyId: key.id, Plaintext })
})

test('a user that is made again under the same name gains nothing of what the key policy gave the former one', async () => {
  const first = await user('carol')
  const Policy = document(trustsAccount, { ...trustsAccount, Principal: { AWS: first.arn } })
  const key = await newKey(admin, { Policy })
  await first.kms.encrypt({ KeyId: key.id, Plaintext })
  assert.equal((await admin.getKeyPolicy({ KeyId: key.id })).Policy, Policy)
  await first.leave()
  const second = await user('carol')
  assert.equal(second.arn, first.arn)
  await assertRefused(
    second.kms.encrypt({ KeyId: key.id, Plaintext }),
    'AccessDeniedException',
    /no identity-based policy/,
  )
  assert.equal(
    (await admin.getKeyPolicy({ KeyId: key.id })).Policy,
    Policy.replace(`"AWS":"${first.arn}"`, `"AWS":"${first.id}"`),
  )
  await admin.putKeyPolicy({ KeyId: key.id, Policy })
  await second.kms.encrypt({ KeyId: key.id, Plaintext })
})

test('a role session uses the keys that its role may use, and no more than its session policy says', async () => {
  const dora = await user('dora', allow('sts:AssumeRole'))
  const trust = document({ Effect: 'Allow', Principal: { AWS: dora.arn }, Action: 'sts:AssumeRole' })
  const { Role } = await iam.createRole({ RoleName: 'worker', AssumeRolePolicyDocument: trust })
  await iam.putRolePolicy({
    RoleName: 'worker',
    PolicyName: 'own',
    PolicyDocument: document(allow(['kms:Encrypt', 'kms:Decrypt'])),
  })
  const sts = new STS({ endpoint, region: 'us-east-1', credentials: dora.credentials, maxAttempts: 1 })
  const as = async (more: { Policy?: string } = {}) => {
    const assumed = await sts.assumeRole({ RoleArn: Role?.Arn ?? '', RoleSessionName: 'shift', ...more })
    const { AccessKeyId, SecretAccessKey, SessionToken } = assumed.Credentials ?? {}
    return kmsClient(server, {
      credentials: {
        accessKeyId: AccessKeyId ?? '',
        secretAccessKey: SecretAccessKey ?? '',
        sessionToken: SessionToken ?? '',
      },
    })
  }
  const key = await newKey(admin)
  const [whole, part] = [await as(), await as({ Policy: document(allow('kms:Decrypt')) })]
  const { CiphertextBlob } = await whole.encrypt({ KeyId: key.id, Plaintext })
  await part.decrypt({ CiphertextBlob })
  const session = `arn:aws:sts::${ACCOUNT}:assumed-role/worker/shift`
  await assertRefused(
    part.encrypt({ KeyId: key.id, Plaintext }),
    'AccessDeniedException',
    `User: ${session} is not authorized to perform: kms:Encrypt on resource: ${key.arn} because no session policy allows the kms:Encrypt action`,
  )
  await assertRefused(
    whole.generateDataKey({ KeyId: key.id, KeySpec: 'AES_256' }),
    'AccessDeniedException',
    /no identity-based policy/,
  )
  await admin.putKeyPolicy({
    KeyId: key.id,
    Policy: document(trustsAccount, {
      ...trustsAccount,
      Principal: { AWS: session },
      Effect: 'Deny',
      Action: 'kms:Decrypt',
    }),
  })
  await assertRefused(
    whole.decrypt({ CiphertextBlob }),
    'AccessDeniedException',
    /explicit deny in a resource-based policy$/,
  )
})

test('tags and aliases of a key open it to those whose policies go by them', async () => {
  const [red, blue] = [
    await newKey(admin, { Tags: [{ TagKey: 'team', TagValue: 'red' }] }),
    await newKey(admin, { Tags: [{ TagKey: 'team', TagValue: 'blue' }] }),
  ]
  await admin.createAlias({ AliasName: 'alias/teams/blue', TargetKeyId: blue.id })
  const eve = await user(
    'eve',
    allow('kms:Encrypt', '*', { StringEquals: { 'aws:ResourceTag/team': 'red' } }),
    allow('kms:GenerateDataKey', '*', {
      'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/teams/*' },
    }),
    allow('kms:DescribeKey', '*', { StringEquals: { 'kms:RequestAlias': 'alias/teams/blue' } }),
  )
  await eve.kms.encrypt({ KeyId: red.id, Plaintext })
  await assertRefused(eve.kms.encrypt({ KeyId: blue.id, Plaintext }), 'AccessDeniedException', /./)
  await eve.kms.generateDataKey({ KeyId: blue.id, KeySpec: 'AES_256' })
  await assertRefused(
    eve.kms.generateDataKey({ KeyId: red.id, KeySpec: 'AES_256' }),
    'AccessDeniedException',
    /./,
  )
  await eve.kms.describeKey({ KeyId: 'alias/teams/blue' })
  await assertRefused(eve.kms.describeKey({ KeyId: blue.id }), 'AccessDeniedException', /./)
  await admin.updateAlias({ AliasName: 'alias/teams/blue', TargetKeyId: red.id })
  await assertRefused(
    eve.kms.generateDataKey({ KeyId: blue.id, KeySpec: 'AES_256' }),
    'AccessDeniedException',
    /./,
  )
  await eve.kms.generateDataKey({ KeyId: red.id, KeySpec: 'AES_256' })
})

test('a user hears of authorization before it hears of the state of a key, its usage or a dry run', async () => {
  const key = await newKey(admin)
  await admin.disableKey({ KeyId: key.id })
  const fay = await user('fay')
  const encoded = Plaintext.toString('base64')
  for (const [operation, body] of [
    ['Encrypt', { KeyId: key.id, Plaintext: encoded }],
    ['Encrypt', { KeyId: key.id, Plaintext: encoded, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }],
    ['Encrypt', { KeyId: key.id, Plaintext: encoded, DryRun: true }],
    ['EnableKey', { KeyId: key.id }],
    ['CreateGrant', { KeyId: key.id, GranteePrincipal: fay.arn, Operations: ['Decrypt'] }],
    ['PutKeyPolicy', { KeyId: key.id, PolicyName: 'other', Policy: document(trustsAccount) }],
  ] as const) {
    const answer = await send(server, { operation, body, credentials: fay.credentials })
    assert.equal(answer.error, 'AccessDeniedException', `${operation}: ${answer.body}`)
    assert.match(answer.message, new RegExp(`perform: kms:${operation} on resource: ${key.arn} because`))
  }
})
