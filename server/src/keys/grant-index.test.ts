import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import type { Grant } from './grant.ts'
import { GrantIndex, limitsOf, type GrantUse } from './grant-index.ts'
import { foldContext, isAsStrict, satisfies, type ContextConstraint } from './grant-constraints.ts'
import { actionBit, grantOperations, hasEncryptionContext, type GrantOperation } from './grant-operations.ts'

let made = 0

function grant(
  operations: GrantOperation[],
  limits: Partial<Pick<Grant, 'constraint' | 'sourceArn'>> = {},
): Grant {
  return {
    grantId: (++made).toString(16).padStart(64, '0'),
    region: 'us-east-1',
    keyId: 'k',
    accountId: '111122223333',
    name: undefined,
    grantee: { name: 'arn:aws:iam::111122223333:user/a', id: 'AIDAEXAMPLE' },
    retiring: undefined,
    issuingAccount: '111122223333',
    operations,
    constraint: limits.constraint,
    sourceArn: limits.sourceArn,
    createdAtMs: 0,
  }
}

function use(action: string, rest: Partial<GrantUse> = {}): GrantUse {
  return { action, encryptionContext: undefined, sourceArn: undefined, newGrant: undefined, ...rest }
}

function context(pairs: Record<string, string>): ReadonlyMap<string, string> {
  return new Map(Object.entries(pairs))
}

function equals(pairs: Record<string, string>): ContextConstraint {
  return { type: 'EncryptionContextEquals', pairs: Object.entries(pairs) }
}

function subset(pairs: Record<string, string>): ContextConstraint {
  return { type: 'EncryptionContextSubset', pairs: Object.entries(pairs) }
}

function indexOf(...grants: Grant[]): GrantIndex {
  const index = new GrantIndex()
  for (const each of grants) index.add(each)
  return index
}

test('a grant allows its operations and no other', () => {
  const decrypt = grant(['Decrypt'])
  const index = indexOf(decrypt)
  assert.equal(index.find(use('kms:Decrypt')), decrypt.grantId)
  assert.equal(index.find(use('kms:Encrypt')), undefined)
  assert.equal(index.find(use('kms:PutKeyPolicy')), undefined)
})

test('EncryptionContextEquals wants these pairs and no other, whatever the case of the names', () => {
  const index = indexOf(grant(['Decrypt'], { constraint: equals({ Team: 'a', app: 'b' }) }))
  const allowed = (pairs: Record<string, string>) =>
    index.find(use('kms:Decrypt', { encryptionContext: context(pairs) })) !== undefined
  assert.ok(allowed({ Team: 'a', app: 'b' }))
  assert.ok(allowed({ APP: 'b', team: 'a' }))
  assert.ok(!allowed({ Team: 'A', app: 'b' }))
  assert.ok(!allowed({ Team: 'a' }))
  assert.ok(!allowed({ Team: 'a', app: 'b', more: 'c' }))
  assert.ok(!allowed({}))
})

test('EncryptionContextSubset wants these pairs at least', () => {
  const index = indexOf(grant(['Decrypt'], { constraint: subset({ Team: 'a', app: 'b' }) }))
  const allowed = (pairs: Record<string, string>) =>
    index.find(use('kms:Decrypt', { encryptionContext: context(pairs) })) !== undefined
  assert.ok(allowed({ app: 'b', team: 'a', more: 'c' }))
  assert.ok(!allowed({ app: 'b', more: 'c' }))
  assert.ok(!allowed({ app: 'x', team: 'a' }))
})

test('a context with two names that differ only in case satisfies no constraint', () => {
  const index = indexOf(grant(['Decrypt'], { constraint: subset({ team: 'a' }) }))
  const encryptionContext = context({ team: 'a', Team: 'a' })
  assert.equal(index.find(use('kms:Decrypt', { encryptionContext })), undefined)
})

test('a constraint on the context does not bind DescribeKey', () => {
  const index = indexOf(grant(['Decrypt', 'DescribeKey'], { constraint: equals({ team: 'a' }) }))
  assert.ok(index.find(use('kms:DescribeKey')))
  assert.equal(index.find(use('kms:Decrypt')), undefined)
})

test('a source ARN binds every operation', () => {
  const sourceArn = 'arn:aws:s3:us-east-1:111122223333:bucket/one'
  const index = indexOf(grant(['Decrypt', 'DescribeKey'], { sourceArn }))
  assert.ok(index.find(use('kms:DescribeKey', { sourceArn })))
  assert.equal(index.find(use('kms:DescribeKey')), undefined)
  assert.equal(index.find(use('kms:Decrypt', { sourceArn: `${sourceArn}2` })), undefined)
})

test('who may make grants by a grant makes none that allows more', () => {
  const parent = grant(['Decrypt', 'CreateGrant'], { constraint: subset({ team: 'a' }) })
  const index = indexOf(parent)
  const allowed = (child: Grant) =>
    index.find(use('kms:CreateGrant', { newGrant: limitsOf(child) })) !== undefined
  assert.ok(allowed(grant(['Decrypt'], { constraint: subset({ team: 'a' }) })))
  assert.ok(allowed(grant(['Decrypt', 'CreateGrant'], { constraint: subset({ TEAM: 'a', more: 'b' }) })))
  assert.ok(allowed(grant(['Decrypt'], { constraint: equals({ team: 'a' }) })))
  assert.ok(!allowed(grant(['Decrypt'])))
  assert.ok(!allowed(grant(['Encrypt'], { constraint: subset({ team: 'a' }) })))
  assert.ok(!allowed(grant(['Decrypt'], { constraint: subset({ team: 'b' }) })))
})

test('under EncryptionContextEquals a grant must have the same one', () => {
  const parent = limitsOf(grant(['Decrypt', 'CreateGrant'], { constraint: equals({ team: 'a' }) }))
  const child = (constraint: ContextConstraint) => limitsOf(grant(['Decrypt'], { constraint }))
  assert.ok(isAsStrict(child(equals({ Team: 'a' })), parent))
  assert.ok(!isAsStrict(child(equals({ team: 'a', more: 'b' })), parent))
  assert.ok(!isAsStrict(child(subset({ team: 'a' })), parent))
})

test('what is taken out allows nothing any more, and leaves nothing behind', () => {
  const grants = [
    grant(['Decrypt']),
    grant(['Decrypt'], { constraint: equals({ team: 'a' }) }),
    grant(['Decrypt'], { constraint: subset({ team: 'a', b: 'c' }) }),
  ]
  const index = indexOf(...grants)
  const encryptionContext = context({ team: 'a', b: 'c' })
  for (const { grantId } of grants) index.remove(grantId)
  assert.equal(index.size, 0)
  assert.equal(index.find(use('kms:Decrypt', { encryptionContext })), undefined)
  for (const each of grants) index.add(each)
  assert.equal(index.find(use('kms:Decrypt', { encryptionContext })), grants[0]?.grantId)
})

test('what the index finds is what looking at each grant would find', () => {
  // A small generator with a seed that is printed, so that a failure can be seen again.
  const seed = systemRandom.bytes(4).readUInt32BE() >>> 1
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >>> 8) % below
  }
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T
  const somePairs = () => {
    const pairs: Record<string, string> = {}
    for (let at = random(4); at > 0; at--) pairs[pick(['a', 'b', 'A', 'c'])] = pick(['1', '2'])
    return pairs
  }
  const someConstraint = () => {
    const pairs = somePairs()
    if (foldContext(Object.entries(pairs)) === undefined) return undefined
    if (random(2) === 0) return equals(pairs)
    return Object.keys(pairs).length === 0 ? undefined : subset(pairs)
  }
  const sources = [undefined, undefined, 'arn:one', 'arn:two']
  for (let round = 0; round < 200; round++) {
    const all = new Map<string, Grant>()
    const index = new GrantIndex()
    for (let at = 0; at < 30; at++) {
      const operations = grantOperations.filter(() => random(4) === 0)
      const each = grant(operations, { constraint: someConstraint(), sourceArn: pick(sources) })
      all.set(each.grantId, each)
      index.add(each)
      if (random(3) > 0) continue
      const gone = pick([...all.keys()])
      all.delete(gone)
      index.remove(gone)
    }
    for (let at = 0; at < 30; at++) {
      const action = `kms:${pick(grantOperations)}`
      const asked = use(action, { encryptionContext: context(somePairs()), sourceArn: pick(sources) })
      const folded = foldContext(asked.encryptionContext ?? [])
      const helps = (each: Grant) =>
        (limitsOf(each).operations & actionBit(action)) !== 0 &&
        (each.sourceArn === undefined || each.sourceArn === asked.sourceArn) &&
        (each.constraint === undefined ||
          !hasEncryptionContext(action) ||
          (folded !== undefined && satisfies(each.constraint, folded)))
      const found = index.find(asked)
      const expected = [...all.values()].some(helps)
      assert.equal(found !== undefined, expected, `seed ${seed}: ${JSON.stringify(asked)}`)
      if (found !== undefined) assert.ok(helps(all.get(found) as Grant), `seed ${seed}`)
    }
  }
})

test('a grant among fifty thousand is found as fast as one alone', () => {
  const filled = (size: number) => {
    const index = new GrantIndex()
    for (let at = 0; at < size; at++) {
      const pairs = { app: 'x', tenant: String(at) }
      index.add(grant(['Decrypt'], { constraint: at % 2 ? equals(pairs) : subset(pairs) }))
    }
    return index
  }
  const time = (index: GrantIndex, tenant: number) => {
    const asked = use('kms:Decrypt', { encryptionContext: context({ app: 'x', tenant: String(tenant) }) })
    for (let at = 0; at < 5000; at++) assert.ok(index.find(asked))
    const start = performance.now()
    for (let at = 0; at < 20_000; at++) index.find(asked)
    return (performance.now() - start) / 20_000
  }
  const many = filled(50_000)
  for (const tenant of [0, 1]) {
    const [alone, among] = [time(filled(2), tenant), time(many, 49_998 + tenant)]
    // Wide, because the machine may be busy; a walk over the grants would take a thousand times as long.
    assert.ok(among < 20 * alone, `${among * 1000} µs among many, ${alone * 1000} µs alone`)
  }
})

test('what has no encryption context of its own is found, or not, among fifty thousand constraints as fast', () => {
  const index = new GrantIndex()
  const pairs = (at: number) => ({ app: 'x', tenant: String(at) })
  for (let at = 0; at < 50_000; at++) {
    const constraint = at % 2 ? equals(pairs(at)) : subset(pairs(at))
    index.add(grant(['Decrypt', 'CreateGrant'], { constraint }))
  }
  const child = (at: number) => limitsOf(grant(['Decrypt'], { constraint: equals(pairs(at)) }))
  const questions: [GrantUse, boolean][] = [
    [use('kms:DescribeKey'), false],
    [use('kms:CreateGrant', { newGrant: limitsOf(grant(['Decrypt'])) }), false],
    [use('kms:CreateGrant', { newGrant: child(50_000) }), false],
    [use('kms:CreateGrant', { newGrant: child(49_999) }), true],
    [use('kms:CreateGrant', { newGrant: child(49_998) }), true],
  ]
  for (const [asked, isThere] of questions) {
    assert.equal(index.find(asked) !== undefined, isThere)
    const start = performance.now()
    for (let round = 0; round < 100; round++) index.find(asked)
    // Some microseconds each; a walk over all of them takes ten milliseconds.
    assert.ok(performance.now() - start < 100, `${(performance.now() - start) * 10} µs`)
  }
})

test('what an index finds for a new grant is what looking at each grant would find', () => {
  const contexts = [{}, { a: '1' }, { A: '1' }, { a: '2' }, { a: '1', b: '1' }, { b: '1' }]
  const constraints = [undefined, ...contexts.map(equals), ...contexts.slice(1).map(subset)]
  for (const parent of constraints) {
    const parentGrant = grant(['Decrypt', 'CreateGrant'], { constraint: parent })
    const index = indexOf(parentGrant)
    for (const constraint of constraints) {
      const newGrant = limitsOf(grant(['Decrypt'], { constraint }))
      const found = index.find(use('kms:CreateGrant', { newGrant })) !== undefined
      assert.equal(found, isAsStrict(newGrant, limitsOf(parentGrant)), JSON.stringify([parent, constraint]))
    }
  }
})
