import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { createAdministration } from '../deployment/administration.ts'
import { freshDataDir, openAt } from '../deployment/testing/deployment-fixture.ts'
import { heldClock } from '../testing/held-clock.ts'
import { wholeFile } from '../testing/whole-file.ts'
import { createOrganization } from './organization.ts'

const MEMBER = '222222222222'
const OUTSIDER = '333333333333'
const operator = { userName: 'tester' }

const whole = wholeFile()
const clock = heldClock()
const { opened, options } = await openAt(freshDataDir(whole), clock)
whole.after(() => opened.close())
const { store, organizations, firstAccountId } = opened
const admin = createAdministration(opened, { clock, random: systemRandom, rootKeySource: options.rootKey })
for (const accountId of [MEMBER, OUTSIDER]) await admin.accounts.create({ accountId }, operator)

const denyAll = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Action: 'kms:*', Resource: '*' }],
})

const outside = await organizations.load(MEMBER)
const made = await admin.organization.create(operator)
const unit = await admin.organization.createUnit({ name: 'prod' }, operator)
await admin.organization.addAccount({ accountId: MEMBER, parent: unit.id }, operator)

/** How many policies each level has. */
const levels = async (accountId: string) => {
  const { serviceControl, resourceControl } = await organizations.load(accountId)
  return [serviceControl.map((level) => level.length), resourceControl.map((level) => level.length)]
}

/** The rows as somebody with access to the database would change them. */
const behindTheBack = (work: (db: typeof store.db) => Promise<unknown>) =>
  store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    await work(tx.db as unknown as typeof store.db)
    for (const accountId of [MEMBER, firstAccountId]) tx.changed('account', accountId)
    tx.changed('organization', '1')
    for (const { policyId } of await admin.organizationPolicies.list({}))
      tx.changed('organization-policy', policyId)
  })

test('an account outside of the organization is under no policy', async () => {
  assert.deepEqual(outside.serviceControl, [])
  assert.equal(outside.orgId, undefined)
  assert.ok(
    outside.entries.some((entry) => !entry.valid),
    'what rested on it was decided again',
  )
  const { orgId, path, serviceControl, resourceControl } = await organizations.load(OUTSIDER)
  assert.deepEqual(
    { orgId, path, serviceControl, resourceControl },
    {
      orgId: undefined,
      path: undefined,
      serviceControl: [],
      resourceControl: [],
    },
  )
})

test('a member is under the policies of the root, its units and itself, level by level', async () => {
  const { orgId, path, serviceControl } = await organizations.load(MEMBER)
  assert.equal(orgId, made.organizationId)
  assert.equal(path, `${made.organizationId}/${made.rootId}/${unit.id}/`)
  assert.deepEqual(
    serviceControl.map((level) => level.map(({ source }) => source.name)),
    [['FullAWSAccess'], ['FullAWSAccess'], ['FullAWSAccess']],
  )
  assert.equal(organizations.find(MEMBER), await organizations.load(MEMBER))
})

test('the management account is in the organization, and bound by none of its policies', async () => {
  const { orgId, path, serviceControl, resourceControl } = await organizations.load(firstAccountId)
  assert.equal(orgId, made.organizationId)
  assert.equal(path, `${made.organizationId}/${made.rootId}/`)
  assert.deepEqual([serviceControl, resourceControl], [[], []])
})

test('attaching, changing and detaching a policy ends what rested on the policies before', async () => {
  const { policyId } = await admin.organizationPolicies.create(
    { type: 'service-control', name: 'no-kms', document: denyAll },
    operator,
  )
  const changes = [
    () => admin.organizationPolicies.attach({ policyId, target: unit.id }, operator),
    () => admin.organizationPolicies.update({ policyId, description: 'none at all' }, operator),
    () => admin.organizationPolicies.detach({ policyId, target: unit.id }, operator),
  ]
  const seen: unknown[] = []
  for (const change of changes) {
    const before = await organizations.load(MEMBER)
    await change()
    assert.equal(organizations.find(MEMBER), undefined)
    assert.ok(before.entries.some((entry) => !entry.valid))
    seen.push((await levels(MEMBER))[0])
  }
  assert.deepEqual(seen, [
    [1, 2, 1],
    [1, 2, 1],
    [1, 1, 1],
  ])
  await admin.organizationPolicies.delete({ policyId }, operator)
})

test('the rules of AWS for what is attached', async () => {
  const { policyId } = await admin.organizationPolicies.create(
    { type: 'service-control', name: 'rules', document: denyAll },
    operator,
  )
  const rejects = (running: Promise<unknown>, message: RegExp) => assert.rejects(running, { message })
  const policies = admin.organizationPolicies
  await rejects(
    policies.create({ type: 'service-control', name: 'rules', document: denyAll }, operator),
    /^there is a policy rules of this type already$/,
  )
  await rejects(
    policies.create({ type: 'service-control', name: 'bad', document: '{"Statement":[{}]}' }, operator),
    /^the policy is malformed: /,
  )
  await rejects(
    policies.create(
      { type: 'service-control', name: 'long', document: `${denyAll}${' '.repeat(5120)}` },
      operator,
    ),
    /5120/,
  )
  await rejects(policies.attach({ policyId, target: OUTSIDER }, operator), /there is no 333333333333 in/)
  await rejects(policies.attach({ policyId: 'p-nothing1', target: MEMBER }, operator), /no policy p-nothing1/)
  await rejects(
    policies.detach({ policyId: 'p-FullAWSAccess', target: MEMBER }, operator),
    /last service control policy/,
  )
  await rejects(
    policies.detach({ policyId: 'p-RCPFullAWSAccess', target: MEMBER }, operator),
    /cannot be detached/,
  )
  await policies.attach({ policyId, target: MEMBER }, operator)
  await rejects(policies.attach({ policyId, target: MEMBER }, operator), /attached to .* already/)
  await rejects(policies.delete({ policyId }, operator), /detach it first/)
  await policies.detach({ policyId: 'p-FullAWSAccess', target: MEMBER }, operator)
  assert.deepEqual((await policies.show({ policyId })).targets, [MEMBER])
  await policies.attach({ policyId: 'p-FullAWSAccess', target: MEMBER }, operator)
  await policies.detach({ policyId, target: MEMBER }, operator)
  await policies.delete({ policyId }, operator)
})

test('accounts and units move within the organization and leave it', async () => {
  const { organization } = admin
  const inner = await organization.createUnit({ name: 'inner', parent: unit.id }, operator)
  await assert.rejects(organization.createUnit({ name: 'inner', parent: unit.id }, operator), /this name/)
  await organization.move({ accountId: MEMBER, parent: inner.id }, operator)
  assert.deepEqual(await levels(MEMBER), [
    [1, 1, 1, 1],
    [1, 1, 1, 1],
  ])
  await assert.rejects(organization.deleteUnit({ unit: inner.id }, operator), /move or remove/)
  await organization.move({ accountId: MEMBER, parent: unit.id }, operator)
  await organization.deleteUnit({ unit: inner.id }, operator)
  await organization.addAccount({ accountId: OUTSIDER }, operator)
  await assert.rejects(organization.addAccount({ accountId: OUTSIDER }, operator), /already/)
  await assert.rejects(organization.delete(operator), /remove them first/)
  await organization.removeAccount({ accountId: OUTSIDER }, operator)
  await assert.rejects(
    organization.removeAccount({ accountId: firstAccountId }, operator),
    /management account/,
  )
  const { attachments } = await organization.show()
  assert.ok(attachments.every(({ target }) => target !== OUTSIDER && target !== inner.id))
})

test('what the organization names and the database has not any more allows nothing', async () => {
  const { policyId } = await admin.organizationPolicies.create(
    { type: 'service-control', name: 'lost', document: denyAll },
    operator,
  )
  await admin.organizationPolicies.attach({ policyId, target: unit.id }, operator)
  assert.deepEqual((await levels(MEMBER))[0], [1, 2, 1])
  await behindTheBack((db) =>
    db.deleteFrom('organization_policies').where('policy_id', '=', policyId).execute(),
  )
  assert.deepEqual(await levels(MEMBER), [
    [1, 0, 1],
    [1, 0, 1],
  ])
  await behindTheBack((db) => db.deleteFrom('organization').execute())
  assert.deepEqual(await levels(MEMBER), [[0], [0]])
  assert.deepEqual((await organizations.load(firstAccountId)).serviceControl, [])
  const elsewhere = createOrganization({ store, managementAccountId: OUTSIDER, cacheLimit: 10 })
  assert.deepEqual((await elsewhere.load(firstAccountId)).serviceControl, [[]])
})
