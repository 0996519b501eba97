import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { decideAccess } from './access.ts'
import { principalArn, type StoredPrincipal } from './principal.ts'
import type { OpenedSession, SessionPrincipal } from './session-tokens.ts'
import type { SessionFacts } from './session.ts'
import type { Standing } from './standing.ts'
import {
  ACCOUNT,
  allow,
  openIdentityFixture,
  REGION,
  requestFacts,
  sessionFacts,
  type IdentityFixture,
} from './testing/identity-fixture.ts'

const MANAGED = `arn:aws:iam::${ACCOUNT}:policy/managed`

function mayEncrypt(standing: Standing | undefined): boolean {
  assert.ok(standing)
  const resource = { arn: 'arn:aws:x:::y', accountId: ACCOUNT, kind: 'plain' } as const
  return decideAccess(standing, requestFacts(), { action: 'kms:Encrypt', resource }).allowed
}

function opened(principal: SessionPrincipal, session: SessionFacts): OpenedSession {
  const signingSecret = createSecretKey(Buffer.alloc(32))
  return { accountId: ACCOUNT, principal, session, accessKeyId: 'ASIAEXAMPLE', signingSecret }
}

function managed({ change, opened: { managedPolicies } }: IdentityFixture, document: string) {
  return change((tx) =>
    managedPolicies.create(tx, {
      accountId: ACCOUNT,
      arn: MANAGED,
      name: 'managed',
      path: '/',
      description: undefined,
      document,
      tags: [],
    }),
  )
}

const sessionOf = (role: StoredPrincipal, change: Partial<SessionFacts> = {}) => {
  const { principalId } = role.principal
  const session = sessionFacts({ role: { roleId: principalId, sessionName: 'session' }, ...change })
  return opened({ kind: 'role', id: principalId }, session)
}

test('a user may do what its own, its attached and its groups’ policies allow, within its boundary', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { standings, principals } = fixture.opened
  await managed(fixture, allow('kms:Encrypt'))
  const group = await fixture.principal({ kind: 'group', name: 'group' })
  let user = await fixture.principal({ kind: 'user', name: 'user', groupIds: [group.principal.principalId] })
  const { principalId } = user.principal
  const may = async () => mayEncrypt(await standings.ofUser(principalId, REGION, 'AKIA'))
  assert.equal(await may(), false)

  const put = async (change: Parameters<typeof principals.update>[2]) => {
    user = await fixture.change((tx) => principals.update(tx, user, change))
  }
  await put({ inlinePolicies: [{ name: 'p', document: allow('kms:Encrypt') }] })
  assert.equal(await may(), true)
  await put({ inlinePolicies: [], attachedPolicies: [MANAGED] })
  assert.equal(await may(), true)
  await put({ attachedPolicies: [] })
  assert.equal(await may(), false)
  await fixture.change((tx) => principals.update(tx, group, { attachedPolicies: [MANAGED] }))
  assert.equal(await may(), true)
  await put({ boundaryArn: 'arn:aws:iam::aws:policy/IAMFullAccess' })
  assert.equal(await may(), false)
  await put({ boundaryArn: 'arn:aws:iam::aws:policy/AdministratorAccess' })
  assert.equal(await may(), true)
})

test('what has not changed is given at once, and is the same object', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { standings, principals } = fixture.opened
  const user = await fixture.principal({ kind: 'user', name: 'user' })
  const { principalId } = user.principal
  const first = await standings.ofUser(principalId, REGION, 'AKIA')
  assert.equal(standings.ofUser(principalId, REGION, 'AKIA'), first)
  await fixture.change((tx) => principals.update(tx, user, { tags: [{ key: 'a', value: 'b' }] }))
  assert.ok(first?.entries.some(({ valid }) => !valid))
  const next = standings.ofUser(principalId, REGION, 'AKIA')
  assert.ok(next instanceof Promise)
  assert.equal((await next)?.context.get('aws:principaltag/a'), 'b')

  const root = await standings.ofRoot(ACCOUNT, REGION, 'AKIA')
  assert.equal(standings.ofRoot(ACCOUNT, REGION, 'AKIA'), root)
  const session = sessionOf(await fixture.principal({ kind: 'role', name: 'role' }))
  assert.equal(await standings.ofSession(session, REGION), standings.ofSession(session, REGION))
})

for (const [what, column] of [
  ['group', 'principals'],
  ['attached policy', 'managed_policies'],
  ['boundary', 'managed_policies'],
] as const) {
  test(`a row that is taken away from the database never allows more: ${what}`, async (t) => {
    const fixture = await openIdentityFixture(t)
    const { standings } = fixture.opened
    // Each of the three denies or limits, so that to forget it would let more in.
    const deny = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Action: 'kms:Encrypt', Resource: '*' }],
    })
    await managed(fixture, what === 'boundary' ? allow('iam:*') : deny)
    const group = await fixture.principal({
      kind: 'group',
      name: 'group',
      inlinePolicies: [{ name: 'deny', document: deny }],
    })
    const user = await fixture.principal({
      kind: 'user',
      name: 'user',
      inlinePolicies: [{ name: 'p', document: allow('*') }],
      ...(what === 'group' && { groupIds: [group.principal.principalId] }),
      ...(what === 'attached policy' && { attachedPolicies: [MANAGED] }),
      ...(what === 'boundary' && { boundaryArn: MANAGED }),
    })
    if (column === 'principals') await fixture.takeAway(column, 'principal_id', group.principal.principalId)
    else await fixture.takeAway(column, 'arn', MANAGED)
    const standing = await standings.ofUser(user.principal.principalId, REGION, 'AKIA')
    assert.equal(mayEncrypt(standing), false)
    assert.match(standing?.quarantine ?? '', /cannot be found/)
  })
}

test('a user that is gone has no standing, and neither has one whose account is gone', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { standings, principals, store } = fixture.opened
  const user = await fixture.principal({ kind: 'user', name: 'user' })
  const { principalId } = user.principal
  assert.ok(await standings.ofUser(principalId, REGION, 'AKIA'))
  await fixture.change((tx) => principals.remove(tx, user))
  assert.equal(await standings.ofUser(principalId, REGION, 'AKIA'), undefined)
  assert.equal(await standings.ofUser('AIDANOBODY', REGION, 'AKIA'), undefined)
  assert.equal(await standings.ofRoot('999988887777', REGION, 'AKIA'), undefined)

  const other = await fixture.principal({ kind: 'user', name: 'other', accountId: '999988887777' })
  assert.equal(await standings.ofUser(other.principal.principalId, REGION, 'AKIA'), undefined)
  assert.ok(await principals.readById(store.db, other.principal.principalId))
})

test('neither a role nor a group has access keys', async (t) => {
  const fixture = await openIdentityFixture(t)
  for (const kind of ['role', 'group'] as const) {
    const { principal } = await fixture.principal({ kind, name: kind })
    assert.equal(await fixture.opened.standings.ofUser(principal.principalId, REGION, 'AKIA'), undefined)
  }
})

test('a role session is that of one role: another one of the same name does not take it over', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { standings, principals } = fixture.opened
  const document = allow('kms:*')
  const role = await fixture.principal({
    kind: 'role',
    name: 'Role',
    path: '/p/',
    inlinePolicies: [{ name: 'p', document }],
  })
  const session = sessionOf(role)
  const standing = await standings.ofSession(session, REGION)
  assert.equal(mayEncrypt(standing), true)
  assert.deepEqual(standing?.principal, {
    type: 'assumed-role',
    accountId: ACCOUNT,
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/Role/session`,
    roleArn: `arn:aws:iam::${ACCOUNT}:role/p/Role`,
    roleId: role.principal.principalId,
    sessionName: 'session',
  })
  await fixture.change((tx) => principals.remove(tx, role))
  const again = await fixture.principal({
    kind: 'role',
    name: 'Role',
    inlinePolicies: [{ name: 'p', document }],
  })
  assert.equal(await standings.ofSession(session, REGION), undefined)
  // Whoever could put two ids together would still need a token that was sealed with them.
  const mixed = opened({ kind: 'role', id: again.principal.principalId }, session.session)
  assert.equal(await standings.ofSession(mixed, REGION), undefined)
  const asUser = opened({ kind: 'user', id: again.principal.principalId }, sessionFacts())
  assert.equal(await standings.ofSession(asUser, REGION), undefined)
})

test('a session policy limits its session, and one that is gone allows nothing', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { standings, managedPolicies, store } = fixture.opened
  await managed(fixture, allow('kms:Encrypt'))
  const role = await fixture.principal({
    kind: 'role',
    name: 'role',
    inlinePolicies: [{ name: 'p', document: allow('kms:*') }],
  })
  const of = (change: Partial<SessionFacts>) => standings.ofSession(sessionOf(role, change), REGION)
  assert.equal(mayEncrypt(await of({ policy: allow('kms:Encrypt') })), true)
  assert.equal(mayEncrypt(await of({ policy: allow('kms:Decrypt') })), false)
  assert.equal(mayEncrypt(await of({ policy: allow('kms:Decrypt'), policyArns: [MANAGED] })), true)
  const limited = sessionOf(role, { policyArns: [MANAGED] })
  assert.equal(mayEncrypt(await standings.ofSession(limited, REGION)), true)
  const stored = await managedPolicies.read(store.db, MANAGED)
  assert.ok(stored)
  await fixture.change((tx) => managedPolicies.remove(tx, stored))
  assert.equal(mayEncrypt(await standings.ofSession(limited, REGION)), false)
})

test('a session of GetSessionToken lives no longer than the access key that asked for it', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { standings, accessKeys } = fixture.opened
  const user = await fixture.principal({ kind: 'user', name: 'user' })
  const stranger = await fixture.principal({ kind: 'user', name: 'stranger' })
  const accessKeyId = await fixture.accessKey(user.principal.principalId)
  const of = (id: string, parentAccessKeyId: string) =>
    standings.ofSession(opened({ kind: 'user', id }, sessionFacts({ parentAccessKeyId })), REGION)
  const { principalId } = user.principal
  assert.equal((await of(principalId, accessKeyId))?.caller.type, 'IAMUser')
  assert.equal(await of(stranger.principal.principalId, accessKeyId), undefined)
  assert.equal(await of(principalId, 'AKIANOTHING'), undefined)

  const stored = await accessKeys.read(accessKeyId)
  assert.ok(stored)
  await fixture.change((tx) => accessKeys.setStatus(tx, stored, 'Inactive'))
  assert.equal(await of(principalId, accessKeyId), undefined)
})

test('a principal under quarantine is refused everything, and so are its sessions, until it is released', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { standings, principals } = fixture.opened
  const role = await fixture.principal({
    kind: 'role',
    name: 'role',
    inlinePolicies: [{ name: 'p', document: allow('*') }],
  })
  const session = sessionOf(role)
  assert.equal(mayEncrypt(await standings.ofSession(session, REGION)), true)
  const quarantine = { reason: 'a leak', atMs: 1, by: 'operator' }
  const shut = await fixture.change((tx) => principals.update(tx, role, { quarantine }))
  const standing = await standings.ofSession(session, REGION)
  assert.equal(standing?.quarantine, 'a leak')
  assert.equal(mayEncrypt(standing), false)
  await fixture.change((tx) => principals.update(tx, shut, { quarantine: undefined }))
  assert.equal(mayEncrypt(await standings.ofSession(session, REGION)), true)
})

test('the condition keys of a principal say who it is', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { standings } = fixture.opened
  const tags = [
    { key: 'Team', value: 'red' },
    { key: 'kept', value: 'yes' },
  ]
  const user = await fixture.principal({ kind: 'user', name: 'User', path: '/p/', tags })
  const role = await fixture.principal({ kind: 'role', name: 'Role', tags })
  const keysOf = (standing: Standing | undefined) =>
    Object.fromEntries(
      [
        'aws:PrincipalArn',
        'aws:PrincipalAccount',
        'aws:PrincipalType',
        'aws:userid',
        'aws:username',
        'aws:PrincipalTag/team',
        'aws:PrincipalTag/kept',
        'aws:MultiFactorAuthPresent',
        'aws:TokenIssueTime',
        'aws:SourceIdentity',
        'aws:PrincipalIsAWSService',
      ].map((key) => [key, standing?.context.get(key.toLowerCase())]),
    )

  const { principalId } = user.principal
  const asUser = {
    'aws:PrincipalArn': principalArn(user.principal),
    'aws:PrincipalAccount': ACCOUNT,
    'aws:PrincipalType': 'User',
    'aws:userid': principalId,
    'aws:username': 'User',
    'aws:PrincipalTag/team': 'red',
    'aws:PrincipalTag/kept': 'yes',
    // Long-lived credentials have neither: not even `false`.
    'aws:MultiFactorAuthPresent': undefined,
    'aws:TokenIssueTime': undefined,
    'aws:SourceIdentity': undefined,
    'aws:PrincipalIsAWSService': 'false',
  }
  assert.deepEqual(keysOf(await standings.ofUser(principalId, REGION, 'AKIA')), asUser)

  const temporary = { 'aws:MultiFactorAuthPresent': 'true', 'aws:TokenIssueTime': '2026-11-20T09:59:00Z' }
  const mfa = sessionFacts({ mfaAtMs: Date.parse('2026-11-20T09:58:00Z') })
  assert.deepEqual(
    keysOf(await standings.ofSession(opened({ kind: 'user', id: principalId }, mfa), REGION)),
    {
      ...asUser,
      ...temporary,
    },
  )

  const session = sessionOf(role, { tags: [{ key: 'TEAM', value: 'blue' }], sourceIdentity: 'anna' })
  assert.deepEqual(keysOf(await standings.ofSession(session, REGION)), {
    ...asUser,
    // The role's, not the session's.
    'aws:PrincipalArn': principalArn(role.principal),
    'aws:PrincipalType': 'AssumedRole',
    'aws:userid': `${role.principal.principalId}:session`,
    'aws:username': undefined,
    'aws:PrincipalTag/team': 'blue',
    'aws:MultiFactorAuthPresent': 'false',
    'aws:TokenIssueTime': '2026-11-20T09:59:00Z',
    'aws:SourceIdentity': 'anna',
  })

  assert.deepEqual(keysOf(await standings.ofRoot(ACCOUNT, REGION, 'AKIA')), {
    ...asUser,
    'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:root`,
    'aws:PrincipalType': 'Account',
    'aws:userid': ACCOUNT,
    'aws:username': undefined,
    'aws:PrincipalTag/team': undefined,
    'aws:PrincipalTag/kept': undefined,
  })
})

test('in another partition ARNs are that partition’s', async (t) => {
  const fixture = await openIdentityFixture(t)
  const user = await fixture.principal({ kind: 'user', name: 'user' })
  const standing = await fixture.opened.standings.ofUser(user.principal.principalId, 'cn-north-1', 'AKIA')
  assert.equal(standing?.caller.arn, `arn:aws-cn:iam::${ACCOUNT}:user/user`)
})
