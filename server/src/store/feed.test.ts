import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { heldClock } from '../testing/held-clock.ts'
import { openFeed } from './feed.ts'
import { migrate } from './migrate.ts'
import { openSqlite, type SqliteEngine } from './sqlite-engine.ts'
import { StoreError } from './store.ts'

const directory = mkdtempSync(join(tmpdir(), 'keywright-feed-'))
let engine: SqliteEngine
before(async () => {
  engine = await openSqlite(join(directory, 'keywright.db'), () => undefined)
  await migrate(engine, heldClock())
})
after(async () => {
  await engine.close()
  rmSync(directory, { recursive: true })
})

const ownChange = (position: number) => ({ position, kind: 'key', id: `key-${position}` }) as const

test('an own change that is applied while the head is being read does not look like a database gone back', async () => {
  const feed = await openFeed(engine.db)
  const reading = feed.catchUp()
  await feed.applyOwn(1, [ownChange(1)])
  assert.equal(await reading, 1)
})

test('an own change is announced at once, even when those before it must be fetched first and cannot be', async () => {
  const feed = await openFeed(engine.db)
  const seen: string[] = []
  feed.onChange(({ id }) => seen.push(id))
  await feed.applyOwn(1, [ownChange(1)])
  await assert.rejects(feed.applyOwn(3, [ownChange(3)]), StoreError)
  assert.deepEqual(seen, ['key-1', 'key-3'])
  assert.equal(feed.applied, 1, 'what was not seen does not count as applied')
  await feed.applyOwn(1, [ownChange(1)])
  assert.deepEqual(seen, ['key-1', 'key-3'], 'what was applied is not applied again')
})

test('a change feed without its head is refused', async () => {
  await engine.transaction((db) => db.deleteFrom('feed_head').execute())
  await assert.rejects(openFeed(engine.db), /restore a backup/)
})
