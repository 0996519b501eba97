import assert from 'node:assert/strict'
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { searchFor } from '../server/src/store/byte-search.ts'
import { importMaterial, newImportable } from './imported-material.ts'
import { kmsClient, newKey } from './kms-client.ts'
import { assertRefused } from './refusal.ts'
import {
  clockAhead,
  runKeywright,
  startServer,
  temporaryFolder,
  type ServerProcess,
} from './server-process.ts'

const DAY_MS = 86_400_000
const AHEAD_MS = 8 * DAY_MS
const folder = temporaryFolder()
const dataDir = join(folder, 'data')
const database = (dir = dataDir) => join(dir, 'keywright.db')

/** A server for which eight days have passed, and that does not wait for somebody to look at its clock. */
async function later(dir: string): Promise<{ server: ServerProcess; kms: KMS }> {
  const env = { KEYWRIGHT_CLOCK_JUMP_WAIT_MS: '0' }
  const server = await startServer({ dataDir: dir, nodeArgs: clockAhead(AHEAD_MS), env })
  return { server, kms: kmsClient(server, { clockAheadMs: AHEAD_MS }) }
}

/** Asks until it holds: what a timer does is done beside the first requests. */
async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, 'it does not come about')
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

const isGone = (kms: KMS, KeyId: string) =>
  kms.describeKey({ KeyId }).then(
    () => false,
    (error: Error) => error.name === 'NotFoundException',
  )

function wrappedMaterial(keyId: string): Buffer[] {
  const db = new DatabaseSync(database(), { readOnly: true })
  try {
    const rows = db.prepare('select wrapped from key_materials where key_id = ?').all(keyId)
    return rows.map(({ wrapped }) => Buffer.from(wrapped as Uint8Array))
  } finally {
    db.close()
  }
}

/** In which files some of it is: the database, its WAL and the WAL's index. */
function holders(wrapped: readonly Buffer[]): string[] {
  const search = searchFor(wrapped)
  return ['', '-wal', '-shm'].filter(
    (suffix) => existsSync(database() + suffix) && search.isIn(readFileSync(database() + suffix)),
  )
}

// One deployment with a past: what was deleted in it, and copies of it from before.
const first = await startServer({ dataDir })
const kms = kmsClient(first)
const doomed = await newKey(kms)
const pair = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
const imported = await newKey(kms, { Origin: 'EXTERNAL' })
const kept = await newKey(kms)
await kms.rotateKeyOnDemand({ KeyId: doomed.id })
await importMaterial(kms, await newImportable(kms, imported.id, 'SYMMETRIC_DEFAULT'))
const { CiphertextBlob } = await kms.encrypt({ KeyId: doomed.id, Plaintext: Buffer.from('x') })
const { CiphertextBlob: keptCiphertext } = await kms.encrypt({ KeyId: kept.id, Plaintext: Buffer.from('y') })
await first.stop()
const olderDir = join(folder, 'older')
cpSync(dataDir, olderDir, { recursive: true })

const wrapped = [doomed, pair, imported].flatMap(({ id }) => wrappedMaterial(id))
const keptWrapped = wrappedMaterial(kept.id)

test('what a destroyed key and deleted material were is in none of the database’s files, while the server runs', async () => {
  assert.equal(wrapped.length, 4)
  assert.deepEqual(holders(wrapped), [''])
  const second = await startServer({ dataDir })
  const client = kmsClient(second)
  for (const { id } of [doomed, pair]) await client.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  await client.deleteImportedKeyMaterial({ KeyId: imported.id })
  await newKey(client, { Description: 'younger than the copies' })
  await second.stop()

  const { server, kms: then } = await later(dataDir)
  for (const { id } of [doomed, pair]) await eventually(() => isGone(then, id))
  await eventually(() => holders(wrapped).length === 0)
  assert.deepEqual(holders(keptWrapped), [''])
  assert.equal(await server.stop(), 0)
  assert.deepEqual(holders(wrapped), [])
})

/** Keys that were deleted are gone, material that was is, and what was kept works. */
async function requireDeleted(client: KMS): Promise<void> {
  for (const { id, arn } of [doomed, pair]) {
    await assertRefused(client.describeKey({ KeyId: id }), 'NotFoundException', `Key '${arn}' does not exist`)
  }
  await assertRefused(client.decrypt({ CiphertextBlob }), 'AccessDeniedException', /this ciphertext/)
  const { KeyMetadata } = await client.describeKey({ KeyId: imported.id })
  assert.equal(KeyMetadata?.KeyState, 'PendingImport')
  const { Plaintext } = await client.decrypt({ CiphertextBlob: keptCiphertext })
  assert.equal(Buffer.from(Plaintext ?? []).toString(), 'y')
}

test('an older copy of the database does not bring back what was deleted since: the journal beside it knows', async () => {
  for (const suffix of ['-wal', '-shm']) rmSync(database() + suffix, { force: true })
  copyFileSync(database(olderDir), database())
  assert.deepEqual(holders(wrapped), [''])
  const { server, kms: then } = await later(dataDir)
  await requireDeleted(then)
  assert.match(server.stderr(), /an older copy of it was put back/)
  await eventually(() => holders(wrapped).length === 0)
  await server.stop()
})

test('where the journal was put back too, one that was kept elsewhere is applied by a command', async () => {
  const shown = await runKeywright(['audit', 'tail', '--json', '--limit', '1000'], { dataDir })
  assert.equal(shown.code, 0)
  const journal = join(folder, 'kept-elsewhere.jsonl')
  writeFileSync(journal, shown.stdout)

  const forged = join(folder, 'forged.jsonl')
  writeFileSync(forged, shown.stdout.replaceAll(doomed.id, kept.id))
  const refused = await runKeywright(['keys', 'apply-deletions', forged, '--json'], {
    dataDir: olderDir,
  })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^keywright: \d+ deletions were refused: this deployment did not sign them/)

  const applied = await runKeywright(['keys', 'apply-deletions', journal], { dataDir: olderDir })
  assert.equal(applied.code, 0, applied.stderr)
  assert.match(applied.stdout, /^Deleted: 1\. Not there any more: /)
  const server = await startServer({ dataDir: olderDir })
  await requireDeleted(kmsClient(server))
  await server.stop()

  const nothing = join(folder, 'nothing.jsonl')
  writeFileSync(nothing, '{}\n')
  const empty = await runKeywright(['keys', 'apply-deletions', nothing], { dataDir: olderDir })
  assert.equal(empty.code, 1)
  assert.match(empty.stderr, /holds no deletion of key material/)
})
