import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { KMS } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { clockAhead, runKeywright, startServer, temporaryFolder } from '../server-process.ts'
import { query, startPostgres, type PostgresServer } from './postgres.ts'
import { dataDirOfSecondNode } from './second-node.ts'

const AHEAD_MS = 8 * 86_400_000
let postgres: PostgresServer
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.remove())

async function untilGone(kms: KMS, KeyId: string): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const gone = await kms.describeKey({ KeyId }).then(
      () => false,
      (error: Error) => error.name === 'NotFoundException',
    )
    if (gone) return
    assert.ok(performance.now() < deadline, 'the key is still there')
    await delay(20)
  }
}

test('deletions hold over nodes and kills, happen once, and outlive a restore of the whole database', async () => {
  const url = await postgres.freshDatabase()
  const env = { KEYWRIGHT_DATABASE_URL: url, KEYWRIGHT_CLOCK_JUMP_WAIT_MS: '0' }
  const a = await startServer({ env })
  const dataDirB = dataDirOfSecondNode(a)
  const b = await startServer({ env, dataDir: dataDirB })
  const { credentials } = a
  const [kmsA, kmsB] = [kmsClient(a), kmsClient({ url: b.url, credentials })]
  const [doomed, saved] = [await newKey(kmsA), await newKey(kmsB)]
  await kmsA.createAlias({ AliasName: 'alias/doomed', TargetKeyId: doomed.id })
  const { CiphertextBlob } = await kmsA.encrypt({ KeyId: saved.id, Plaintext: Buffer.from('kept') })
  // Both nodes have it in their caches.
  for (const kms of [kmsA, kmsB]) await kms.encrypt({ KeyId: doomed.id, Plaintext: Buffer.from('x') })
  const copy = `${url}_copy`
  const name = (of: string) => new URL(of).pathname.slice(1)

  for (const { id } of [doomed, saved]) await kmsA.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  await assertRefused(
    kmsB.encrypt({ KeyId: doomed.id, Plaintext: Buffer.from('x') }),
    'KMSInvalidStateException',
    `${doomed.arn} is pending deletion.`,
  )
  await kmsB.cancelKeyDeletion({ KeyId: saved.id })
  await Promise.all([a.kill(), b.kill()])
  // The server notices in its own time that they are gone, and copies nothing that is in use.
  await query(
    postgres.adminUrl,
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${name(url)}'`,
  )
  await query(postgres.adminUrl, `create database "${name(copy)}" template "${name(url)}"`)

  const later = { env, nodeArgs: clockAhead(AHEAD_MS) }
  const nodes = await Promise.all([a.dataDir, dataDirB].map((dataDir) => startServer({ ...later, dataDir })))
  const clients = nodes.map((node) => kmsClient({ url: node.url, credentials }, { clockAheadMs: AHEAD_MS }))
  for (const kms of clients) {
    await untilGone(kms, doomed.id)
    await assertRefused(
      kms.encrypt({ KeyId: doomed.id, Plaintext: Buffer.from('x') }),
      'NotFoundException',
      `Key '${doomed.arn}' does not exist`,
    )
    await assertRefused(kms.describeKey({ KeyId: 'alias/doomed' }), 'NotFoundException', /alias\/doomed/)
    assert.equal((await kms.describeKey({ KeyId: saved.id })).KeyMetadata?.KeyState, 'Disabled')
  }
  for (const node of nodes) assert.equal(await node.stop(), 0)
  const shown = await runKeywright(['audit', 'tail', '--json', '--limit', '1000'], {
    dataDir: a.dataDir,
    env,
  })
  const lines = shown.stdout.trimEnd().split('\n')
  const names = lines.map((line) => (JSON.parse(line) as { eventName: string }).eventName)
  assert.equal(names.filter((each) => each === 'DeleteKey').length, 1)
  assert.equal(names.filter((each) => each === 'EraseKeyMaterial').length, 1)
  const left = await query(url, `select count(*) from key_materials where key_id = '${doomed.id}'`)
  assert.equal(left, '0')

  // The database is put back as it was; what the journal had is in a file.
  const journal = join(temporaryFolder(), 'journal.jsonl')
  writeFileSync(journal, shown.stdout)
  const restored = { KEYWRIGHT_DATABASE_URL: copy }
  const applied = await runKeywright(['keys', 'apply-deletions', journal], {
    dataDir: a.dataDir,
    env: restored,
  })
  assert.equal(applied.code, 0, applied.stderr)
  assert.match(applied.stdout, /^Deleted: 1\./)
  const again = await startServer({ dataDir: a.dataDir, env: restored })
  const kms = kmsClient({ url: again.url, credentials })
  await assertRefused(kms.describeKey({ KeyId: doomed.id }), 'NotFoundException', /does not exist/)
  await kms.enableKey({ KeyId: saved.id })
  assert.equal((await kms.decrypt({ CiphertextBlob })).KeyId, saved.arn)
  await again.stop()
})
