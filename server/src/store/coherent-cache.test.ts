import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { heldClock } from '../testing/held-clock.ts'
import { CoherentCache, type CacheEntry } from './coherent-cache.ts'
import { openFeed, type LocalFeed } from './feed.ts'
import { migrate } from './migrate.ts'
import { openSqlite, type SqliteEngine } from './sqlite-engine.ts'

const directory = mkdtempSync(join(tmpdir(), 'keywright-cache-'))
let engine: SqliteEngine
before(async () => {
  engine = await openSqlite(join(directory, 'keywright.db'), () => undefined)
  await migrate(engine, heldClock())
})
after(async () => {
  await engine.close()
  rmSync(directory, { recursive: true })
})

const change = (feed: LocalFeed, id: string, kind: 'key' | 'alias' = 'key') => {
  const position = feed.applied + 1
  return feed.applyOwn(position, [{ position, kind, id }])
}

test('what is loaded once is found until the feed names it', async () => {
  const feed = await openFeed(engine.db)
  let loads = 0
  const cache = new CoherentCache({ feed, kind: 'key', load: () => Promise.resolve(++loads), limit: 10 })
  assert.equal(cache.find('a'), undefined)
  const entry = await cache.get('a')
  assert.deepEqual([entry?.value, entry?.valid, entry?.position], [1, true, 0])
  assert.equal(cache.find('a'), entry)
  assert.equal(await cache.get('a'), entry)

  await change(feed, 'a', 'alias')
  await change(feed, 'b')
  assert.equal(entry?.valid, true)
  await change(feed, 'a')
  assert.equal(entry?.valid, false)
  assert.equal(cache.find('a'), undefined)
  const next = await cache.get('a')
  assert.deepEqual([next?.value, next?.position], [2, 3])
  assert.equal(entry?.valid, false)
  assert.deepEqual([cache.hits, cache.misses, cache.size], [2, 2, 1])
})

test('those who ask at once share one load; a failed one is not remembered', async () => {
  const feed = await openFeed(engine.db)
  let loads = 0
  const failure = new Error('no database')
  const load = async () => {
    await turn()
    if (++loads === 1) throw failure
    return 'value'
  }
  const cache = new CoherentCache({ feed, kind: 'key', load, limit: 10 })
  const first = [cache.get('a'), cache.get('a')]
  for (const result of first) await assert.rejects(result, failure)
  const [x, y] = await Promise.all([cache.get('a'), cache.get('a')])
  assert.equal(x, y)
  assert.equal(loads, 2)
})

test('what does not exist is asked for again each time', async () => {
  const feed = await openFeed(engine.db)
  let loads = 0
  const cache = new CoherentCache({ feed, kind: 'key', load: () => Promise.resolve(void loads++), limit: 10 })
  assert.equal(await cache.get('a'), undefined)
  assert.equal(await cache.get('a'), undefined)
  assert.equal(loads, 2)
  assert.equal(cache.size, 0)
})

test('the limit holds, what is in use stays, and what goes is no longer valid', async () => {
  const feed = await openFeed(engine.db)
  const cache = new CoherentCache({ feed, kind: 'key', load: (id) => Promise.resolve(id), limit: 100 })
  const entries: CacheEntry<string>[] = []
  let reloads = 0
  for (let i = 0; i < 1000; i++) {
    if (!cache.find('in use')) reloads++
    await cache.get('in use')
    const entry = await cache.get(String(i))
    assert.ok(entry)
    entries.push(entry)
    assert.ok(cache.size <= 100)
    assert.equal(entry.valid, true)
  }
  // The first round finds everything used, so it may take this one too.
  assert.ok(reloads <= 2, String(reloads))
  for (const entry of entries) assert.equal(entry.valid, cache.find(entry.value) === entry)
})

test('the limit holds when every entry is in use, and the newest entry is never the one that goes', async () => {
  const feed = await openFeed(engine.db)
  for (const limit of [1, 2, 7, 50]) {
    const cache = new CoherentCache({ feed, kind: 'key', load: (id) => Promise.resolve(id), limit })
    let before: CacheEntry<string> | undefined
    for (let i = 0; i < 200; i++) {
      const entry = await cache.get(String(i))
      if (limit > 1) assert.equal(before?.valid ?? true, true)
      before = entry
      for (let j = 0; j <= i; j++) cache.find(String(j))
      assert.ok(cache.size <= limit)
      assert.equal(entry?.valid, true)
    }
  }
})

test('a load that a change overtakes is repeated, and the stale value is never kept', async () => {
  // Commits, their arrival by the feed, and the reading and the arrival of loads, in any order.
  const step = fc.record({
    act: fc.constantFrom('get', 'commit', 'apply', 'read', 'deliver', 'deliver'),
    id: fc.constantFrom('a', 'b'),
    which: fc.nat(3),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const feed = await openFeed(engine.db)
      const committed = new Map<string, number>()
      const applied = new Map<string, number>()
      const unapplied: { id: string; value: number }[] = []
      const loads: {
        id: string
        read: { value: number | undefined } | undefined
        deliver(value: number | undefined): void
      }[] = []
      const handedOut: { id: string; entry: CacheEntry<number> }[] = []
      const cache = new CoherentCache<number>({
        feed,
        kind: 'key',
        limit: 10,
        load: (id) =>
          new Promise((resolve) => {
            loads.push({ id, read: undefined, deliver: resolve })
          }),
      })

      const acts = {
        get: (id: string) => {
          void cache.get(id).then((entry) => {
            if (entry) handedOut.push({ id, entry })
          })
        },
        commit: (id: string) => {
          const value = (committed.get(id) ?? 0) + 1
          committed.set(id, value)
          unapplied.push({ id, value })
        },
        apply: async () => {
          const next = unapplied.shift()
          if (!next) return
          applied.set(next.id, next.value)
          await change(feed, next.id)
        },
        read: (_: string, which: number) => {
          const load = loads[which % (loads.length || 1)]
          if (load) load.read ??= { value: committed.get(load.id) }
        },
        deliver: (_: string, which: number) => {
          const at = which % (loads.length || 1)
          const load = loads[at]
          if (!load?.read) return
          loads.splice(at, 1)
          load.deliver(load.read.value)
        },
      }
      const check = () => {
        for (const id of ['a', 'b']) {
          const entry = cache.find(id)
          if (entry) handedOut.push({ id, entry })
        }
        for (const { id, entry } of handedOut) {
          assert.ok(entry.position <= feed.applied)
          if (entry.valid)
            assert.ok(entry.value >= (applied.get(id) ?? 0), 'a valid entry is as new as the feed')
        }
      }
      for (const { act, id, which } of steps) {
        await acts[act](id, which)
        check()
        await turn()
        check()
      }
      while (unapplied.length > 0) await acts.apply()
      while (loads.length > 0) {
        acts.read('', 0)
        acts.deliver('', 0)
        await turn()
        check()
      }
    }),
    { numRuns: 300 },
  )
})

test('an entry takes the place of as many as it weighs, and gives that back when it goes', async () => {
  const feed = await openFeed(engine.db)
  const weightOf = (id: string) => (id.startsWith('heavy') ? 6 : 1)
  const cache = new CoherentCache({
    feed,
    kind: 'key',
    load: (id) => Promise.resolve(id),
    limit: 10,
    weightOf,
  })
  for (const id of ['a', 'b', 'c', 'd', 'heavy-1']) await cache.get(id)
  assert.equal(cache.size, 5)
  const second = await cache.get('heavy-2')
  assert.ok(cache.find('heavy-2'))
  const kept = ['a', 'b', 'c', 'd', 'heavy-1'].filter((id) => cache.find(id) !== undefined)
  assert.ok(kept.reduce((sum, id) => sum + weightOf(id), 6) <= 10, kept.join())
  await change(feed, 'heavy-2')
  assert.equal(second?.valid, false)
  for (const id of ['e', 'f', 'g', 'h', 'i', 'j']) await cache.get(id)
  assert.ok(cache.size >= 6)
})
