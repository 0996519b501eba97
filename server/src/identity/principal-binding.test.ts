import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicy } from '../policy/document.ts'
import { UnknownPrincipalError } from './principal-binding.ts'
import { replacePrincipals } from './shown-policy.ts'
import { ACCOUNT, openIdentityFixture, trust } from './testing/identity-fixture.ts'

const USER = `arn:aws:iam::${ACCOUNT}:user/p/User`
const ROLE = `arn:aws:iam::${ACCOUNT}:role/Role`
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/Role/session`

test('users, roles and role sessions are bound to their unique ids; accounts and services need none', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { binding, store } = fixture.opened
  const user = await fixture.principal({ kind: 'user', name: 'User', path: '/p/' })
  const role = await fixture.principal({ kind: 'role', name: 'Role' })
  const document = trust({
    AWS: [USER, ROLE, SESSION, ACCOUNT, `arn:aws:iam::${ACCOUNT}:root`, user.principal.principalId],
    Service: ['s3.amazonaws.com', 'logs.us-east-1.amazonaws.com'],
  })
  assert.deepEqual(
    await binding.bindPrincipals(store.db, parsePolicy(document, 'trust'), 'aws'),
    new Map([
      [USER, user.principal.principalId],
      [ROLE, role.principal.principalId],
      [SESSION, role.principal.principalId],
    ]),
  )
  assert.deepEqual(await binding.bindPrincipal(store.db, SESSION), {
    kind: 'assumed-role',
    accountId: ACCOUNT,
    uniqueId: role.principal.principalId,
  })
})

test('in a policy nobody is known by an ARN of another partition', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { binding, store } = fixture.opened
  const { principal } = await fixture.principal({ kind: 'user', name: 'User' })
  const bind = (AWS: string, partition: string) =>
    binding.bindPrincipals(store.db, parsePolicy(trust({ AWS }), 'trust'), partition)
  for (const [partition, other] of [
    ['aws', 'aws-cn'],
    ['aws-cn', 'aws'],
    ['aws-us-gov', 'aws'],
  ] as const) {
    const arn = (of: string, resource: string) => `arn:${of}:iam::${ACCOUNT}:${resource}`
    assert.deepEqual(
      await bind(arn(partition, 'user/User'), partition),
      new Map([[arn(partition, 'user/User'), principal.principalId]]),
    )
    await bind(arn(partition, 'root'), partition)
    await bind(ACCOUNT, partition)
    for (const resource of ['user/User', 'root']) {
      await assert.rejects(
        bind(arn(other, resource), partition),
        UnknownPrincipalError,
        `${other} ${resource}`,
      )
    }
  }
})

test('what is not there exactly as it is written is unknown', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { binding, store } = fixture.opened
  await fixture.principal({ kind: 'user', name: 'User', path: '/p/' })
  await fixture.principal({ kind: 'role', name: 'Role', path: '/p/' })
  await fixture.principal({ kind: 'group', name: 'Group' })
  for (const unknown of [
    `arn:aws:iam::${ACCOUNT}:user/User`,
    `arn:aws:iam::${ACCOUNT}:user/p/user`,
    `arn:aws:iam::${ACCOUNT}:user/p/Nobody`,
    `arn:aws:iam::${ACCOUNT}:group/Group`,
    `arn:aws:iam::${ACCOUNT}:role/Role`,
    `arn:aws:iam::${ACCOUNT}:role/p/Role/x`,
    `arn:aws:iam:us-east-1:${ACCOUNT}:role/p/Role`,
    `arn:aws:sts::${ACCOUNT}:assumed-role/role/session`,
    `arn:aws:sts::${ACCOUNT}:assumed-role/Role`,
    `arn:aws:sts::${ACCOUNT}:federated-user/User`,
    `arn:aws:s3::${ACCOUNT}:user/p/User`,
    '999988887777',
    'arn:aws:iam::999988887777:root',
    'AIDAABCDEFGHIJKLMNOPQ',
    'User',
    '',
  ]) {
    await assert.rejects(binding.bindPrincipal(store.db, unknown), UnknownPrincipalError, unknown)
  }
})

test('a principal that is gone or came back is shown by its unique id, a renamed one by its new name', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { binding, principals, store } = fixture.opened
  let user = await fixture.principal({ kind: 'user', name: 'User', path: '/p/' })
  const { principalId } = user.principal
  const text = `{"Version":"2012-10-17","Statement":{ "Effect" : "Allow",
    "Principal":{"AWS": [ "${USER}", "${ACCOUNT}" ]}, "Action":"sts:AssumeRole",
    "Condition":{"ArnEquals":{"aws:PrincipalArn":"${USER}"}}}}`
  const bindings = await binding.bindPrincipals(store.db, parsePolicy(text, 'trust'), 'aws')
  const shown = () => binding.shownPolicy(store.db, text, bindings)
  assert.equal(await shown(), text)

  user = await fixture.change((tx) => principals.update(tx, user, { name: 'Renamed' }))
  // The condition compares ARNs, and keeps what was written.
  const renamed = `arn:aws:iam::${ACCOUNT}:user/p/Renamed`
  assert.equal(await shown(), text.replace(USER, renamed))

  await fixture.change((tx) => principals.remove(tx, user))
  assert.equal(await shown(), text.replace(USER, principalId))
  await fixture.principal({ kind: 'user', name: 'User', path: '/p/' })
  assert.equal(await shown(), text.replace(USER, principalId))
})

test('only principals of a statement are replaced, however the JSON is written', () => {
  const by = new Map([['a', 'b"']])
  for (const [text, expected] of [
    ['{"Principal":{"AWS":"a"}}', '{"Principal":{"AWS":"b\\""}}'],
    ['{"NotPrincipal":{"AWS":["x","\\u0061"]},"Sid":"a"}', '{"NotPrincipal":{"AWS":["x","b\\""]},"Sid":"a"}'],
    ['{"Principal":{"AWS":"x"},"Resource":["a"]}', '{"Principal":{"AWS":"x"},"Resource":["a"]}'],
    ['{"Condition":{"A":{"k":["a","a"]}},"Id":"a"}', '{"Condition":{"A":{"k":["a","a"]}},"Id":"a"}'],
    ['[{"Principal":"*"},{"Action":"a"}]', '[{"Principal":"*"},{"Action":"a"}]'],
  ] as const) {
    assert.equal(replacePrincipals(text, by), expected)
  }
})
