import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DuplicateRowError } from '../store/store.ts'
import { awsManagedPolicies, awsManagedPolicyArn } from './aws-managed-policies.ts'
import { ACCOUNT, allow, openIdentityFixture, OTHER_ACCOUNT, trust } from './testing/identity-fixture.ts'

test('a principal comes back from the store as it was put there', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { principals, store } = fixture.opened
  const role = await fixture.principal({
    kind: 'role',
    name: 'Role',
    path: '/a/b/',
    description: 'words',
    inlinePolicies: [
      { name: 'z', document: allow('kms:*') },
      { name: 'a', document: allow('iam:*') },
    ],
    attachedPolicies: ['arn:aws:iam::aws:policy/AdministratorAccess'],
    boundaryArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess',
    trustPolicy: trust({ AWS: ACCOUNT }),
    trustBindings: new Map([['arn', 'AIDA']]),
    maxSessionSeconds: 7200,
    tags: [{ key: '__proto__', value: 'x' }],
    quarantine: { reason: 'r', atMs: 5, by: 'me' },
  })
  assert.match(role.principal.principalId, /^AROA[A-Z2-7]{17}$/)
  assert.deepEqual(await principals.read(store.db, ACCOUNT, 'role', 'rOLE'), role)
  assert.deepEqual(
    role.principal.inlinePolicies.map(({ name }) => name),
    ['a', 'z'],
  )
  const entry = await principals.load(role.principal.principalId)
  assert.equal(entry?.value.inlinePolicies.length, 2)
  assert.equal(entry?.value.trustPolicy?.source.type, 'trust')
})

test('a name is taken in one account and kind, whatever its case', async (t) => {
  const fixture = await openIdentityFixture(t)
  await fixture.principal({ kind: 'user', name: 'Name' })
  await assert.rejects(fixture.principal({ kind: 'user', name: 'nAME' }), DuplicateRowError)
  await fixture.principal({ kind: 'role', name: 'Name' })
  await fixture.principal({ kind: 'user', name: 'Name', accountId: OTHER_ACCOUNT })
})

test('the unique id of a name is known at once when it is given away, renamed or taken back', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { principals } = fixture.opened
  const idOf = async (name: string) => (await principals.idOf(ACCOUNT, 'user', name)).value.principalId
  assert.equal(await idOf('a'), undefined)
  const user = await fixture.principal({ kind: 'user', name: 'A' })
  assert.equal(await idOf('a'), user.principal.principalId)
  const renamed = await fixture.change((tx) => principals.update(tx, user, { name: 'b' }))
  assert.deepEqual([await idOf('a'), await idOf('B')], [undefined, user.principal.principalId])
  await fixture.change((tx) => principals.remove(tx, renamed))
  assert.equal(await idOf('b'), undefined)
})

test('lists are in order, page by page, at or below a path', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { principals, store } = fixture.opened
  for (const [name, path] of [
    ['c', '/x/'],
    ['B', '/x/y/'],
    ['a', '/'],
    ['d', '/xx/'],
  ] as const) {
    await fixture.principal({ kind: 'user', name, path })
  }
  await fixture.principal({ kind: 'user', name: 'elsewhere', accountId: OTHER_ACCOUNT })
  const names = async (which: { pathPrefix?: string; after?: string; limit: number }) =>
    (await principals.list(store.db, { accountId: ACCOUNT, kind: 'user', ...which })).map(
      ({ principal }) => principal.name,
    )
  assert.deepEqual(await names({ limit: 3 }), ['a', 'B', 'c'])
  assert.deepEqual(await names({ limit: 3, after: 'c' }), ['d'])
  assert.deepEqual(await names({ limit: 9, pathPrefix: '/x/' }), ['B', 'c'])
  assert.equal(await principals.count(store.db, ACCOUNT, 'user'), 4)
})

test('members of a group and holders of a policy are found exactly, more of them than one page', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { principals, store } = fixture.opened
  const group = await fixture.principal({ kind: 'group', name: 'group' })
  const { principalId } = group.principal
  const policy = `arn:aws:iam::${ACCOUNT}:policy/a_b`
  const likePolicy = `arn:aws:iam::${ACCOUNT}:policy/axb`
  await fixture.change(async (tx) => {
    for (let at = 0; at < 250; at++) {
      await principals.create(tx, {
        accountId: ACCOUNT,
        kind: 'user',
        name: `u${at}`,
        groupIds: [principalId],
        attachedPolicies: [at % 2 === 0 ? policy : likePolicy],
      })
    }
    await principals.create(tx, { accountId: ACCOUNT, kind: 'role', name: 'r', boundaryArn: policy })
  })
  assert.equal((await principals.members(store.db, ACCOUNT, principalId)).length, 250)
  assert.equal((await principals.holders(store.db, ACCOUNT, policy)).length, 126)
  assert.equal((await principals.holders(store.db, OTHER_ACCOUNT, policy)).length, 0)
  assert.deepEqual(
    await principals.policyUsage(store.db, ACCOUNT),
    new Map([
      [policy, { attached: 125, boundary: 1 }],
      [likePolicy, { attached: 125, boundary: 0 }],
    ]),
  )
})

test('each of AWS’s managed policies is a policy, in every partition', async (t) => {
  const { managedPolicies } = (await openIdentityFixture(t)).opened
  for (const policy of awsManagedPolicies) {
    for (const partition of ['aws', 'aws-cn', 'aws-us-gov']) {
      const arn = awsManagedPolicyArn(policy, partition)
      const entry = await managedPolicies.load(arn)
      assert.equal(entry?.value.as('identity').source.arn, arn)
      assert.equal(entry?.value.as('boundary').source.type, 'boundary')
    }
  }
  assert.equal(await managedPolicies.load('arn:aws:iam::aws:policy/NoSuchPolicy'), undefined)
  assert.equal(await managedPolicies.load('arn:aws:iam::aws:policy/__proto__'), undefined)
})
