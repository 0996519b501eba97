import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import { heldClock } from '../testing/held-clock.ts'
import { openSqlite } from './sqlite-engine.ts'
import { accountIds, addAccount, rowKey } from './store.suite.ts'
import { DatabaseError, openStore, StoreError } from './store.ts'

const directories: string[] = []
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true })
})

function freshFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'keywright-sqlite-'))
  directories.push(directory)
  return join(directory, 'keywright.db')
}

async function open(file: string) {
  const store = await openStore({ engine: 'sqlite', file }, { clock: heldClock() })
  store.authenticateWith(rowKey)
  return store
}

async function refusal(file: string): Promise<string> {
  const error: unknown = await open(file).then(
    () => assert.fail('it was opened'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof StoreError, String(error))
  assert.ok(!error.message.includes('\n'))
  return error.message
}

test('the database and the files beside it are for their owner only, whatever the umask and the mode before', async () => {
  const file = freshFile()
  writeFileSync(file, '')
  chmodSync(file, 0o644)
  const umask = process.umask(0)
  try {
    const store = await open(file)
    await addAccount(store, '1')
    for (const suffix of ['', '-wal', '-shm'])
      assert.equal(statSync(file + suffix).mode & 0o777, 0o600, suffix)
    await store.close()
  } finally {
    process.umask(umask)
  }
})

test('commits reach the disk, removed content is overwritten, and a hostile schema runs nothing', async () => {
  const engine = await openSqlite(freshFile(), () => undefined)
  const pragmas = ['journal_mode', 'synchronous', 'secure_delete', 'trusted_schema', 'cell_size_check']
  const values = await engine.transaction(async (db) => {
    const found: unknown[] = []
    for (const pragma of pragmas)
      found.push((await sql<object>`pragma ${sql.raw(pragma)}`.execute(db)).rows[0])
    return found
  })
  assert.deepEqual(values, [
    { journal_mode: 'wal' },
    { synchronous: 2 },
    { secure_delete: 1 },
    { trusted_schema: 0 },
    { cell_size_check: 1 },
  ])
  await engine.close()
})

test('the reading connection can neither write nor begin a transaction', async () => {
  const store = await open(freshFile())
  await assert.rejects(store.db.deleteFrom('feed_head').execute(), /readonly/)
  await assert.rejects(
    store.db.transaction().execute(() => Promise.resolve()),
    /use transition/,
  )
  await store.close()
})

test('what is no database, another program’s, damaged or out of reach is refused in one line that says what to do', async () => {
  const text = freshFile()
  writeFileSync(text, 'not a database, but long enough to be looked at '.repeat(100))
  assert.match(await refusal(text), /is not a database: restore it from a backup/)
  assert.match(readFileSync(text, 'utf8'), /^not a database/)

  const foreign = freshFile()
  const other = new DatabaseSync(foreign)
  other.exec('create table notes (text)')
  other.close()
  assert.match(await refusal(foreign), /another program's database/)

  const damaged = freshFile()
  await (await open(damaged)).close()
  const descriptor = openSync(damaged, 'r+')
  for (let at = 100; at < statSync(damaged).size; at += 512)
    writeSync(descriptor, Buffer.alloc(200, 0xee), 0, 200, at)
  closeSync(descriptor)
  assert.match(await refusal(damaged), /damaged.*restore it from a backup/)

  assert.match(
    await refusal(join(freshFile(), 'missing', 'keywright.db')),
    /cannot be opened \(ENOENT\): check the path/,
  )
})

test('a full disk refuses the transition, changes nothing, and is no loss once there is room', async () => {
  const file = freshFile()
  const store = await open(file)
  await addAccount(store, '1')
  const limitPages = (pages: number) =>
    store.transition((tx) => {
      tx.unrecorded = 'a test'
      return sql`pragma max_page_count = ${sql.lit(pages)}`.execute(tx.db)
    })
  await limitPages(1)
  await assert.rejects(
    store.transition(async (tx) => {
      tx.unrecorded = 'a test'
      const many = Array.from({ length: 2000 }, (_, i) => ({
        account_id: `many-${i}`,
        name: 'n',
        created_at: 1,
      }))
      await store.rows.insertMany(tx, 'accounts', many)
    }),
    (error) => error instanceof DatabaseError && error.kind === 'unavailable',
  )
  assert.deepEqual(await accountIds(store), ['1'])
  await limitPages(1_000_000)
  await addAccount(store, '2')
  assert.deepEqual(await accountIds(store), ['1', '2'])
  await store.close()
})

test('when the database thread dies, what waits and what comes is refused, and the owner is told', async () => {
  const deaths: StoreError[] = []
  const engine = await openSqlite(freshFile(), (error) => deaths.push(error))
  const slow = sql`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000) select max(i) from n
  `.execute(engine.db)
  const refused = assert.rejects(
    slow,
    (error) => error instanceof DatabaseError && error.kind === 'unavailable',
  )
  // The statement has left for the thread, and takes far longer than its end.
  await Promise.resolve()
  await engine.terminate()
  await refused
  assert.equal(deaths.length, 1)
  await assert.rejects(sql`select 1`.execute(engine.db), DatabaseError)
  await assert.rejects(
    engine.transaction(() => Promise.resolve()),
    DatabaseError,
  )
  await engine.close()
  assert.equal(deaths.length, 1)
})

test('an open store that nobody waits for, and a closed one, let the process end', async () => {
  for (const last of ['', 'await store.close()']) {
    const script = `
      const { openStore } = await import(${JSON.stringify(new URL('./store.ts', import.meta.url).href)})
      const { systemClock } = await import(${JSON.stringify(new URL('../clock.ts', import.meta.url).href)})
      const store = await openStore({ engine: 'sqlite', file: process.argv[1] }, { clock: systemClock })
      await store.feed.head()
      ${last}
      process.stdout.write('through')
    `
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script, freshFile()],
      { timeout: 20_000 },
    )
    assert.equal(stdout, 'through')
  }
})

test('a destroyed row leaves nothing of its content in the closed file', async () => {
  const file = freshFile()
  const store = await open(file)
  const wrapped = Buffer.from('planted-wrapped-material-'.repeat(8))
  const row = await store.transition((tx) => {
    tx.unrecorded = 'a test'
    const key = { region: 'r', key_id: 'k', material_id: 'm', account_id: '1', domain_key_number: 1 }
    return store.rows.insert(tx, 'key_materials', { ...key, wrapped, created_at: 1 })
  })
  await store.close()
  assert.ok(readFileSync(file).includes('planted-wrapped'))
  const again = await open(file)
  await again.transition((tx) => {
    tx.unrecorded = 'a test'
    return again.rows.remove(tx, 'key_materials', row)
  })
  await again.close()
  assert.ok(!readFileSync(file).includes('planted-wrapped'))
})
