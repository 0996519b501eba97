import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RequestBuckets } from './request-buckets.ts'

const account = '111122223333'
const region = 'us-east-1'

function bucketsOf(rates: readonly number[], limit?: number) {
  const time = { ms: 0 }
  const buckets = new RequestBuckets({
    ratesOf: () => Float64Array.from(rates),
    now: () => time.ms,
    ...(limit !== undefined && { limit }),
  })
  return { buckets, time, take: (at = 0, tokens = 1) => buckets.take(account, region, at, tokens) }
}

const rate = fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constantFrom(0.1, 0.5, 0.25, 1.5))
/** Tries, each with the time that has passed since the one before. */
const tries = fc.array(
  fc.tuple(fc.double({ min: 0, max: 2500, noNaN: true }), fc.integer({ min: 1, max: 3 })),
  {
    maxLength: 300,
  },
)

test('over any window no more gets through than the burst and what came in the time', () => {
  fc.assert(
    fc.property(rate, tries, (perSecond, steps) => {
      const { time, take } = bucketsOf([perSecond])
      const through: { atMs: number; tokens: number }[] = []
      for (const [waitMs, tokens] of steps) {
        time.ms += waitMs
        if (take(0, tokens)) through.push({ atMs: time.ms, tokens })
      }
      const burst = Math.max(perSecond, 3)
      for (let from = 0; from < through.length; from++) {
        let sum = 0
        for (let to = from; to < through.length; to++) {
          sum += through[to]!.tokens
          const seconds = (through[to]!.atMs - through[from]!.atMs) / 1000
          assert.ok(sum <= burst + perSecond * seconds + 0.01, `${sum} in ${seconds} s at ${perSecond}/s`)
        }
      }
    }),
  )
})

test('nobody who keeps to the rate is ever refused, and who asks all the time gets all of it', () => {
  fc.assert(
    fc.property(
      rate,
      fc.integer({ min: 2, max: 20 }),
      fc.nat({ max: 1e9 }),
      (perSecond, seconds, startMs) => {
        const steady = bucketsOf([perSecond])
        steady.time.ms = startMs
        const many = Math.floor(perSecond * seconds)
        for (let n = 0; n < many; n++) {
          steady.time.ms = startMs + (n * 1000) / perSecond
          assert.ok(steady.take(), `${n + 1} at ${perSecond}/s`)
        }
        const greedy = bucketsOf([perSecond])
        let through = 0
        for (let ms = 0; ms < seconds * 1000; ms += 100) {
          greedy.time.ms = startMs + ms
          while (greedy.take()) through++
        }
        assert.ok(
          through >= Math.floor(perSecond * (seconds - 0.1)),
          `${through} in ${seconds} s at ${perSecond}/s`,
        )
      },
    ),
  )
})

test('accounts, Regions and classes have buckets of their own, and no limit is no limit', () => {
  const { buckets, take } = bucketsOf([1, 1, Infinity])
  assert.equal(take(0), true)
  assert.equal(take(0), false)
  assert.equal(take(1), true)
  assert.equal(buckets.take('444455556666', region, 0), true)
  assert.equal(buckets.take(account, 'eu-west-1', 0), true)
  assert.equal(buckets.has(account, region, 0), false)
  for (let n = 0; n < 100_000; n++) assert.ok(take(2))
  assert.deepEqual(
    buckets.untold(10).map(({ at }) => at),
    [0, 1, 0, 0],
  )
})

test('who asks for more at once than a bucket holds gets it when the bucket is full', () => {
  const { time, take } = bucketsOf([1])
  assert.equal(take(0, 2), true)
  assert.equal(take(0, 2), false)
  time.ms = 1999
  assert.equal(take(0, 2), false)
  time.ms = 2000
  assert.equal(take(0, 2), true)
})

test('buckets are bounded, full ones make room, and one that is in use is kept', () => {
  const { buckets, time } = bucketsOf([5], 100)
  for (let n = 0; n < 100_000; n++) {
    time.ms += 1
    buckets.take(String(n), region, 0)
    // One account is in use all the time.
    if (n % 100 === 0) for (let more = 0; more < 10; more++) buckets.take(account, region, 0)
    if (n % 100 === 1) assert.equal(buckets.has(account, region, 0), false)
  }
  assert.ok(buckets.size <= 100, String(buckets.size))
})

test('a flood of accounts that are all in use makes no more buckets than may be', () => {
  const { buckets } = bucketsOf([5], 100)
  for (let n = 0; n < 10_000; n++) assert.ok(buckets.take(String(n), region, 0))
  assert.ok(buckets.size <= 100)
})

test('what was taken is told once, in whole, and small parts of a quota later', () => {
  const { buckets, take } = bucketsOf([1000, 5])
  for (let n = 0; n < 9; n++) take(0)
  assert.deepEqual(buckets.untold(10), [])
  for (let n = 0; n < 3; n++) take(0)
  take(1)
  assert.deepEqual(buckets.untold(10), [
    { accountId: account, region, at: 0, tokens: 12 },
    { accountId: account, region, at: 1, tokens: 1 },
  ])
  assert.deepEqual(buckets.untold(10), [])
  take(1)
  for (let n = 0; n < 100; n++) take(0)
  // Where there is no room for all, those that are nearest to their limits.
  assert.deepEqual(buckets.untold(1), [{ accountId: account, region, at: 1, tokens: 1 }])
  assert.deepEqual(buckets.untold(1), [{ accountId: account, region, at: 0, tokens: 100 }])
})

/** Nodes that tell each other what they took, some time after it. */
class Nodes {
  readonly time = { ms: 0 }
  readonly nodes
  /** At which millisecond of each second a node tells and listens. */
  readonly #phases: readonly number[]
  readonly #told: { by: number; tokens: number }[][] = []
  readonly #heard: number[]

  constructor(perSecond: number, phases: readonly number[]) {
    this.#phases = phases
    this.nodes = phases.map(
      () => new RequestBuckets({ ratesOf: () => Float64Array.of(perSecond), now: () => this.time.ms }),
    )
    this.#heard = phases.map(() => 0)
  }

  step(): void {
    this.time.ms += 10
    for (const [by, node] of this.nodes.entries()) {
      if (this.time.ms % 1000 !== this.#phases[by]) continue
      this.#told.push(node.untold(10).map(({ tokens }) => ({ by, tokens })))
      const sums = new Map<number, number>()
      for (const { by: other, tokens } of this.#told.slice(this.#heard[by]).flat())
        if (other !== by) sums.set(other, (sums.get(other) ?? 0) + tokens)
      this.#heard[by] = this.#told.length
      for (const tokens of sums.values()) node.takenElsewhere({ accountId: account, region, at: 0, tokens })
      node.settle()
    }
  }

  take(by: number): boolean {
    return this.nodes[by]!.take(account, region, 0)
  }
}

const phases = fc.array(
  fc.integer({ min: 0, max: 99 }).map((n) => n * 10),
  { minLength: 2, maxLength: 4 },
)
/** Which nodes are asked, second by second. */
const load = fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), { minLength: 5, maxLength: 40 })

test('nodes together let through at most three seconds of the rate more for each further one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), phases, load, (perSecond, at, asked) => {
      const rig = new Nodes(perSecond, at)
      let through = 0
      for (const [second, nodes] of asked.entries()) {
        for (let step = 0; step < 100; step++) {
          rig.step()
          for (let by = 0; by < at.length; by++) if (nodes[by] === true) while (rig.take(by)) through++
        }
        const most = perSecond * (second + 2) + (at.length - 1) * 3 * perSecond + at.length
        assert.ok(through <= most, `${through} of ${most} after ${second + 1} s`)
      }
    }),
    { numRuns: 200 },
  )
})

test('nodes that are all asked without end soon share the rate evenly, and none waits for long', () => {
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 200 }), phases, (perSecond, at) => {
      const rig = new Nodes(perSecond, at)
      const through = at.map(() => 0)
      for (let step = 0; step < 3000; step++) {
        rig.step()
        for (let by = 0; by < at.length; by++) while (rig.take(by)) if (step >= 1000) through[by]!++
      }
      const each = (perSecond * 20) / at.length
      for (const many of through)
        assert.ok(many > each * 0.8 && many < each * 1.2, `${through.join(', ')} where ${each} are due`)
    }),
    { numRuns: 50 },
  )
})

test('a node alone has the whole rate again soon after the others have gone', () => {
  const rig = new Nodes(100, [0, 300, 600])
  for (let step = 0; step < 2000; step++) {
    rig.step()
    for (let by = 0; by < 3; by++) while (rig.take(by)) continue
  }
  let through = 0
  for (let step = 0; step < 3000; step++) {
    rig.step()
    while (rig.take(0)) if (step >= 2000) through++
  }
  assert.ok(through >= 990 && through <= 1010, String(through))
})
