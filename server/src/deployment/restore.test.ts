import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { erasureRecord } from '../audit/erasure-record.ts'
import { chainRecords, genesis } from '../audit/chain.ts'
import { signingKeyFromSeed } from '../crypto/signing.ts'
import { keyArn } from '../keys/key.ts'
import { createKey as createSymmetricKey } from '../keys/testing/new-key.ts'
import { createLog } from '../telemetry/log.ts'
import { heldClock, type HeldClock } from '../testing/held-clock.ts'
import { there } from '../testing/there.ts'
import { honourBroughtDeletions } from './honour-deletions.ts'
import type { OpenedDeployment } from './open-deployment.ts'
import { freshDataDir, openAt } from './testing/deployment-fixture.ts'

const region = 'us-east-1'
const doomed = '00000000-0000-4000-8000-00000000000d'
const kept = '00000000-0000-4000-8000-00000000000a'
const younger = '00000000-0000-4000-8000-00000000000b'

const createKey = (opened: OpenedDeployment, keyId: string) =>
  createSymmetricKey(opened, keyId, {}, (tx, { key }) => {
    tx.record((changePosition) => event('CreateKey', key.arn, changePosition))
  })

function event(eventName: string, ARN: string, changePosition: number) {
  const eventID = crypto.randomUUID()
  const eventTime = '2026-11-20T10:00:00Z'
  const record = {
    eventTime,
    eventName,
    eventID,
    resources: [{ ARN }],
    additionalEventData: { changePosition },
  }
  return { eventId: eventID, record: JSON.stringify(record) }
}

async function destroyKey({ store, keys }: OpenedDeployment, keyId: string): Promise<void> {
  await store.transition(async (tx) => {
    const stored = there(await keys.read(tx.db, region, keyId))
    await keys.destroy(tx, stored)
    tx.record((position) => event('DeleteKey', stored.key.arn, position))
  })
}

async function keyIds({ store }: OpenedDeployment): Promise<string[]> {
  const rows = await store.db.selectFrom('kms_keys').select('key_id').orderBy('key_id').execute()
  return rows.map((row) => row.key_id)
}

/** What the journal says happened, by name, in no order. */
async function events({ journal, journalReader }: OpenedDeployment): Promise<string[]> {
  await journal.close()
  const names: string[] = []
  for (const chain of await journalReader.chains()) {
    for await (const line of journalReader.lines(chain)) {
      const { record } = JSON.parse(line.bytes.toString()) as { record: { eventName: string } }
      names.push(record.eventName)
    }
  }
  return names
}

const file = (dataDir: string) => join(dataDir, 'keywright.db')

/** A deployment with two keys, a copy of its database, and what has happened since: one key was destroyed, one made. */
async function deploymentWithCopy(dataDir: string, clock: HeldClock): Promise<string> {
  const first = await openAt(dataDir, clock)
  for (const keyId of [doomed, kept]) await createKey(first.opened, keyId)
  await first.opened.close()
  const copy = join(dataDir, 'copy.db')
  copyFileSync(file(dataDir), copy)
  const second = await openAt(dataDir, clock)
  await createKey(second.opened, younger)
  await destroyKey(second.opened, doomed)
  await second.opened.close()
  return copy
}

function putBack(copy: string, dataDir: string): void {
  for (const suffix of ['-wal', '-shm']) rmSync(file(dataDir) + suffix, { force: true })
  copyFileSync(copy, file(dataDir))
}

/** Another data directory with what is there now, as a crash leaves it. */
function crashedCopy(t: { after(cleanUp: () => void): void }, dataDir: string): string {
  const crashed = freshDataDir(t)
  mkdirSync(join(crashed, 'journal'))
  for (const name of readdirSync(join(dataDir, 'journal'))) {
    copyFileSync(join(dataDir, 'journal', name), join(crashed, 'journal', name))
  }
  for (const name of ['keywright.db', 'keywright.db-wal', 'root.key']) {
    copyFileSync(join(dataDir, name), join(crashed, name))
  }
  return crashed
}

/** A log that is kept. */
function keptLog() {
  const lines: { level: string; message: string; newKeys?: string; changes?: string }[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().split('\n')) if (line !== '') lines.push(JSON.parse(line) as never)
      done()
    },
  })
  return { log: createLog({ level: 'warn', pretty: false, destination: stream }), lines }
}

test('a key that was destroyed does not come back with an older copy of the database; what else is lost is told', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const copy = await deploymentWithCopy(dataDir, clock)
  putBack(copy, dataDir)

  const { log, lines } = keptLog()
  const { opened } = await openAt(dataDir, clock, {}, log)
  t.after(() => opened.close())
  assert.deepEqual(await keyIds(opened), [kept])
  assert.equal(await opened.keys.load(region, doomed), undefined)
  const told = lines.find(({ message }) => message.includes('an older copy of it was put back'))
  assert.equal(told?.changes, 'CreateKey 1, DeleteKey 1')
  assert.equal(told?.newKeys, keyArn(opened.firstAccountId, region, younger))
  assert.ok(lines.some(({ message }) => message.includes(`${doomed} was deleted again`)))
  // The two that are new are of the redoing.
  const names = await events(opened)
  assert.equal(names.filter((name) => name === 'DeleteKey').length, 2)
  assert.equal(names.filter((name) => name === 'EraseKeyMaterial').length, 2)
  await opened.close()

  const again = keptLog()
  const next = await openAt(dataDir, clock, {}, again.log)
  assert.deepEqual(await keyIds(next.opened), [kept])
  assert.deepEqual(again.lines, [])
  await createKey(next.opened, younger)
  await next.opened.close()
})

test('an older copy is brought up to date as often as it is put back', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const copy = await deploymentWithCopy(dataDir, clock)
  for (let time = 0; time < 3; time++) {
    putBack(copy, dataDir)
    const { opened } = await openAt(dataDir, clock)
    assert.deepEqual(await keyIds(opened), [kept])
    await opened.close()
  }
})

test('a crash loses no change, and so nothing is done again', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const { opened } = await openAt(dataDir, clock)
  await createKey(opened, doomed)
  await destroyKey(opened, doomed)
  const crashed = crashedCopy(t, dataDir)
  await opened.close()
  const { log, lines } = keptLog()
  const after = await openAt(crashed, clock, {}, log)
  assert.deepEqual(lines, [])
  await after.opened.close()
})

test('a journal file that somebody made up destroys nothing', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const first = await openAt(dataDir, clock)
  await createKey(first.opened, kept)
  const { firstAccountId: accountId } = first.opened
  await first.opened.close()

  const erased = { accountId, region, keyId: kept }
  const stranger = signingKeyFromSeed(Buffer.alloc(32, 7))
  const { record } = erasureRecord(erased, { clockMs: clock.now(), position: 1_000, signer: stranger })
  const chain = crypto.randomUUID()
  writeFileSync(
    join(dataDir, 'journal', `${chain}-0001.jsonl`),
    chainRecords(genesis(chain), [record, '{"additionalEventData":{"changePosition":9007199254740991}}'])
      .lines,
    { mode: 0o600 },
  )
  const { opened } = await openAt(dataDir, clock)
  assert.deepEqual(await keyIds(opened), [kept])
  assert.ok((await opened.store.feed.head()) < 1_000)
  await opened.close()
})

test('records of deletions that are brought are believed when this deployment signed them, and only as they stand', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  const { keys, imports, store, signer, firstAccountId: accountId } = opened
  for (const keyId of [doomed, kept]) await createKey(opened, keyId)
  const position = await store.feed.head()
  const time = '2026-11-20T10:00:00Z'
  const signed = (keyId: string) => {
    const facts = { clockMs: Date.parse(time), position: position + 1, signer }
    const { record } = erasureRecord({ accountId, region, keyId }, facts)
    const { additionalEventData } = JSON.parse(record) as { additionalEventData: { signature: string } }
    return {
      accountId,
      region,
      keyId,
      position: position + 1,
      time,
      signature: additionalEventData.signature,
    }
  }
  const parts = { store, keys, imports, clock, publicKey: signer.publicKey }
  const good = signed(doomed)
  const outcomes = await honourBroughtDeletions(
    parts,
    [
      { ...good, keyId: kept },
      { ...good, region: 'eu-west-1' },
      { ...good, position: good.position + 1 },
      { ...good, time: '2026-11-20T10:00:01Z' },
      { ...good, materialId: '0'.repeat(64) },
      good,
      good,
    ],
    position,
  )
  assert.deepEqual(outcomes, [...Array<string>(5).fill('not authentic'), 'deleted', 'gone'])
  assert.deepEqual(await keyIds(opened), [kept])
  await opened.close()
})

test('a replica that was deleted and made anew survives a crash, which leaves the journal without its last seal', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const { opened } = await openAt(dataDir, clock)
  const replica = 'mrk-00000000000000000000000000000001'
  await createKey(opened, replica)
  await destroyKey(opened, replica)
  await createKey(opened, replica)
  const crashed = crashedCopy(t, dataDir)
  await opened.close()
  const { log, lines } = keptLog()
  const after = await openAt(crashed, clock, {}, log)
  t.after(() => after.opened.close())
  assert.deepEqual(await keyIds(after.opened), [replica])
  assert.deepEqual(lines, [])
})
