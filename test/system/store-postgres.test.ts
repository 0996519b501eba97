import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import {
  accountIds,
  addAccount,
  insertAccount,
  rowKey,
  rowsOf,
  storeSuite,
} from '../../server/src/store/store.suite.ts'
import { DatabaseError, openStore, StoreError, type Store } from '../../server/src/store/store.ts'
import { heldClock } from '../../server/src/testing/held-clock.ts'
import { query, startPostgres, type PostgresServer } from './postgres.ts'

let postgres: PostgresServer
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.remove())

storeSuite('store on PostgreSQL', async (state) => ({
  options: {
    engine: 'postgres',
    url: state === 'empty' ? await postgres.emptyDatabase() : await postgres.freshDatabase(),
  },
  remove: async () => undefined,
}))

describe('a PostgreSQL server that fails', () => {
  const open = async (onHealth?: (ok: boolean, reason?: string) => void) => {
    const clock = heldClock()
    const url = await postgres.freshDatabase()
    const store = await openStore({ engine: 'postgres', url }, { clock, ...(onHealth ? { onHealth } : {}) })
    store.authenticateWith(rowKey)
    return { store, clock, url }
  }

  test('while it is stopped calls are refused cleanly and health is red; once it is back both recover', async () => {
    const health: boolean[] = []
    let polled: () => void = () => undefined
    const { store, clock } = await open((ok) => {
      health.push(ok)
      polled()
    })
    const nextPoll = () => {
      const done = new Promise<void>((resolve) => {
        polled = resolve
      })
      clock.advance(1000)
      return done
    }
    await addAccount(store, '1')
    await postgres.stop()
    await assert.rejects(accountIds(store), unavailable)
    await assert.rejects(addAccount(store, '2'), unavailable)
    await nextPoll()
    assert.deepEqual(health, [false])

    await postgres.restart()
    assert.deepEqual(await accountIds(store), ['1'])
    await addAccount(store, '3')
    await nextPoll()
    assert.deepEqual(health, [false, true])
    assert.deepEqual(await accountIds(store), ['1', '3'])
    await store.close()
  })

  test('a transition during which the server stops is refused and leaves nothing', async () => {
    const { store } = await open()
    const interrupted = store.transition(async (tx) => {
      await insertAccount(store, tx, '1')
      await postgres.restart()
    })
    await assert.rejects(interrupted, unavailable)
    assert.deepEqual(await accountIds(store), [])
    await addAccount(store, '2')
    assert.equal(await store.feed.head(), 1)
    await store.close()
  })

  test('a crash of the server loses nothing that was acknowledged, and leaves no gap', async () => {
    const { store } = await open()
    const acknowledged: string[] = []
    let crash: Promise<void> | undefined
    const write = async (writer: number) => {
      for (let i = 0; ; i++) {
        const id = `${writer}-${i}`
        try {
          await addAccount(store, id)
        } catch (error) {
          assert.ok(unavailable(error))
          return
        }
        acknowledged.push(id)
        if (acknowledged.length === 100) crash = postgres.kill()
      }
    }
    await Promise.all([write(0), write(1), write(2)])
    await crash
    await postgres.restart()

    const ids = await accountIds(store)
    for (const id of acknowledged) assert.ok(ids.includes(id))
    const feed = await store.db.selectFrom('feed').selectAll().orderBy('position').execute()
    assert.deepEqual(
      feed.map(({ position }) => position),
      feed.map((_, i) => i + 1),
    )
    assert.deepEqual(
      (await store.pendingOutbox(1000)).map(({ eventId, position }) => [eventId, position]),
      feed.map(({ entity_id, position }) => [`event-${entity_id}`, position]),
    )
    assert.deepEqual(feed.map((change) => change.entity_id).toSorted(), ids)
    await store.close()
  })

  test('a connection that the server ends while it is idle is nobody’s error', async () => {
    const { store, url } = await open()
    await accountIds(store)
    await query(
      url,
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keywright'",
    )
    await assert.doesNotReject(async () => {
      try {
        await accountIds(store)
      } catch (error) {
        // The end of the connection may arrive after the statement left.
        assert.ok(unavailable(error))
        await accountIds(store)
      }
    })
    await store.close()
  })
})

describe('transitions of several nodes', () => {
  test('a long transition is not starved by the short ones of another node', async () => {
    const url = await postgres.freshDatabase()
    const clock = heldClock()
    const stores = await Promise.all([0, 1].map(() => openStore({ engine: 'postgres', url }, { clock })))
    const [a, b] = stores as [Store, Store]
    for (const store of stores) store.authenticateWith(rowKey)
    let over = false
    const short = async () => {
      for (let i = 0; !over; i++) await addAccount(b, `short-${i}`)
    }
    const shorts = short()
    let attempts = 0
    await a.transition(async (tx) => {
      attempts++
      // As long as several short ones: the first attempt is sure to lose.
      await tx.db.selectFrom('accounts').selectAll().execute()
      if (attempts === 1) {
        const head = await b.feed.head()
        while ((await b.feed.head()) < head + 3);
      }
      await insertAccount(a, tx, 'long')
    })
    over = true
    await shorts
    assert.equal(attempts, 2)
    assert.ok((await accountIds(b)).includes('long'))
    for (const store of stores) await store.close()
  })

  test('nothing of a session outlives a transaction, and statements have no names', async () => {
    const url = await postgres.freshDatabase()
    const store = await openStore({ engine: 'postgres', url, connections: 1 }, { clock: heldClock() })
    store.authenticateWith(rowKey)
    const settings = () =>
      rowsOf(store, "select name, setting from pg_settings where source = 'session' order by name")
    const before = await settings()
    await addAccount(store, '1')
    assert.deepEqual(await settings(), before)
    assert.deepEqual(await rowsOf(store, 'select name from pg_prepared_statements'), [])
    assert.deepEqual(await rowsOf(store, "select mode from pg_locks where locktype = 'advisory'"), [])
    await store.close()
  })
})

describe('a database URL that does not work', () => {
  const PASSWORD = 'planted-p4ssword'
  const cases = (): [string, string][] => {
    const { port } = new URL(postgres.adminUrl)
    return [
      ['a wrong password', `postgres://keywright:${PASSWORD}@127.0.0.1:${port}/postgres`],
      ['nobody listening', `postgres://keywright:${PASSWORD}@127.0.0.1:1/postgres`],
      ['an unknown host', `postgres://keywright:${PASSWORD}@host.invalid/postgres`],
      ['a port that is none', `postgres://keywright:${PASSWORD}@127.0.0.1:${PASSWORD}/postgres`],
      ['a password with a slash', `postgres://keywright:1/${PASSWORD}@127.0.0.1:${port}/postgres`],
      ['another protocol', `mysql://keywright:${PASSWORD}@127.0.0.1/postgres`],
      ['an unknown database', postgres.adminUrl.replace(/postgres$/, PASSWORD)],
      ['a certificate file that is missing', `${postgres.adminUrl}?sslrootcert=/${PASSWORD}`],
    ]
  }

  test('is refused in one line that holds nothing of it', async () => {
    const { password } = new URL(postgres.adminUrl)
    for (const [name, url] of cases()) {
      await assert.rejects(openStore({ engine: 'postgres', url }, { clock: heldClock() }), (error) => {
        assert.ok(error instanceof StoreError, name)
        const everything = inspect(error, { depth: 20, showHidden: true })
        assert.ok(!everything.includes(PASSWORD) && !everything.includes(password), name)
        assert.ok(!error.message.includes('\n'), name)
        return true
      })
    }
  })
})

function unavailable(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === 'unavailable'
}
