import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const root = 'arn:aws:iam::000000000000:root'
const policy = (more: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Sid: 'Root', Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' }],
    ...more,
  })

async function policyOf(KeyId: string): Promise<string> {
  return (await kms.getKeyPolicy({ KeyId, PolicyName: 'default' })).Policy ?? ''
}

test('a key that was created without a policy has the one that AWS gives', async () => {
  const { id, arn } = await newKey(kms)
  for (const KeyId of [id, arn]) {
    assert.deepEqual(JSON.parse(await policyOf(KeyId)), {
      Version: '2012-10-17',
      Id: 'key-default-1',
      Statement: [
        {
          Sid: 'Enable IAM User Permissions',
          Effect: 'Allow',
          Principal: { AWS: root },
          Action: 'kms:*',
          Resource: '*',
        },
      ],
    })
  }
  const { PolicyName } = await kms.getKeyPolicy({ KeyId: id })
  assert.equal(PolicyName, 'default')
})

test('a policy is kept as it was sent, at creation and later', async () => {
  const spaced = `\t${policy({ Id: 'mine é' })}\r\n `
  const { id, arn } = await newKey(kms, { Policy: spaced })
  assert.equal(await policyOf(id), spaced)
  const next = policy({ Id: 'next' })
  await kms.putKeyPolicy({ KeyId: arn, Policy: next })
  assert.equal(await policyOf(id), next)
  await kms.putKeyPolicy({
    KeyId: id,
    Policy: spaced,
    PolicyName: 'default',
    BypassPolicyLockoutSafetyCheck: true,
  })
  assert.equal(await policyOf(id), spaced)
})

test('the one policy of a key is called default', async () => {
  const { id, arn } = await newKey(kms)
  const { PolicyNames, Truncated } = await kms.listKeyPolicies({ KeyId: arn })
  assert.deepEqual(PolicyNames, ['default'])
  assert.equal(Truncated, false)
  await assertRefused(kms.getKeyPolicy({ KeyId: id, PolicyName: 'other' }), 'NotFoundException', /./)
  await assertRefused(
    kms.putKeyPolicy({ KeyId: id, PolicyName: 'other', Policy: policy() }),
    'NotFoundException',
    /./,
  )
  await assertRefused(
    kms.getKeyPolicy({ KeyId: id, PolicyName: 'no-dash' }),
    'ValidationException',
    "1 validation error detected: Value 'no-dash' at 'policyName' failed to satisfy constraint: " +
      'Member must satisfy regular expression pattern: [\\w]+',
  )
})

test('what is no policy document is refused and changes nothing', async () => {
  const { id } = await newKey(kms)
  const before = await policyOf(id)
  const keysBefore = (await kms.listKeys({ Limit: 1000 })).Keys?.length
  for (const bad of [
    'not JSON',
    '[]',
    'null',
    '"text"',
    '{',
    '{}',
    policy().slice(0, -1),
    policy({ Version: '2020-01-01' }),
    policy({ Statement: 'text' }),
    policy({ Statement: [{ Effect: 'Maybe', Principal: '*', Action: 'kms:*', Resource: '*' }] }),
    policy({ Statement: [{ Principal: '*', Action: 'kms:*', Resource: '*' }] }),
    `{"Version":"2012-10-17","Version":"2012-10-17",${policy().slice(1)}`,
  ]) {
    await assertRefused(kms.putKeyPolicy({ KeyId: id, Policy: bad }), 'MalformedPolicyDocumentException', /./)
    await assertRefused(kms.createKey({ Policy: bad }), 'MalformedPolicyDocumentException', /./)
  }
  assert.equal(await policyOf(id), before)
  assert.equal((await kms.listKeys({ Limit: 1000 })).Keys?.length, keysBefore)
})

test('a policy has at most 32768 bytes of the characters that AWS allows', async () => {
  const { id } = await newKey(kms)
  const ofLength = (bytes: number) =>
    policy({ Id: 'x'.repeat(bytes - Buffer.byteLength(policy({ Id: '' }))) })
  const longest = ofLength(32_768)
  await kms.putKeyPolicy({ KeyId: id, Policy: longest })
  assert.equal(await policyOf(id), longest)
  await assertRefused(
    kms.putKeyPolicy({ KeyId: id, Policy: ofLength(32_769) }),
    'LimitExceededException',
    /./,
  )
  await assertRefused(kms.createKey({ Policy: ofLength(32_769) }), 'LimitExceededException', /./)
  await assertRefused(
    kms.putKeyPolicy({ KeyId: id, Policy: policy({ Id: '\u0100' }) }),
    'ValidationException',
    /at 'policy' failed to satisfy constraint: Member must satisfy regular expression pattern/,
  )
  await assertRefused(
    kms.putKeyPolicy({ KeyId: id, Policy: ' '.repeat(131_073) }),
    'ValidationException',
    /at 'policy' failed to satisfy constraint: Member must have length less than or equal to 131072/,
  )
  assert.equal(await policyOf(id), longest)
})

test('a principal that is not there is refused, and so is an overly permissive condition', async () => {
  const { id } = await newKey(kms)
  const before = await policyOf(id)
  const allow = { Effect: 'Allow', Action: 'kms:*', Resource: '*' }
  const trust = { ...allow, Principal: { AWS: root } }
  for (const AWS of [
    'arn:aws:iam::000000000000:user/nobody',
    'arn:aws:iam::000000000000:role/nobody',
    'arn:aws:iam::999999999999:root',
    '999999999999',
    'AIDAIOSFODNN7EXAMPLE',
  ]) {
    const Policy = policy({ Statement: [trust, { ...allow, Principal: { AWS } }] })
    const text = 'Policy contains a statement with one or more invalid principals.'
    await assertRefused(kms.putKeyPolicy({ KeyId: id, Policy }), 'MalformedPolicyDocumentException', text)
    await assertRefused(kms.createKey({ Policy }), 'MalformedPolicyDocumentException', text)
  }
  const Condition = { 'ForAllValues:StringEquals': { 'kms:EncryptionContext:tenant': 'a' } }
  await assertRefused(
    kms.putKeyPolicy({
      KeyId: id,
      Policy: policy({ Statement: [trust, { ...allow, Principal: '*', Condition }] }),
    }),
    'MalformedPolicyDocumentException',
    /^OverlyPermissiveCondition: /,
  )
  assert.equal(await policyOf(id), before)
})

test('a policy that would shut its author out is refused, unless the author means it', async () => {
  const { id } = await newKey(kms)
  const before = await policyOf(id)
  const shut = policy({
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: root },
        Action: ['kms:GetKeyPolicy', 'kms:DescribeKey'],
        Resource: '*',
      },
    ],
  })
  const text = 'The new key policy will not allow you to update the key policy in the future.'
  const malformed = 'MalformedPolicyDocumentException'
  await assertRefused(kms.putKeyPolicy({ KeyId: id, Policy: shut }), malformed, text)
  await assertRefused(kms.createKey({ Policy: shut }), malformed, text)
  assert.equal(await policyOf(id), before)
  await kms.putKeyPolicy({ KeyId: id, Policy: shut, BypassPolicyLockoutSafetyCheck: true })
  assert.equal(await policyOf(id), shut)
  await kms.describeKey({ KeyId: id })
  await assertRefused(
    kms.putKeyPolicy({ KeyId: id, Policy: before, BypassPolicyLockoutSafetyCheck: true }),
    'AccessDeniedException',
    /^User: arn:aws:iam::000000000000:root is not authorized to perform: kms:PutKeyPolicy on resource: arn:.* because no resource-based policy allows the kms:PutKeyPolicy action$/,
  )
})

test('what a key policy denies is denied to the root user too, at once, and conditions decide when', async () => {
  const { id, arn } = await newKey(kms)
  const Plaintext = Buffer.from('x')
  const EncryptionContext = { tenant: 'a' }
  await kms.encrypt({ KeyId: id, Plaintext, EncryptionContext })
  const deny = {
    Effect: 'Deny',
    Principal: '*',
    Action: 'kms:Encrypt',
    Resource: '*',
    Condition: { StringEquals: { 'kms:EncryptionContext:tenant': 'a' } },
  }
  const trust = { Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' }
  await kms.putKeyPolicy({ KeyId: id, Policy: policy({ Statement: [trust, deny] }) })
  await assertRefused(
    kms.encrypt({ KeyId: id, Plaintext, EncryptionContext }),
    'AccessDeniedException',
    `User: ${root} is not authorized to perform: kms:Encrypt on resource: ${arn} with an explicit deny in a resource-based policy`,
  )
  // Two names that differ only in case could mean either.
  await assertRefused(
    kms.encrypt({ KeyId: id, Plaintext, EncryptionContext: { tenant: 'b', Tenant: 'c' } }),
    'AccessDeniedException',
    /explicit deny/,
  )
  await kms.encrypt({ KeyId: id, Plaintext, EncryptionContext: { tenant: 'b' } })
  await kms.encrypt({ KeyId: id, Plaintext })
})
