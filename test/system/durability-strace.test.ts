import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer, temporaryFolder } from '../server-process.ts'
import { checkAnswerOrder } from './durable-answers.ts'
import { parseStraceLog, readStraceLog, straceCommand } from './strace-log.ts'
import { createWorkload } from './workload.ts'

test('no answer is written to its socket before the sync that makes its record durable has returned', async (context) => {
  const folder = temporaryFolder()
  const dataDir = join(folder, 'data')
  const log = join(folder, 'strace.log')
  assert.ok(existsSync('/usr/bin/strace'), 'apt-get install strace')
  const server = await startServer({
    dataDir,
    prefix: straceCommand(log),
    args: ['--journal-segment-bytes', '65536'],
  })
  const workload = createWorkload()
  await workload.run([server], { clients: 10, enough: (answers) => answers >= 400 })
  // The signal is for the server: strace would let go of it and end.
  process.kill(Number(readFileSync(join(dataDir, 'keywright.pid'), 'utf8')), 'SIGTERM')
  await once(server.process, 'close')

  const calls = readStraceLog(log)
  const order = checkAnswerOrder(calls)
  context.diagnostic(
    `${order.answers} answers: ${order.byDatabase} after a commit, ${order.byJournal} after the journal`,
  )
  assert.deepEqual(order.early, [])
  assert.ok(order.answers >= workload.acknowledged.size)
  assert.ok(order.byDatabase > 50 && order.byJournal > 50)

  // The same log, in which nothing was ever synced: the check must notice every single answer.
  const unsynced = checkAnswerOrder(calls.filter(({ name }) => !name.endsWith('sync')))
  assert.equal(unsynced.early.length, order.answers)
})

const id = '11111111-2222-3333-4444-555555555555'
const entered = [
  `7 openat(AT_FDCWD, "/d/journal/c-0001.jsonl", O_RDWR|O_CREAT) = 9</d/journal/c-0001.jsonl>`,
  `7 write(9</d/journal/c-0001.jsonl>, "{\\"requestID\\":\\"${id}\\"}", 60) = 60`,
]
const answer = `5 write(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, "HTTP/1.1 200 OK x-amzn-RequestId: ${id} ", 80) = 80`
const sync = '7 fdatasync(9</d/journal/c-0001.jsonl>) = 0'
const [syncEntered, syncReturned] = [
  '7 fdatasync(9</d/journal/c-0001.jsonl> <unfinished ...>',
  '7 <... fdatasync resumed>)              = 0',
]
const early = (...lines: string[]) => checkAnswerOrder(parseStraceLog(lines.join('\n'))).early.length

test('the check of a journal accepts the right order and refuses every wrong one', () => {
  assert.equal(early(...entered, sync, answer), 0)
  assert.equal(early(...entered, syncEntered, syncReturned, answer), 0)
  assert.equal(early(...entered, answer), 1, 'never synced')
  assert.equal(early(...entered, answer, sync), 1, 'synced afterwards')
  assert.equal(early(...entered, syncEntered, answer, syncReturned), 1, 'while it was being synced')
  assert.equal(early(entered[0] ?? '', sync, entered[1] ?? '', answer), 1, 'synced before it was written')
  assert.equal(early(answer), 1, 'never written')
  assert.equal(
    early(...entered, sync.replace('= 0', '= -1 EIO (Input/output error)'), answer),
    1,
    'the sync failed',
  )
  assert.equal(early(...entered, sync.replaceAll('c-0001', 'c-0002'), answer), 1, 'another file was synced')
  assert.equal(
    early(...entered, sync, answer.replace('write(', 'writev(').replace('"HTTP', '[{iov_base="HTTP')),
    0,
  )
  assert.equal(early(...entered, answer.replace('write(', 'writev(').replace('"HTTP', '[{iov_base="HTTP')), 1)
})

test('the check of a commit accepts the right order and refuses every wrong one', () => {
  const wal = '8</d/keywright.db-wal>'
  const header = (frame: number, pages: number) =>
    `6 pwrite64(${wal}, "\\x00\\x00\\x00\\x05\\x00\\x00\\x00\\x${pages.toString(16).padStart(2, '0')}${'\\x00'.repeat(16)}", 24, ${32 + frame * 4120}) = 24`
  const page = (frame: number, text: string) =>
    `6 pwrite64(${wal}, "${text}", 4096, ${56 + frame * 4120}) = 4096`
  // The row continues on another page, so the request id is cut in two.
  const row = [
    header(0, 0),
    page(0, `... requestID: ${id.slice(0, 25)}`),
    header(1, 0),
    page(1, `${id.slice(25)} ...`),
  ]
  const commit = [header(2, 9), page(2, 'the last page')]
  const synced = `6 fsync(${wal}) = 0`
  assert.equal(early(...row, ...commit, synced, answer), 0)
  assert.equal(early(...row, ...commit, answer, synced), 1, 'synced afterwards')
  assert.equal(early(...row, synced, ...commit, answer), 1, 'synced before the commit frame was there')
  assert.equal(
    early(...row, commit[0] ?? '', synced, commit[1] ?? '', answer),
    1,
    'synced before its page was there',
  )
  assert.equal(early(...row, synced, answer), 1, 'never committed')
  assert.equal(early(...row, ...commit, synced.replace('-wal', ''), answer), 1, 'another file was synced')
})
