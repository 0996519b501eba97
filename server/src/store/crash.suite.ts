import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { heldClock } from '../testing/held-clock.ts'
import { rowKey, type FreshTarget } from './store.suite.ts'
import { openStore, type StoreOptions } from './store.ts'

const ROUNDS = 3
const ACKNOWLEDGED_PER_ROUND = 40

// Four at a time make accounts until the process is killed, each said on stdout once it is acknowledged.
const WRITER = `
  import { createSecretKey } from 'node:crypto'
  import { writeSync } from 'node:fs'
  const [optionsText, rowKeyHex, round, storeUrl, clockUrl] = process.argv.slice(1)
  const { openStore } = await import(storeUrl)
  const { systemClock } = await import(clockUrl)
  const store = await openStore(JSON.parse(optionsText), { clock: systemClock })
  store.authenticateWith(createSecretKey(Buffer.from(rowKeyHex, 'hex')))
  let next = 0
  const write = async () => {
    for (;;) {
      const account_id = round + '-' + next++
      await store.transition(async (tx) => {
        tx.changed('account', account_id)
        tx.record((position) => ({ eventId: account_id, record: String(position) }))
        await store.rows.insert(tx, 'accounts', { account_id, name: '', created_at: 1 })
      })
      writeSync(1, account_id + '\\n')
    }
  }
  await Promise.all([write(), write(), write(), write()])
`

export function crashSuite(fresh: FreshTarget): void {
  test('after kill -9 all that was acknowledged is there, the feed has no gap, and each change has its one record', async () => {
    const target = await fresh('migrated')
    const acknowledged: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      acknowledged.push(...(await writeUntilKilled(target.options, round)))
    }
    const store = await openStore(target.options, { clock: heldClock() })
    try {
      store.authenticateWith(rowKey)
      const accounts = await store.db.selectFrom('accounts').selectAll().execute()
      for (const account of accounts) store.rows.check('accounts', account)
      const ids = new Set(accounts.map((account) => account.account_id))
      for (const id of acknowledged) assert.ok(ids.has(id), `${id} was acknowledged`)

      const feed = await store.db.selectFrom('feed').selectAll().orderBy('position').execute()
      const head = await store.feed.head()
      assert.deepEqual(
        feed.map(({ position }) => position),
        Array.from({ length: head }, (_, i) => i + 1),
      )
      const outbox = await store.pendingOutbox(head + 1)
      assert.deepEqual(
        outbox.map(({ eventId, position, record }) => [eventId, position, record]),
        feed.map(({ entity_id, position }) => [entity_id, position, String(position)]),
      )
      assert.deepEqual(new Set(feed.map((change) => change.entity_id)), ids)
    } finally {
      await store.close()
      await target.remove()
    }
  })
}

async function writeUntilKilled(options: StoreOptions, round: number): Promise<string[]> {
  const rowKeyHex = rowKey.export().toString('hex')
  const urls = ['./store.ts', '../clock.ts'].map((path) => new URL(path, import.meta.url).href)
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', WRITER, JSON.stringify(options), rowKeyHex, String(round), ...urls],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const exited = once(child, 'exit')
  const acknowledged: string[] = []
  for await (const line of createInterface(child.stdout)) {
    acknowledged.push(line)
    if (acknowledged.length === ACKNOWLEDGED_PER_ROUND) child.kill('SIGKILL')
  }
  assert.deepEqual(await exited, [null, 'SIGKILL'])
  return acknowledged
}
