import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAt, freshDataDir, heldClock } from './testing/deployment-fixture.ts'

test('a first start that ends before its commit is taken up by the next one, with the root key that it made', async (t) => {
  const dataDir = freshDataDir(t)
  const clock = heldClock()
  let kept = ''
  const cutShort = openAt(dataDir, clock, {
    keepCredentials: ({ accessKeyId }) => {
      kept = accessKeyId
      throw new Error('the power went')
    },
  })
  await assert.rejects(cutShort, /the power went/)
  const rootKey = readFileSync(join(dataDir, 'root.key'), 'utf8')

  const { opened } = await openAt(dataDir, clock)
  t.after(() => opened.close())
  assert.equal(opened.isNew, true)
  assert.notEqual(opened.rootCredentials?.accessKeyId, kept)
  assert.equal(readFileSync(join(dataDir, 'root.key'), 'utf8'), rootKey)
  assert.equal(existsSync(join(dataDir, 'first-start')), false)
})

test('the root credentials are kept before the database holds the deployment', async (t) => {
  const dataDir = freshDataDir(t)
  const kept: string[] = []
  const { opened } = await openAt(dataDir, heldClock(), {
    keepCredentials: ({ accessKeyId }) => kept.push(accessKeyId),
  })
  t.after(() => opened.close())
  assert.deepEqual(kept, [opened.rootCredentials?.accessKeyId])
  const rows = await opened.store.db.selectFrom('access_keys').select('access_key_id').execute()
  assert.deepEqual(rows, [{ access_key_id: kept[0] }])
})

test("another database's root key is refused again and again, and left as it was", async (t) => {
  const dataDir = freshDataDir(t)
  const clock = heldClock()
  const first = await openAt(dataDir, clock)
  await first.opened.close()
  const rootKey = readFileSync(join(dataDir, 'root.key'), 'utf8')
  for (const name of ['keywright.db', 'keywright.db-wal', 'keywright.db-shm'])
    rmSync(join(dataDir, name), { force: true })

  for (let attempt = 0; attempt < 3; attempt++) {
    await assert.rejects(openAt(dataDir, clock), /there is a root key in .*, but the database is empty/)
  }
  assert.equal(readFileSync(join(dataDir, 'root.key'), 'utf8'), rootKey)

  renameSync(join(dataDir, 'root.key'), join(dataDir, 'root.key.elsewhere'))
  const again = await openAt(dataDir, clock)
  await again.opened.close()
  assert.equal(again.opened.isNew, true)
})
