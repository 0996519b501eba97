import assert from 'node:assert/strict'
import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { kmsClient } from '../kms-client.ts'
import { runKeywright, startServer, temporaryFolder, type ServerProcess } from '../server-process.ts'
import { readJournalFiles, readStoredChanges, requireWholeJournal } from './journal-records.ts'
import {
  bytesOf,
  descriptorOf,
  parseStraceLog,
  readStraceLog,
  straceCommand,
  type SystemCall,
} from './strace-log.ts'
import { writeSurvivors, type Survives } from './surviving-files.ts'

const env = {
  KEYWRIGHT_ROOT_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: 'a-secret-access-key-of-the-test',
}
// Short segments, so that the journal goes from one to the next several times.
const args = ['--journal-segment-bytes', '65536']
const dataDir = join(temporaryFolder(), 'data')

let calls: readonly SystemCall[]
/** By request id: what must hold from then on. */
const promises = new Map<string, (kms: KMS) => Promise<void>>()
/** Every successful answer, where its writing began. */
let answers: { readonly requestId: string; readonly place: number }[]

/** One run under strace serves all the tests: each fails the power at other places of it. */
before(async () => {
  const log = join(temporaryFolder(), 'strace.log')
  const server = await startServer({ dataDir, env, args, prefix: straceCommand(log) })
  const kms = kmsClient(server)
  await Promise.all(Array.from({ length: 6 }, (_, client) => work(kms, client)))
  kms.destroy()
  process.kill(Number(readFileSync(join(dataDir, 'keywright.pid'), 'utf8')), 'SIGKILL')
  await once(server.process, 'close')
  calls = readStraceLog(log)
  answers = calls.flatMap((call) => {
    if (!descriptorOf(call.args)?.what.startsWith('TCP')) return []
    const text = bytesOf(call.args).toString('latin1')
    return [...text.matchAll(/x-amzn-RequestId: ([0-9a-f-]{36})/gi)].map(([, requestId = '']) => ({
      requestId,
      place: call.start,
    }))
  })
  assert.ok(answers.length >= promises.size && promises.size > 200)
})

/** Changes that none takes back, so that each holds for ever once it was acknowledged. */
async function work(kms: KMS, client: number): Promise<void> {
  const keep = (
    answer: { $metadata: { requestId?: string | undefined } },
    holds: (later: KMS) => Promise<void>,
  ) => {
    promises.set(answer.$metadata.requestId as string, holds)
  }
  for (let round = 0; round < 5; round += 1) {
    const name = `${client}-${round}`
    const made = await kms.createKey({ Description: name })
    const KeyId = made.KeyMetadata?.KeyId as string
    keep(made, async (later) => {
      assert.match(
        (await later.describeKey({ KeyId })).KeyMetadata?.Description ?? '',
        new RegExp(`^${name}`),
      )
    })
    keep(await kms.createAlias({ AliasName: `alias/${name}`, TargetKeyId: KeyId }), async (later) => {
      assert.equal((await later.describeKey({ KeyId: `alias/${name}` })).KeyMetadata?.KeyId, KeyId)
    })
    keep(await kms.updateKeyDescription({ KeyId, Description: `${name} updated` }), async (later) => {
      assert.equal((await later.describeKey({ KeyId })).KeyMetadata?.Description, `${name} updated`)
    })
    keep(await kms.tagResource({ KeyId, Tags: [{ TagKey: 'name', TagValue: name }] }), async (later) => {
      assert.deepEqual((await later.listResourceTags({ KeyId })).Tags, [{ TagKey: 'name', TagValue: name }])
    })
    for (let text = 0; text < 4; text += 1) {
      const Plaintext = Buffer.from(`${name} ${text}`)
      const sealed = await kms.encrypt({ KeyId, Plaintext })
      keep(sealed, async (later) => {
        const opened = await later.decrypt({ CiphertextBlob: sealed.CiphertextBlob })
        assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Plaintext)
      })
    }
  }
}

/** The power fails at a place of the run; what had been acknowledged by then must be there after a start on what is left. */
async function failPower(place: number, survives: Survives): Promise<number> {
  const into = join(temporaryFolder(), 'data')
  writeSurvivors(calls, { directory: dataDir, place, into, survives })
  const acknowledged = new Set(
    answers.filter((answer) => answer.place < place).map(({ requestId }) => requestId),
  )

  const torn = await runKeywright(['audit', 'verify'], { dataDir: into })
  assert.equal(torn.code, 0, torn.stdout + torn.stderr)
  const server = await startServer({ dataDir: into, env, args })
  await holds(server, acknowledged)
  assert.equal((await fetch(`${server.url}/-/health`)).status, 200, server.stderr())
  assert.equal(await server.stop(), 0)
  const verified = await runKeywright(['audit', 'verify'], { dataDir: into })
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
  requireWholeJournal(readJournalFiles(into), readStoredChanges(into), acknowledged)
  return acknowledged.size
}

async function holds(server: ServerProcess, acknowledged: ReadonlySet<string>): Promise<void> {
  const kms = kmsClient(server)
  for (const requestId of acknowledged) await promises.get(requestId)?.(kms)
  kms.destroy()
}

/** The place right after an answer began to leave: nothing but what it promised is known to have been synced. */
function placeAfter(share: number): number {
  const answer = answers[Math.min(answers.length - 1, Math.floor(share * answers.length))]
  assert.ok(answer)
  return answer.place + 1
}

for (const share of [0, 0.2, 0.5, 0.8, 1]) {
  test(`a disk that drops every unsynced byte loses nothing acknowledged, ${share * 100} % into a run`, async (context) => {
    const place = placeAfter(share)
    context.diagnostic(`${await failPower(place, () => false)} acknowledged, power lost at ${place}`)
  })
}

for (const share of [0.1, 0.4, 0.7, 0.95]) {
  test(`a disk that keeps some unsynced writes and drops others loses nothing acknowledged, ${share * 100} % into a run`, async (context) => {
    // Anywhere, in the middle of a batch or a transaction too.
    const place = placeAfter(share) + randomInt(40)
    const seed = randomInt(2 ** 31)
    context.diagnostic(
      `seed ${seed}: ${await failPower(place, coin(seed))} acknowledged, power lost at ${place}`,
    )
  })
}

test('without the syncs that the server made, the same disk does lose what was acknowledged: the test can fail', async () => {
  const all = calls
  try {
    calls = all.filter(
      ({ name, args: of }) => name !== 'fdatasync' || !descriptorOf(of)?.what.endsWith('.jsonl'),
    )
    await assert.rejects(
      failPower(placeAfter(0.9), () => false),
      { name: 'AssertionError' },
    )
  } finally {
    calls = all
  }
})

test('what survives is what was synced, name by name and byte by byte', () => {
  const log = [
    '1 openat(AT_FDCWD, "/d/a", O_WRONLY|O_CREAT|O_APPEND, 0600) = 3</d/a>',
    '1 write(3</d/a>, "one", 3) = 3',
    '1 fdatasync(3</d/a>) = 0',
    '1 openat(AT_FDCWD, "/d", O_RDONLY) = 4</d>',
    '1 fsync(4</d>) = 0',
    '1 write(3</d/a>, "two", 3) = 3',
    '2 fdatasync(3</d/a> <unfinished ...>',
    '1 write(3</d/a>, "three", 5) = 5',
    '2 <... fdatasync resumed>) = 0',
    '1 openat(AT_FDCWD, "/d/b", O_WRONLY|O_CREAT, 0600) = 5</d/b>',
    '1 write(5</d/b>, "b", 1) = 1',
    '1 fsync(5</d/b>) = 0',
    '1 rename("/d/b", "/d/c") = 0',
    '1 fsync(4</d>) = 0',
    '1 unlink("/d/c") = 0',
  ]
  const left = (place: number, survives: Survives = () => false) => {
    const into = join(temporaryFolder(), 'd')
    writeSurvivors(parseStraceLog(log.join('\n')), { directory: '/d', place, into, survives })
    const read = (name: string) => {
      try {
        return readFileSync(join(into, name), 'latin1')
      } catch {
        return undefined
      }
    }
    return [read('a'), read('b'), read('c')]
  }
  assert.deepEqual(left(4), [undefined, undefined, undefined], 'a name without a sync of its directory')
  assert.deepEqual(left(5), ['one', undefined, undefined])
  assert.deepEqual(left(8), ['one', undefined, undefined], 'a sync that has not returned')
  assert.deepEqual(left(9), ['onetwo', undefined, undefined], 'a write that began after the sync')
  assert.deepEqual(left(13), ['onetwo', undefined, undefined], 'a name that was never synced')
  assert.deepEqual(left(14), ['onetwo', undefined, 'b'])
  assert.deepEqual(left(15), ['onetwo', undefined, 'b'], 'a removal that was not synced')
  assert.deepEqual(
    left(15, () => true),
    ['onetwothree', undefined, undefined],
  )
})

/** A coin that falls the same way for the same seed. */
function coin(seed: number): Survives {
  let falls = 0
  return () => (createHash('sha256').update(`${seed} ${falls++}`).digest()[0] as number) % 2 === 0
}
