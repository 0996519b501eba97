import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision, DecisionReason } from './decision.ts'
import { denialText } from './denial.ts'
import type { PolicyKind } from './document.ts'

const request = {
  principalArn: 'arn:aws:iam::111122223333:user/alice',
  action: 'kms:Decrypt',
  resourceArn: 'arn:aws:kms:us-east-1:111122223333:key/k',
}
const user = 'User: arn:aws:iam::111122223333:user/alice is not authorized to perform: kms:Decrypt'
const onKey = `${user} on resource: arn:aws:kms:us-east-1:111122223333:key/k`
const threeWays =
  'because the resource does not exist in this Region, no resource-based policies allow access, or a ' +
  'resource-based policy explicitly denies access'

function refused(reason: DecisionReason): Decision {
  return { allowed: false, reason, couldBeGranted: false, statements: [] }
}
const missing = (kind: PolicyKind, hidden = false) =>
  refused({ type: 'implicit-deny', missing: kind, hidden })
const denied = (kind: PolicyKind, hidden = false) =>
  refused({ type: 'explicit-deny', source: { type: kind }, statement: { index: 0 }, hidden })

const named: Readonly<Record<PolicyKind, readonly [implicit: string, explicit: string]>> = {
  identity: ['identity-based policy', 'an identity-based policy'],
  resource: ['resource-based policy', 'a resource-based policy'],
  trust: ['role trust policy', 'the role trust policy'],
  session: ['session policy', 'a session policy'],
  boundary: ['permissions boundary', 'a permissions boundary'],
  'service-control': ['service control policy', 'a service control policy'],
  'resource-control': ['resource control policy', 'a resource control policy'],
  endpoint: ['VPC endpoint policy', 'a VPC endpoint policy'],
}

for (const [kind, [implicit, explicit]] of Object.entries(named) as [
  PolicyKind,
  readonly [string, string],
][]) {
  test(`a denial names the kind of policy: ${kind}`, () => {
    assert.equal(
      denialText(request, missing(kind)),
      `${onKey} because no ${implicit} allows the kms:Decrypt action`,
    )
    assert.equal(denialText(request, denied(kind)), `${onKey} with an explicit deny in ${explicit}`)
  })
}

test('of what the caller may not know of, a denial says the same whatever the reason', () => {
  const quarantine = { of: 'resource', reason: 'secret' } as const
  for (const decision of [
    missing('resource', true),
    denied('resource', true),
    denied('identity', true),
    refused({ type: 'quarantine', quarantine, hidden: true }),
  ]) {
    assert.equal(denialText(request, decision), `${user} on this resource ${threeWays}`)
  }
})

test('a ciphertext that names its key is spoken of as such', () => {
  const onWhat = 'the resource associated with this ciphertext'
  assert.equal(
    denialText({ ...request, onWhat }, missing('resource', true)),
    `${user} on ${onWhat} ${threeWays}`,
  )
  assert.equal(
    denialText({ ...request, onWhat }, missing('identity')),
    `${user} on ${onWhat} because no identity-based policy allows the kms:Decrypt action`,
  )
})

test('an action on no resource names none', () => {
  assert.equal(
    denialText({ ...request, action: 'kms:ListKeys', resourceArn: undefined }, missing('identity')),
    `${user.replace('Decrypt', 'ListKeys')} because no identity-based policy allows the kms:ListKeys action`,
  )
})

test('a quarantine looks like an explicit deny and tells nothing of its reason', () => {
  for (const [of, policy] of [
    ['principal', 'an identity-based policy'],
    ['resource', 'a resource-based policy'],
  ] as const) {
    const decision = refused({ type: 'quarantine', quarantine: { of, reason: 'secret' }, hidden: false })
    assert.equal(denialText(request, decision), `${onKey} with an explicit deny in ${policy}`)
  }
})

test('of a role that is not there or not open STS says its name and no more', () => {
  const assume = { ...request, action: 'sts:AssumeRole', resourceArn: 'arn:aws:iam::444455556666:role/R' }
  const text = `${user.replace('kms:Decrypt', 'sts:AssumeRole')} on resource: arn:aws:iam::444455556666:role/R`
  assert.equal(denialText(assume, missing('trust', true)), text)
})
