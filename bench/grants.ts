import type { Grant } from '../server/src/keys/grant.ts'
import { GrantIndex, type GrantUse } from '../server/src/keys/grant-index.ts'
import { below, median, spread, type Figure } from './figure.ts'
import type { Bench, Question } from './question.ts'
import { inSeals, nanoseconds, sealOnce } from './seal.ts'

/** What does it cost to find the grant that helps, among those of one grantee on one key, next to an AES-256-GCM seal? */
export const grants: Question = { name: 'grants', ask: measure }

const SIZES = [1, 1000, 50_000]

function measure({ quick, rounds }: Bench): Promise<Figure[]> {
  const times = quick ? 20_000 : 100_000
  const seal = sealOnce()
  const cases = SIZES.flatMap((size) => {
    const [first, last] = [useOf(0), useOf(size - 1)]
    return [
      { name: `unconstrained, among ${size}`, index: indexOf(size, () => undefined), use: first },
      { name: `by the whole context, among ${size}`, index: indexOf(size, equalsOf), use: last },
      { name: `by a part of the context, among ${size}`, index: indexOf(size, subsetOf), use: last },
    ].map((each) => ({ ...each, taken: [] as number[] }))
  })
  const seals: number[] = []
  for (let round = 0; round < rounds + 1; round++) {
    const sealNs = nanoseconds(seal, times / 4)
    const found = cases.map(({ index, use, name }) =>
      nanoseconds(() => {
        if (index.find(use) === undefined) throw new Error(`no grant was found: ${name}`)
      }, times),
    )
    // The first round is the compiler's.
    if (round === 0) continue
    seals.push(sealNs)
    for (const [at, { taken }] of cases.entries()) taken.push(found[at] ?? NaN)
  }
  return Promise.resolve([
    ...cases.map(({ name, taken }) => {
      const ratios = inSeals(taken, seals)
      return {
        name: `a grant ${name}, in AES-256-GCM seals`,
        value: `${spread(ratios, 2)}, ${median(taken).toFixed(0)} ns`,
        target: below(median(ratios), 1),
      }
    }),
    { name: 'one AES-256-GCM seal of 32 bytes', value: `${spread(seals, 0)} ns` },
  ])
}

function useOf(tenant: number): GrantUse {
  const encryptionContext = new Map([
    ['service', 'orders'],
    ['tenant', String(tenant)],
  ])
  return { action: 'kms:Decrypt', encryptionContext, sourceArn: undefined, newGrant: undefined }
}

function equalsOf(at: number): Grant['constraint'] {
  return {
    type: 'EncryptionContextEquals',
    pairs: [
      ['service', 'orders'],
      ['tenant', String(at)],
    ],
  }
}

function subsetOf(at: number): Grant['constraint'] {
  return { type: 'EncryptionContextSubset', pairs: [['tenant', String(at)]] }
}

function indexOf(size: number, constraintOf: (at: number) => Grant['constraint']): GrantIndex {
  const index = new GrantIndex()
  for (let at = 0; at < size; at++) {
    index.add({
      grantId: at.toString(16).padStart(64, '0'),
      region: 'us-east-1',
      keyId: '1234abcd-12ab-34cd-56ef-1234567890ab',
      accountId: '111122223333',
      name: undefined,
      grantee: { name: 'arn:aws:iam::111122223333:role/orders', id: 'AROAEXAMPLE0000000001' },
      retiring: undefined,
      issuingAccount: '111122223333',
      operations: ['Decrypt', 'Encrypt', 'GenerateDataKey'],
      constraint: constraintOf(at),
      sourceArn: undefined,
      createdAtMs: 0,
    })
  }
  return index
}
