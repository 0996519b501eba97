import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openStore } from '../../store/store.ts'
import { heldClock } from '../../testing/held-clock.ts'
import { RequestBuckets } from './request-buckets.ts'
import { quotaClasses } from './request-quotas.ts'
import { requestRates } from './request-rates.ts'
import { startRequestShares } from './request-shares.ts'

const account = '111122223333'
const region = 'us-east-1'
const createKey = quotaClasses.indexOf('CreateKey')
const ratesOf = requestRates({ aws: false, own: [{ rates: new Map([['CreateKey', 100]]) }] })

/** Nodes with a store each over one database, whose clock is held; a round is when the test says so. */
async function deployment(t: TestContext) {
  const clock = heldClock()
  const directory = mkdtempSync(join(tmpdir(), 'keywright-shares-'))
  t.after(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  const file = join(directory, 'keywright.db')
  const reader = await openStore({ engine: 'sqlite', file }, { clock })
  t.after(() => reader.close())
  return {
    clock,
    rows: () => reader.db.selectFrom('request_shares').selectAll().orderBy('node').execute(),
    write: (node: string, taken: string, seenAtMs = clock.now()) =>
      reader.transition(async (tx) => {
        tx.unrecorded = 'a test'
        await tx.db.deleteFrom('request_shares').where('node', '=', node).execute()
        await tx.db.insertInto('request_shares').values({ node, taken, seen_at: seenAtMs }).execute()
      }),
    async node(name: string) {
      const store = await openStore({ engine: 'sqlite', file }, { clock })
      const buckets = new RequestBuckets({ ratesOf, now: () => clock.now() })
      const failures: unknown[] = []
      const shares = startRequestShares({
        store,
        buckets,
        node: name,
        // Rounds that nobody waits for would come between those of the test.
        clock: { now: () => clock.now(), wakeAt: () => () => {} },
        onFailure: (error) => failures.push(error),
      })
      t.after(() => store.close())
      return {
        store,
        buckets,
        shares,
        failures,
        take: (tokens = 1) => buckets.take(account, region, createKey, tokens),
        /** All that can be had now. */
        drain: () => {
          let taken = 0
          while (buckets.take(account, region, createKey)) taken++
          return taken
        },
      }
    },
  }
}

test('what one node took is missing at the other a round later', async (t) => {
  const { clock, node } = await deployment(t)
  const [a, b] = [await node('a'), await node('b')]
  b.take()
  await b.shares.exchange()
  assert.equal(a.drain(), 100)
  await a.shares.exchange()
  clock.advance(1000)
  b.drain()
  await b.shares.exchange()
  clock.advance(1000)
  // A hundred were taken elsewhere, and half of what comes is paid for them until that is paid.
  assert.equal(b.drain(), 50)
  await b.shares.exchange()
  clock.advance(1000)
  assert.equal(b.drain(), 50)
  await b.shares.exchange()
  clock.advance(1000)
  assert.equal(b.drain(), 100)
  assert.deepEqual([a.failures, b.failures], [[], []])
})

test('nodes of one deployment that are asked without end let the rate through together', async (t) => {
  const { clock, node } = await deployment(t)
  const nodes = [await node('a'), await node('b'), await node('c')]
  let through = 0
  for (let second = 0; second < 30; second++) {
    for (const { drain, shares } of nodes) {
      const taken = drain()
      if (second >= 10) through += taken
      await shares.exchange()
    }
    clock.advance(1000)
  }
  assert.ok(through >= 1900 && through <= 2100, `${through} where 2000 are due`)
})

test('a node without traffic writes nothing, and one that stops takes its row away', async (t) => {
  const { clock, node, rows } = await deployment(t)
  const [a, b] = [await node('a'), await node('b')]
  await a.shares.exchange()
  await b.shares.exchange()
  assert.deepEqual(await rows(), [])
  a.take(10)
  await a.shares.exchange()
  const written = await rows()
  assert.deepEqual(
    written.map(({ node: name, seen_at, taken }) => [name, seen_at, taken]),
    [['a', clock.now(), `[[1,[["${account}","${region}","CreateKey",10]]]]`]],
  )
  for (let round = 0; round < 5; round++) {
    clock.advance(1000)
    await a.shares.exchange()
  }
  assert.deepEqual(await rows(), written)
  await a.shares.stop()
  assert.deepEqual(await rows(), [])
})

test('the row of a node that died is not heard again, and goes when others go on', async (t) => {
  const { clock, node, rows, write } = await deployment(t)
  await write('dead', `[[7,[["${account}","${region}","CreateKey",90]]]]`)
  clock.advance(60_000)
  const a = await node('a')
  a.take()
  await a.shares.exchange()
  clock.advance(1000)
  assert.equal(a.drain(), 100)
  clock.advance(600_000)
  // Only now and then does a node look for such rows.
  for (let round = 0; round < 61; round++) {
    a.take()
    await a.shares.exchange()
    clock.advance(1000)
  }
  assert.deepEqual(
    (await rows()).map((row) => row.node),
    ['a'],
  )
})

test('rows of any content are taken as nothing, and no row makes buckets', async (t) => {
  const { clock, node, write } = await deployment(t)
  const a = await node('a')
  const own = `"${account}","${region}","CreateKey"`
  const contents = [
    '',
    '{',
    'null',
    '7',
    '{}',
    '[null]',
    '[[]]',
    '[[1]]',
    '[[1,7]]',
    '[["1",[]]]',
    `[[1,[[${own},-5]]]]`,
    `[[1,[[${own},1e999]]]]`,
    `[[1,[[${own},"5"]]]]`,
    `[[1,[[${own}]]]]`,
    `[[1,[["${account}","${region}","__proto__",5]]]]`,
    `[[1,[["${account}","${region}",7,5]]]]`,
    `[[1,[["444455556666","xx-nowhere-1","CreateKey",5]]]]`,
    `[[1,[${`[${own},1],`.repeat(10_000)}[${own},1]]]]`,
    '['.repeat(100_000),
  ]
  for (const [index, content] of contents.entries()) {
    await write(`other-${index}`, content)
    a.take()
    await a.shares.exchange()
    clock.advance(1000)
    assert.equal(a.drain(), 100, content.slice(0, 60))
    await a.shares.exchange()
    clock.advance(1000)
  }
  assert.equal(a.buckets.size, 1)
  assert.deepEqual(a.failures, [])
})

test('what a hostile row says is owed for a minute of the rate at most', async (t) => {
  const { clock, node, write } = await deployment(t)
  const a = await node('a')
  a.take()
  const much = `["${account}","${region}","CreateKey",1e300]`
  await write('b', `[[1,[${`${much},`.repeat(1000)}${much}]]]`)
  await a.shares.exchange()
  a.drain()
  for (let second = 0; second < 121; second++) {
    clock.advance(1000)
    assert.ok(a.drain() >= 50)
    await a.shares.exchange()
  }
  clock.advance(1000)
  assert.equal(a.drain(), 100)
})

test('a node that loses the database goes on with what it knows, and says so', async (t) => {
  const { clock, node } = await deployment(t)
  const a = await node('a')
  a.take()
  await a.shares.exchange()
  await a.store.close()
  for (let round = 0; round < 3; round++) {
    clock.advance(1000)
    assert.equal(a.drain(), 100)
    await a.shares.exchange()
  }
  assert.equal(a.failures.length, 3)
  await a.shares.stop()
})
