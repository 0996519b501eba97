import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { KMS } from '@aws-sdk/client-kms'
import { openAt } from '../../server/src/deployment/testing/deployment-fixture.ts'
import { keyUsesSuite } from '../../server/src/keys/key-uses.suite.ts'
import { lastOf } from '../../server/src/keys/key-use.ts'
import { heldClock } from '../../server/src/testing/held-clock.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer } from '../server-process.ts'
import { query, startPostgres, type PostgresServer } from './postgres.ts'
import { dataDirOfSecondNode } from './second-node.ts'

const Plaintext = Buffer.from('used')
const MINUTE_MS = 60_000

let postgres: PostgresServer
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.remove())

describe('the rollup of key uses on PostgreSQL', () => {
  keyUsesSuite(async (state) => ({
    options: {
      engine: 'postgres',
      url: state === 'empty' ? await postgres.emptyDatabase() : await postgres.freshDatabase(),
    },
    remove: async () => undefined,
  }))
})

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const endMs = Date.now() + MINUTE_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > endMs) throw new Error(`it took more than a minute until ${what}`)
    await delay(100)
  }
}

test('what one node did the other knows within seconds, and the last use is the last of both', async () => {
  const url = await postgres.freshDatabase()
  const env = { KEYWRIGHT_DATABASE_URL: url }
  const a = await startServer({ env })
  const { credentials } = a
  const b = await startServer({ env, dataDir: dataDirOfSecondNode(a) })
  const [onA, onB] = [kmsClient(a), kmsClient(b, { credentials })]
  try {
    const { id: KeyId } = await newKey(onA)
    const { $metadata, CiphertextBlob } = await onA.encrypt({ KeyId, Plaintext })
    const told = (client: KMS, requestId: string | undefined) => async () => {
      const { KeyLastUsage } = await client.getKeyLastUsage({ KeyId })
      return KeyLastUsage?.KmsRequestId === requestId ? KeyLastUsage : undefined
    }
    assert.ok(await told(onA, $metadata.requestId)())
    const startMs = Date.now()
    await until('b knows what a did', told(onB, $metadata.requestId))
    // Five seconds, and what a busy machine adds.
    assert.ok(Date.now() - startMs < 30_000)

    const decrypted = await onB.decrypt({ CiphertextBlob })
    assert.ok(await told(onB, decrypted.$metadata.requestId)())
    await until('a knows what b did', told(onA, decrypted.$metadata.requestId))
  } finally {
    await Promise.all([a.stop(), b.stop()])
  }

  // The journal of both, read from one place.
  const rows = async () => query(url, 'select * from key_uses order by key_id, operation')
  const before = await rows()
  await query(url, 'delete from key_uses')
  const { code, stderr } = await runKeywright(['keys', 'rebuild-uses'], { dataDir: a.dataDir, env })
  assert.equal(code, 0, stderr)
  assert.deepEqual(await rows(), before)
})

test('what a node did that was killed and never comes back, another one reads from the journal', async () => {
  const url = await postgres.freshDatabase()
  const killed = await startServer({ env: { KEYWRIGHT_DATABASE_URL: url } })
  const client = kmsClient(killed)
  const { id: keyId } = await newKey(client)
  const clock = heldClock()
  const { opened } = await openAt(dataDirOfSecondNode(killed), clock, { databaseUrl: url })
  try {
    const { $metadata } = await client.encrypt({ KeyId: keyId, Plaintext })
    await killed.kill()
    const use = await until('it is read', async () => {
      clock.advance(MINUTE_MS)
      return lastOf(
        await opened.keyUses.usesOf(opened.store.db, { region: 'us-east-1', keyId, createdAtMs: 0 }),
      )
    })
    assert.deepEqual([use.operation, use.requestId], ['Encrypt', $metadata.requestId])
  } finally {
    await opened.close()
  }
})
