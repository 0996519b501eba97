import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decide, type Decision, type DecisionFacts } from '../../server/src/policy/decision.ts'
import { compiled } from './case-files.ts'
import { facts, identityPolicy, keyPolicy } from './random-policies.ts'
import { isAllowed, type PlainFacts, type PlainPolicy } from './reference-evaluator.ts'

function decideFor(plain: PlainFacts, explain = false): Decision {
  const own = plain.request.principal.type === 'service' || plain.request.principal.type === 'root'
  const facts: DecisionFacts = {
    request: plain.request,
    resourceAccountId: plain.keyAccount,
    resourceRule: 'kms-key',
    resourcePolicy: compiled(plain.keyPolicy, 'resource'),
    identityPolicies: own ? [] : plain.identity.map((policy) => compiled(policy, 'identity')),
    boundary: own ? undefined : plain.boundary && compiled(plain.boundary, 'boundary'),
    sessionPolicies: own ? undefined : plain.session?.map((policy) => compiled(policy, 'session')),
    serviceControl: plain.serviceControl.map((level) =>
      level.map((policy) => compiled(policy, 'service-control')),
    ),
    resourceControl: plain.resourceControl.map((level) =>
      level.map((policy) => compiled(policy, 'resource-control')),
    ),
    endpointPolicy: plain.endpoint && compiled(plain.endpoint, 'endpoint'),
    grant: plain.granted ? { grantId: 'g', resourceArn: plain.request.resource } : undefined,
  }
  return decide(facts, { explain })
}

/** Root users and services have no policies of their own. */
function asTheyAre(plain: PlainFacts): PlainFacts {
  const own = plain.request.principal.type === 'service' || plain.request.principal.type === 'root'
  return own ? { ...plain, identity: [], boundary: undefined, session: undefined } : plain
}

test('the evaluator and an independent reading of the documentation agree', () => {
  const seen = { allowed: 0, refused: 0 }
  fc.assert(
    fc.property(facts, (plain) => {
      const { allowed } = decideFor(plain)
      assert.equal(allowed, isAllowed(asTheyAre(plain)))
      seen[allowed ? 'allowed' : 'refused']++
    }),
    { numRuns: 20_000 },
  )
  // A test in which everything is refused would prove nothing.
  assert.ok(Math.min(seen.allowed, seen.refused) > 1000, JSON.stringify(seen))
})

const denying = (policy: PlainPolicy): PlainPolicy => ({
  ...policy,
  Statement: policy.Statement.map((statement) => ({ ...statement, Effect: 'Deny' as const })),
})
const joined = (policy: PlainPolicy, more: PlainPolicy): PlainPolicy => ({
  ...policy,
  Statement: [...policy.Statement, ...more.Statement],
})

test('a Deny never adds access, wherever it is added', () => {
  fc.assert(
    fc.property(facts, identityPolicy, keyPolicy, fc.nat(5), (plain, own, ofKey, where) => {
      const deny = denying(own)
      const also = [
        { ...plain, identity: [...plain.identity, deny] },
        { ...plain, keyPolicy: joined(plain.keyPolicy, denying(ofKey)) },
        { ...plain, session: [...(plain.session ?? []), deny] },
        { ...plain, boundary: plain.boundary === undefined ? deny : joined(plain.boundary, deny) },
        { ...plain, serviceControl: plain.serviceControl.map((level) => [...level, deny]) },
        { ...plain, serviceControl: [...plain.serviceControl, [deny]] },
      ][where]
      assert.ok(also !== undefined)
      if (decideFor(also).allowed) assert.ok(decideFor(plain).allowed)
    }),
    { numRuns: 5000 },
  )
})

test('the order of statements and of policies never matters', () => {
  fc.assert(
    fc.property(facts, (plain) => {
      const turned = (policy: PlainPolicy): PlainPolicy => ({
        ...policy,
        Statement: policy.Statement.toReversed(),
      })
      const reversed: PlainFacts = {
        ...plain,
        keyPolicy: turned(plain.keyPolicy),
        identity: plain.identity.toReversed().map(turned),
        boundary: plain.boundary && turned(plain.boundary),
        session: plain.session?.toReversed().map(turned),
        serviceControl: plain.serviceControl.toReversed().map((level) => level.toReversed().map(turned)),
        resourceControl: plain.resourceControl.toReversed().map((level) => level.toReversed().map(turned)),
      }
      const [one, other] = [decideFor(plain), decideFor(reversed)]
      assert.equal(one.allowed, other.allowed)
      assert.equal(one.reason.type, other.reason.type)
      assert.equal(one.couldBeGranted, other.couldBeGranted)
    }),
    { numRuns: 5000 },
  )
})

test('what could be granted is allowed with a grant, and nothing else is', () => {
  fc.assert(
    fc.property(facts, (plain) => {
      const without = decideFor({ ...plain, granted: false })
      assert.equal(decideFor({ ...plain, granted: true }).allowed, without.couldBeGranted || without.allowed)
    }),
    { numRuns: 5000 },
  )
})

test('to explain a decision changes nothing of it, and a deny is among what is explained', () => {
  fc.assert(
    fc.property(facts, (plain) => {
      const [plainly, explained] = [decideFor(plain), decideFor(plain, true)]
      assert.deepEqual(
        { allowed: explained.allowed, type: explained.reason.type },
        { allowed: plainly.allowed, type: plainly.reason.type },
      )
      const denies = explained.statements.some((statement) => statement.effect === 'Deny')
      assert.equal(denies, explained.reason.type === 'explicit-deny')
    }),
    { numRuns: 3000 },
  )
})
