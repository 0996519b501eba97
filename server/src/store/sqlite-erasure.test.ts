import assert from 'node:assert/strict'
import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { heldClock } from '../testing/held-clock.ts'
import { searchFor } from './byte-search.ts'
import { rewriteSecrets } from './sqlite-scrub.ts'
import { openStore, type Store } from './store.ts'

const folder = mkdtempSync(join(tmpdir(), 'keywright-erasure-'))
after(() => {
  rmSync(folder, { recursive: true })
})
let files = 0
const freshFile = () => join(folder, `${++files}.db`)
const rowKey = createSecretKey(Buffer.alloc(32, 1))

async function open(file: string, clock = heldClock()): Promise<Store> {
  const store = await openStore({ engine: 'sqlite', file }, { clock })
  store.authenticateWith(rowKey)
  return store
}

/** In which of the database's files some of the bytes are. */
function holders(file: string, bytes: Uint8Array): string[] {
  const search = searchFor([bytes])
  return ['', '-wal', '-shm'].filter(
    (suffix) => existsSync(file + suffix) && search.isIn(readFileSync(file + suffix)),
  )
}

function addMaterial(store: Store, id: string, wrapped: Buffer) {
  return store.transition((tx) => {
    tx.unrecorded = 'a test'
    const key = { region: 'r', key_id: id, material_id: 'm', account_id: '1', domain_key_number: 1 }
    return store.rows.insert(tx, 'key_materials', { ...key, wrapped, created_at: 1 })
  })
}

type MaterialRow = Awaited<ReturnType<typeof addMaterial>>

function destroy(store: Store, row: MaterialRow): Promise<void> {
  return store.transition((tx) => {
    tx.unrecorded = 'a test'
    tx.erases({ bytes: [row.wrapped] })
    return store.rows.remove(tx, 'key_materials', row)
  })
}

test('what was erased is in no file of the database, while the store is open', async () => {
  const file = freshFile()
  const store = await open(file)
  const wrapped = randomBytes(61)
  const kept = randomBytes(61)
  const row = await addMaterial(store, 'doomed', wrapped)
  await addMaterial(store, 'kept', kept)
  assert.deepEqual(holders(file, wrapped), ['-wal'])
  await destroy(store, row)
  await store.erased()
  assert.deepEqual(holders(file, wrapped), [])
  assert.deepEqual(holders(file, kept), [''])
  await store.close()
})

test('a rewritten table holds the same rows, and no copy that a page kept of others', () => {
  // Rows of different lengths that come and go make SQLite move others between pages, with copies left behind.
  const file = freshFile()
  const database = new DatabaseSync(file)
  database.exec(
    `pragma secure_delete = on;
     create table key_materials (
       region text, key_id text, material_id text, wrapped blob, note text, primary key (region, key_id, material_id))`,
  )
  // Always the same bytes, so that the same rows move.
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
  const drawn = (length: number) => stream.update(Buffer.alloc(length))
  const below = (bound: number) => drawn(2).readUInt16LE(0) % bound
  const insert = database.prepare("insert into key_materials values ('r', ?, 'm', ?, ?)")
  const change = database.prepare('update key_materials set wrapped = ?, note = ? where key_id = ?')
  const remove = database.prepare('delete from key_materials where key_id = ?')
  const live = new Map<string, Buffer>()
  const dead: Buffer[] = []
  database.exec('begin')
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 1500; i++) {
      const id = drawn(16).toString('hex')
      const wrapped = drawn(60 + below(2) * 300)
      insert.run(id, wrapped, '')
      live.set(id, wrapped)
    }
    for (const [id, wrapped] of live) {
      const lot = below(10)
      if (lot < 4) {
        remove.run(id)
        live.delete(id)
        dead.push(wrapped)
      } else if (lot < 7) {
        const another = drawn(60 + below(2) * 300)
        change.run(another, 'x'.repeat(below(200)), id)
        live.set(id, another)
        dead.push(wrapped)
      }
    }
  }
  database.exec('commit')
  const rows = () => database.prepare('select * from key_materials order by key_id').all()
  const before = rows()
  const search = searchFor(dead)
  assert.equal(
    search.isIn(readFileSync(file)),
    true,
    'SQLite left no copy: the rewriting may not be needed any more',
  )
  rewriteSecrets(database)
  assert.deepEqual(rows(), before)
  assert.equal(before.length, live.size)
  assert.equal(search.isIn(readFileSync(file)), false)
  database.close()
})

test('what a crash kept from being erased is erased by the next start', async () => {
  const file = freshFile()
  const store = await open(file)
  const wrapped = randomBytes(61)
  await addMaterial(store, 'doomed', wrapped)
  await store.close()
  // As a process leaves it that ends between the commit and the work that follows it.
  const crashed = new DatabaseSync(file)
  crashed.exec(
    `pragma secure_delete = off; begin; delete from key_materials; pragma user_version = 7; commit`,
  )
  crashed.close()
  assert.deepEqual(holders(file, wrapped), [''])
  const again = await open(file)
  assert.deepEqual(holders(file, wrapped), [])
  await again.close()
  const looked = new DatabaseSync(file)
  assert.equal(looked.prepare('pragma user_version').get()?.['user_version'], 0)
  looked.close()
})

test('while another process reads, others are not held up, and the erasure is done when it has gone', async () => {
  const file = freshFile()
  const clock = heldClock()
  const store = await open(file, clock)
  const wrapped = randomBytes(61)
  const row = await addMaterial(store, 'doomed', wrapped)
  const other = new DatabaseSync(file)
  other.exec('begin; select * from key_materials')
  await destroy(store, row)
  await store.erased()
  assert.notDeepEqual(holders(file, wrapped), [])
  await addMaterial(store, 'new', randomBytes(61))
  other.exec('commit')
  other.close()
  clock.advance(5_000)
  await store.erased()
  assert.deepEqual(holders(file, wrapped), [])
  await store.close()
})

test('changes go on while many are erased, and a close finishes the work', async () => {
  const file = freshFile()
  const store = await open(file)
  const rows = await Promise.all(
    Array.from({ length: 50 }, (_, i) => addMaterial(store, `many-${i}`, randomBytes(2000))),
  )
  const erasures = rows.map((row) => destroy(store, row))
  await Promise.all([...erasures, addMaterial(store, 'other', randomBytes(61))])
  await store.close()
  for (const { wrapped } of rows) assert.deepEqual(holders(file, wrapped), [])
})
