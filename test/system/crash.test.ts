import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DescribeKeyCommand } from '@aws-sdk/client-kms'
import { kmsClient } from '../kms-client.ts'
import { runKeywright, startServer, temporaryFolder } from '../server-process.ts'
import { readJournalFiles, readStoredChanges, requireWholeJournal } from './journal-records.ts'
import { createWorkload } from './workload.ts'

const ROUNDS = 6
const CLIENTS = 12

test('kill -9 under load, again and again: what was acknowledged is there, each version has one record, the journal verifies', async (context) => {
  const dataDir = join(temporaryFolder(), 'data')
  const workload = createWorkload()
  for (let round = 1; round <= ROUNDS; round += 1) {
    const server = await startServer({ dataDir })
    await workload.check(server)
    const end = randomInt(20, 500)
    let killed: Promise<void> | undefined
    await workload.run([server], {
      clients: CLIENTS,
      enough: (answers) => {
        // The other clients go on until they notice, so that requests are under way at any stage.
        if (answers >= end) killed ??= server.kill()
        return false
      },
    })
    await killed
    assert.equal(server.process.signalCode, 'SIGKILL')
    context.diagnostic(`round ${round}: killed after ${end} answers`)

    const verified = await runKeywright(['audit', 'verify'], { dataDir })
    assert.equal(verified.code, 0, verified.stdout + verified.stderr)
  }
  const server = await startServer({ dataDir })
  await workload.check(server)
  assert.equal(await server.stop(), 0)
  assert.deepEqual(workload.refused, [])
  assert.ok(workload.acknowledged.size > ROUNDS * 20)
  requireWholeJournal(readJournalFiles(dataDir), readStoredChanges(dataDir), workload.acknowledged)
  const verified = await runKeywright(['audit', 'verify'], { dataDir })
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
  context.diagnostic(`${workload.acknowledged.size} answers, ${workload.keyCount} keys`)
})

test('a last line that a crash tore is called torn, before and after the next start, and nothing else is lost', async () => {
  const server = await startServer()
  const { dataDir } = server
  const workload = createWorkload()
  await workload.run([server], { clients: 4, enough: (answers) => answers >= 60 })
  await server.kill()
  const [segment = ''] = segments(dataDir)
  appendFileSync(segment, '{"chain":"torn in the mid')

  for (const state of ['before', 'after']) {
    const verified = await runKeywright(['audit', 'verify'], { dataDir })
    assert.equal(verified.code, 0, `${state}: ${verified.stderr}`)
    assert.match(verified.stdout, /a crash tore the last line/)
    const again = await startServer({ dataDir })
    await workload.check(again)
    const { status } = await fetch(`${again.url}/-/health`)
    assert.equal(status, 200)
    assert.equal(await again.stop(), 0)
  }
})

test('a whole line that is missing or changed is called bad, not torn, and names the record', async () => {
  const server = await startServer()
  const { dataDir } = server
  const client = kmsClient(server)
  for (let request = 0; request < 5; request += 1) {
    await assert.rejects(client.send(new DescribeKeyCommand({ KeyId: 'alias/missing' })), {
      name: 'NotFoundException',
    })
  }
  client.destroy()
  assert.equal(await server.stop(), 0)
  const [segment = ''] = segments(dataDir)
  const whole = readFileSync(segment, 'utf8')
  const lines = whole.split('\n')
  for (const damaged of [
    lines.toSpliced(2, 1).join('\n'),
    lines.slice(0, 4).join('\n') + '\n',
    whole.slice(0, -5),
    whole.replace('alias/missing', 'alias/present'),
  ]) {
    writeFileSync(segment, damaged)
    const verified = await runKeywright(['audit', 'verify'], { dataDir })
    assert.equal(verified.code, 1)
    assert.match(verified.stderr, /the journal does not verify: chain [0-9a-f-]{36}, record \d+/)
  }
  writeFileSync(segment, whole)
  assert.equal((await runKeywright(['audit', 'verify'], { dataDir })).code, 0)
})

function segments(dataDir: string): string[] {
  const folder = join(dataDir, 'journal')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => join(folder, name))
}
