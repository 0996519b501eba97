import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Standing } from '../../identity/standing.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import { REGION } from '../../testing/test-call.ts'
import { kmsRig } from './testing/kms-rig.ts'

const OTHER = '222222222222'
const Plaintext = Buffer.from('x')

const rig = await kmsRig(wholeFile())
const own = rig.opened.firstAccountId
await rig.account(OTHER)
const root = await rig.root()
const rootArn = `arn:aws:iam::${own}:root`

const statement = (Principal: unknown, more: object = {}) => ({
  Effect: 'Allow',
  Principal,
  Action: 'kms:*',
  Resource: '*',
  ...more,
})
const trustsAccount = statement({ AWS: rootArn })
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })

async function newKey(request: object = {}, as: Standing = root): Promise<string> {
  const { KeyMetadata } = await rig.ask(as, 'CreateKey', request)
  assert.ok(KeyMetadata)
  return KeyMetadata.KeyId
}

const put = (KeyId: string, Policy: string, more: object = {}, as: Standing = root) =>
  rig.ask(as, 'PutKeyPolicy', { KeyId, Policy, ...more })
const shown = async (KeyId: string, as: Standing = root) =>
  (await rig.ask(as, 'GetKeyPolicy', { KeyId })).Policy
const encrypt = (KeyId: string, as: Standing) => rig.ask(as, 'Encrypt', { KeyId, Plaintext })

const keyCount = async () => (await rig.ask(root, 'ListKeys', { Limit: 1000 })).Keys?.length

const malformed = (message: string | RegExp) => ({ code: 'MalformedPolicyDocumentException', message })
const invalidPrincipals = malformed('Policy contains a statement with one or more invalid principals.')
const lockedOut = malformed('The new key policy will not allow you to update the key policy in the future.')
const accessDenied = { code: 'AccessDeniedException' }

test('principals that are not there are refused, and the key keeps its policy', async () => {
  const KeyId = await newKey()
  const before = await shown(KeyId)
  const { arn } = await rig.user({ name: 'real' })
  for (const Principal of [
    { AWS: `arn:aws:iam::${own}:user/nobody` },
    { AWS: [arn, `arn:aws:iam::${own}:role/nobody`] },
    { AWS: '999999999999' },
    { AWS: `arn:aws:iam::999999999999:root` },
    { AWS: `arn:aws:sts::${own}:assumed-role/nobody/session` },
    { AWS: `arn:aws:iam::${own}:group/some` },
    { AWS: 'AIDAIOSFODNN7EXAMPLE' },
    { CanonicalUser: '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be' },
  ]) {
    await assert.rejects(put(KeyId, policy(trustsAccount, statement(Principal))), invalidPrincipals)
    await assert.rejects(newKey({ Policy: policy(trustsAccount, statement(Principal)) }), invalidPrincipals)
  }
  assert.equal(await shown(KeyId), before)
  await put(
    KeyId,
    policy(
      trustsAccount,
      statement({ AWS: [arn, OTHER, own] }),
      statement('*', { Effect: 'Deny', Action: 'kms:Sign' }),
    ),
  )
})

test('a principal that is made again under the same name gains nothing, and the policy shows the one that is gone', async () => {
  for (const kind of ['user', 'role'] as const) {
    const first = await rig[kind]({ name: `again-${kind}` })
    const Policy = policy(trustsAccount, statement({ AWS: first.arn }, { Sid: first.arn.replace(/\W/g, '') }))
    const KeyId = await newKey({ Policy })
    await encrypt(KeyId, await first.standing())
    assert.equal(await shown(KeyId), Policy)

    await rig.remove(first)
    const second = await rig[kind]({ name: `again-${kind}` })
    assert.equal(second.arn, first.arn)
    assert.notEqual(second.principal.principalId, first.principal.principalId)
    await assert.rejects(encrypt(KeyId, await second.standing()), accessDenied)
    assert.equal(
      await shown(KeyId),
      Policy.replace(`"AWS":"${first.arn}"`, `"AWS":"${first.principal.principalId}"`),
    )

    // Said again, the policy means whoever has the name now.
    await put(KeyId, Policy)
    await encrypt(KeyId, await second.standing())
    assert.equal(await shown(KeyId), Policy)
  }
})

test('a policy that names a role lets its sessions in, one that names a session that one only', async () => {
  const role = await rig.role({ name: 'worker' })
  const session = (sessionName: string) =>
    role.standing({ role: { roleId: role.principal.principalId, sessionName } })
  const KeyId = await newKey({ Policy: policy(trustsAccount, statement({ AWS: role.arn })) })
  await encrypt(KeyId, await session('one'))
  await encrypt(KeyId, await session('two'))
  await put(KeyId, policy(trustsAccount, statement({ AWS: `arn:aws:sts::${own}:assumed-role/worker/one` })))
  await encrypt(KeyId, await session('one'))
  await assert.rejects(encrypt(KeyId, await session('two')), accessDenied)
})

test('who would shut itself out is stopped, unless it says that it means to', async () => {
  const [admin, other] = [
    await rig.user({ name: 'admin', allow: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }] }),
    await rig.user({ name: 'other' }),
  ]
  const KeyId = await newKey()
  const before = await shown(KeyId)
  const keysBefore = await keyCount()
  const onlyOther = policy(statement({ AWS: other.arn }))
  const denying = policy(trustsAccount, statement('*', { Effect: 'Deny', Action: 'kms:PutKeyPolicy' }))
  const withoutPut = policy(statement({ AWS: rootArn }, { Action: ['kms:Get*', 'kms:Describe*'] }))
  for (const as of [root, await admin.standing()]) {
    for (const text of [onlyOther, denying, withoutPut]) {
      await assert.rejects(put(KeyId, text, {}, as), lockedOut)
      await assert.rejects(put(KeyId, text, { BypassPolicyLockoutSafetyCheck: false }, as), lockedOut)
      await assert.rejects(newKey({ Policy: text }, as), lockedOut)
    }
  }
  assert.equal(await shown(KeyId), before)
  assert.equal(await keyCount(), keysBefore)

  await put(KeyId, withoutPut, { BypassPolicyLockoutSafetyCheck: true })
  assert.equal(await shown(KeyId), withoutPut)
  await assert.rejects(put(KeyId, before ?? '', { BypassPolicyLockoutSafetyCheck: true }), accessDenied)
  await newKey({ Policy: onlyOther, BypassPolicyLockoutSafetyCheck: true })
})

test('the permission to put a policy can depend on the safety check', async () => {
  const careful = await rig.user({
    name: 'careful',
    allow: [
      {
        Effect: 'Allow',
        Action: 'kms:PutKeyPolicy',
        Resource: '*',
        Condition: { Bool: { 'kms:BypassPolicyLockoutSafetyCheck': 'false' } },
      },
    ],
  })
  const KeyId = await newKey()
  const as = await careful.standing()
  await put(KeyId, policy(trustsAccount), {}, as)
  await assert.rejects(
    put(KeyId, policy(trustsAccount), { BypassPolicyLockoutSafetyCheck: true }, as),
    accessDenied,
  )
})

test('a key is made under the default policy by whoever may make keys and nothing else', async () => {
  const maker = await rig.user({
    name: 'maker',
    allow: [{ Effect: 'Allow', Action: 'kms:CreateKey', Resource: '*' }],
  })
  const KeyId = await newKey({}, await maker.standing())
  await assert.rejects(shown(KeyId, await maker.standing()), accessDenied)
  assert.match((await shown(KeyId)) ?? '', /"Enable IAM User Permissions"/)
})

test('ForAllValues on a single value of the request is refused as overly permissive', async () => {
  const KeyId = await newKey()
  for (const key of ['kms:EncryptionContext:tenant', 'aws:RequestTag/team', 'AWS:requesttag/team']) {
    const Condition = { 'ForAllValues:StringEquals': { [key]: 'a' } }
    await assert.rejects(
      put(KeyId, policy(trustsAccount, statement('*', { Condition }))),
      malformed(
        /^OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key/,
      ),
    )
  }
  const Condition = { 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': 'a' } }
  await put(KeyId, policy(trustsAccount, statement('*', { Condition })))
})

test('what is malformed is said, and a statement without resource or action has no effect', async () => {
  const KeyId = await newKey()
  const { Principal, ...withoutPrincipal } = statement('*')
  assert.equal(Principal, '*')
  await assert.rejects(
    put(KeyId, policy(trustsAccount, withoutPrincipal)),
    malformed('Policy contains a statement with no principal.'),
  )
  await assert.rejects(
    put(KeyId, policy(trustsAccount, { ...trustsAccount, Actions: 'kms:*' })),
    malformed(/./),
  )
  const user = await rig.user({ name: 'idle' })
  const { Action, ...withoutAction } = statement({ AWS: user.arn })
  const { Resource, ...withoutResource } = statement({ AWS: user.arn })
  assert.deepEqual([Action, Resource], ['kms:*', '*'])
  await put(KeyId, policy(trustsAccount, withoutAction, withoutResource))
  await assert.rejects(encrypt(KeyId, await user.standing()), accessDenied)
})

test('a policy counts at once, and what rested on the former one is decided again', async () => {
  const user = await rig.user({ name: 'quick' })
  const KeyId = await newKey({ Policy: policy(trustsAccount, statement({ AWS: user.arn })) })
  await encrypt(KeyId, await user.standing())
  const { grounds } = rig.last
  await put(KeyId, policy(trustsAccount))
  assert.ok(grounds.some(({ valid }) => !valid))
  await assert.rejects(encrypt(KeyId, await user.standing()), accessDenied)
})

test('keys with one policy share it, and keys whose names were bound to others do not', async () => {
  const first = await rig.user({ name: 'bound' })
  const Policy = policy(trustsAccount, statement({ AWS: first.arn }))
  const [one, two] = [await newKey({ Policy }), await newKey({ Policy })]
  await rig.remove(first)
  await rig.user({ name: 'bound' })
  const three = await newKey({ Policy })
  const { keys } = rig.opened
  const [a, b, c] = await Promise.all([one, two, three].map((id) => keys.load(REGION, id)))
  assert.equal(a?.value.key.policy, b?.value.key.policy)
  assert.notEqual(a?.value.key.policy, c?.value.key.policy)
  assert.equal(a?.value.key.policy.text, c?.value.key.policy.text)
})

test('a stored text that is no policy lets nobody in', async () => {
  const KeyId = await newKey()
  await rig.change(async (tx) => {
    const stored = await rig.opened.keys.read(tx.db, REGION, KeyId)
    assert.ok(stored)
    await rig.opened.keys.change(tx, stored, { policy: { text: '{"Statement":[]', bindings: new Map() } })
  })
  await assert.rejects(encrypt(KeyId, root), accessDenied)
})
