import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { heldClock } from '../testing/held-clock.ts'
import { openAt, freshDataDir } from './testing/deployment-fixture.ts'

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

test('who loses the race for an empty database keeps no credentials that do not exist there', async (t) => {
  const [dataDir, others] = [freshDataDir(t), freshDataDir(t)]
  const clock = heldClock()
  // Two nodes on one database, which is what only PostgreSQL has.
  symlinkSync(join(others, 'keywright.db'), join(dataDir, 'keywright.db'))
  const kept: string[] = []
  const late = openAt(dataDir, clock, {
    rootKey: {
      provider: 'passphrase',
      file: join(dataDir, 'root.key'),
      async passphrase() {
        const { opened } = await openAt(others, clock)
        await opened.close()
        return Buffer.from('correct horse battery staple')
      },
      random: systemRandom,
    },
    keepCredentials: ({ accessKeyId }) => kept.push(accessKeyId),
    forgetCredentials: () => kept.pop(),
  })
  await assert.rejects(late, /another node initialised this database just now/)
  assert.deepEqual(kept, [])
  assert.equal(existsSync(join(dataDir, 'first-start')), false)
})
