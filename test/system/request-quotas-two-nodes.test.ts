import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { KMS } from '@aws-sdk/client-kms'
import { openStore } from '../../server/src/store/store.ts'
import { systemClock } from '../../server/src/clock.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { startPostgres, type PostgresServer } from './postgres.ts'
import { dataDirOfSecondNode } from './second-node.ts'

const RATE = 30

let postgres: PostgresServer
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.remove())

/** Two nodes with quotas over one database. */
async function startPair(): Promise<{ url: string; nodes: readonly [ServerProcess, ServerProcess] }> {
  const url = await postgres.freshDatabase()
  const args = ['--request-quotas', `DescribeKey=${RATE}`]
  const env = { KEYWRIGHT_DATABASE_URL: url }
  const a = await startServer({ env, args })
  const b = await startServer({ env, args, dataDir: dataDirOfSecondNode(a) })
  return { url, nodes: [a, b] }
}

/** Asks as fast as it is answered, and says how many were let through in each second from the first on. */
async function ask(kms: KMS, KeyId: string, startMs: number, seconds: number): Promise<number[]> {
  const through = Array.from({ length: seconds }, () => 0)
  for (;;) {
    const second = Math.floor((performance.now() - startMs) / 1000)
    if (second >= seconds) return through
    try {
      await kms.describeKey({ KeyId })
      through[second]!++
    } catch (error) {
      assert.equal((error as Error).name, 'ThrottlingException')
      // More than the rate, and no more than it takes to show that.
      await delay(1000 / RATE / 4)
    }
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)

test('two nodes share a quota: what they let through together is the rate, but for the stated error', async () => {
  const { url, nodes } = await startPair()
  const clients = nodes.map((node) => kmsClient(node, { credentials: nodes[0].credentials }))
  const { id } = await newKey(clients[0] as KMS)
  const seconds = 16
  const startMs = performance.now()
  const [a = [], b = []] = await Promise.all(clients.map((kms) => ask(kms, id, startMs, seconds)))
  const through = a.map((many, second) => many + (b[second] ?? 0))
  for (let second = 0; second < seconds; second++) {
    const most = RATE * (second + 2) + 3 * RATE
    const sofar = sum(through.slice(0, second + 1))
    assert.ok(sofar <= most, `${sofar} of ${most} after ${second + 1} s: ${through.join(' ')}`)
  }
  // Once they know of each other: the rate, and each its part of it.
  const settled = sum(through.slice(6))
  assert.ok(settled <= RATE * 12, `${settled}: ${through.join(' ')}`)
  assert.ok(settled >= RATE * 10 * 0.6, `${settled}: ${through.join(' ')}`)
  for (const each of [a, b])
    assert.ok(sum(each.slice(6)) >= RATE * 10 * 0.2, `${a.join(' ')}, ${b.join(' ')}`)

  const store = await openStore({ engine: 'postgres', url }, { clock: systemClock })
  const rows = () => store.db.selectFrom('request_shares').select('node').execute()
  assert.equal((await rows()).length, 2)
  // The node that stops takes its row away; the one that dies leaves it, and the other has the rate to itself soon.
  await nodes[1].kill()
  const alone = await ask(clients[0] as KMS, id, performance.now(), 10)
  assert.ok(sum(alone.slice(6)) >= RATE * 4 * 0.7, alone.join(' '))
  assert.ok(sum(alone.slice(6)) <= RATE * 6, alone.join(' '))
  assert.equal(await nodes[0].stop(), 0)
  assert.equal((await rows()).length, 1)
  await store.close()
})
