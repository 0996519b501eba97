import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { kmsRig } from '../services/kms/testing/kms-rig.ts'
import { REGION } from '../testing/test-call.ts'
import { wholeFile } from '../testing/whole-file.ts'
import { createAdministration } from './administration.ts'

const Plaintext = Buffer.from('x')
const operator = { userName: 'tester' }
const reason = 'the laptop was stolen'

const rig = await kmsRig(wholeFile())
const { opened } = rig
const parts = {
  clock: rig.clock,
  random: systemRandom,
  rootKeySource: {
    provider: 'file' as const,
    file: '',
    passphrase: () => Promise.reject(new Error()),
    random: systemRandom,
  },
}
const { quarantine } = createAdministration(opened, parts)
const allowAll = { Effect: 'Allow', Action: 'kms:*', Resource: '*' }

async function newKey(): Promise<{ id: string; arn: string }> {
  const { KeyMetadata } = await rig.ask(await rig.root(), 'CreateKey', {})
  assert.ok(KeyMetadata?.Arn)
  return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn }
}

const denied = (running: Promise<unknown>) =>
  assert.rejects(running, { code: 'AccessDeniedException', message: /with an explicit deny in / })

test('nobody uses or manages a key under quarantine, whatever allows it, until it is released', async () => {
  const key = await newKey()
  const root = await rig.root()
  const grantee = await rig.user({ name: 'grantee' })
  await rig.ask(root, 'CreateGrant', {
    KeyId: key.id,
    GranteePrincipal: grantee.arn,
    RetiringPrincipal: grantee.arn,
    Operations: ['Encrypt'],
  })
  const encrypt = async () => rig.ask(await grantee.standing(), 'Encrypt', { KeyId: key.id, Plaintext })
  await encrypt()
  const { grounds } = rig.last

  const done = await quarantine.key({ id: key.id, reason }, operator)
  assert.equal(done.arn, key.arn)
  assert.deepEqual(
    done.grants.map(({ keyArn, grantee: to, operations }) => [keyArn, to, operations]),
    [[key.arn, grantee.arn, ['Encrypt']]],
  )
  assert.ok(grounds.some((entry) => !entry.valid))
  await denied(encrypt())
  for (const operation of [
    'DescribeKey',
    'GetKeyPolicy',
    'EnableKey',
    'ListGrants',
    'ScheduleKeyDeletion',
  ] as const)
    await denied(rig.ask(root, operation, { KeyId: key.id }))
  const [grant] = done.grants
  assert.ok(grant)
  await denied(rig.ask(await grantee.standing(), 'RetireGrant', { KeyId: key.arn, GrantId: grant.grantId }))

  assert.deepEqual(await quarantine.releaseKey({ id: key.arn }, operator), { arn: key.arn, reason })
  await encrypt()
  await assert.rejects(quarantine.releaseKey({ id: key.id }, operator), /is not under quarantine/)
})

test('a user under quarantine may do nothing, and neither may its sessions', async () => {
  const key = await newKey()
  const user = await rig.user({ name: 'suspect', allow: [allowAll] })
  const session = { mfaAtMs: 1 }
  const encrypt = async (...of: Parameters<typeof user.standing>) =>
    rig.ask(await user.standing(...of), 'Encrypt', { KeyId: key.id, Plaintext })
  await encrypt()
  await encrypt(session)
  const { arn, grants } = await quarantine.principal({ id: user.arn, reason }, operator)
  assert.deepEqual([arn, grants], [user.arn, []])
  await denied(encrypt())
  await denied(encrypt(session))
  await quarantine.releasePrincipal({ id: user.principal.principalId }, operator)
  await encrypt()
})

test("a role's sessions are shut out with it, and its grants are told", async () => {
  const key = await newKey()
  const role = await rig.role({ name: 'suspected', allow: [allowAll] })
  const standing = await role.standing()
  for (const GranteePrincipal of [role.arn, standing.caller.arn]) {
    await rig.ask(await rig.root(), 'CreateGrant', {
      KeyId: key.id,
      GranteePrincipal,
      Operations: ['Decrypt'],
    })
  }
  await rig.ask(standing, 'Encrypt', { KeyId: key.id, Plaintext })
  const { grants } = await quarantine.principal({ id: role.principal.principalId, reason }, operator)
  assert.deepEqual(new Set(grants.map(({ grantee }) => grantee)), new Set([role.arn, standing.caller.arn]))
  assert.ok(standing.entries.some((entry) => !entry.valid))
  await denied(rig.ask(await role.standing(), 'Encrypt', { KeyId: key.id, Plaintext }))
  await assert.rejects(
    quarantine.principal({ id: standing.caller.arn, reason }, operator),
    /is a session: put its role under quarantine/,
  )
})

test('a root user can be under quarantine too', async () => {
  await rig.account('222222222222')
  const root = await rig.root('222222222222')
  await rig.ask(root, 'ListKeys', {})
  await quarantine.principal({ id: 'arn:aws:iam::222222222222:root', reason }, operator)
  assert.ok(root.entries.some((entry) => !entry.valid))
  await denied(rig.ask(await rig.root('222222222222'), 'ListKeys', {}))
  await quarantine.releasePrincipal({ id: '222222222222' }, operator)
  await rig.ask(await rig.root('222222222222'), 'ListKeys', {})
})

test('a principal is told in the partition that it was asked for in, else in that of the deployment', async () => {
  await rig.account('333333333333')
  const user = await rig.user({ name: 'traveller' })
  const { accountId, principalId } = user.principal
  const inChina = createAdministration(opened, { ...parts, partition: 'aws-cn' }).quarantine
  const root = '333333333333'
  for (const [where, id, told] of [
    [quarantine, principalId, `arn:aws:iam::${accountId}:user/traveller`],
    [inChina, principalId, `arn:aws-cn:iam::${accountId}:user/traveller`],
    [inChina, user.arn, user.arn],
    [quarantine, root, `arn:aws:iam::${root}:root`],
    [inChina, root, `arn:aws-cn:iam::${root}:root`],
    [quarantine, `arn:aws-cn:iam::${root}:root`, `arn:aws-cn:iam::${root}:root`],
  ] as const) {
    assert.equal((await where.principal({ id, reason }, operator)).arn, told)
    assert.equal((await where.releasePrincipal({ id }, operator)).arn, told)
  }
})

test('whoever is not there cannot be put under quarantine', async () => {
  const missing = '12345678-1234-4234-8234-123456789012'
  await assert.rejects(quarantine.key({ id: missing, reason }, operator), /^DeploymentError: there is no key/)
  const foreign = `arn:aws:kms:${REGION}:222222222222:key/${(await newKey()).id}`
  await assert.rejects(quarantine.key({ id: foreign, reason }, operator), /there is no key/)
  await assert.rejects(
    quarantine.principal({ id: 'arn:aws:iam::000000000000:user/nobody', reason }, operator),
    /there is no user, role or root user/,
  )
})

test('of many grants the first thousand are told, and that there are more', async () => {
  const key = await newKey()
  const user = await rig.user({ name: 'holder-of-many' })
  await rig.change(async (tx) => {
    const rows = Array.from({ length: 1001 }, (_, at) => ({
      region: REGION,
      key_id: key.id,
      grant_id: at.toString(16).padStart(64, '0'),
      account_id: opened.firstAccountId,
      grantee: user.arn,
      grantee_id: user.principal.principalId,
      issuing_account: opened.firstAccountId,
      operations: '["Decrypt"]',
      created_at: 1,
    }))
    await opened.store.rows.insertMany(tx, 'grants', rows)
  })
  for (const done of [
    await quarantine.key({ id: key.id, reason }, operator),
    await quarantine.principal({ id: user.arn, reason }, operator),
  ]) {
    assert.equal(new Set(done.grants.map(({ grantId }) => grantId)).size, 1000)
    assert.equal(done.moreGrants, true)
  }
})

test('each quarantine and release leaves a record with its reason', async () => {
  const key = await newKey()
  await quarantine.key({ id: key.id, reason }, operator)
  await quarantine.releaseKey({ id: key.id }, operator)
  await opened.journal.close()
  const records: { eventName: string; requestParameters: object }[] = []
  for (const chain of await opened.journalReader.chains()) {
    for await (const { bytes } of opened.journalReader.lines(chain)) {
      const { record } = JSON.parse(bytes.toString('utf8')) as { record?: (typeof records)[number] }
      if (JSON.stringify(record ?? {}).includes(key.id)) records.push(record as (typeof records)[number])
    }
  }
  assert.deepEqual(
    records.map(({ eventName, requestParameters }) => [eventName, requestParameters]),
    [
      ['QuarantineKey', { id: key.id, reason }],
      ['ReleaseKey', { id: key.id }],
    ],
  )
})
