import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { kmsClient } from '../kms-client.ts'
import {
  clockAhead,
  runKeywright,
  startServer,
  type Credentials,
  type ServerProcess,
} from '../server-process.ts'
import { systemClock } from '../../server/src/clock.ts'
import { openStore, type Store } from '../../server/src/store/store.ts'
import { parseLines, requireWholeJournal, type JournalRecord, type StoredChanges } from './journal-records.ts'
import { startPostgres, type PostgresServer } from './postgres.ts'
import { dataDirOfSecondNode } from './second-node.ts'
import { createWorkload } from './workload.ts'

/** Two servers with a data directory each, the same root key, and one database. */
interface Pair {
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  readonly credentials: Credentials
  readonly a: ServerProcess
  readonly b: ServerProcess
}

let postgres: PostgresServer
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.remove())

async function startPair(): Promise<Pair> {
  const url = await postgres.freshDatabase()
  const env = { KEYWRIGHT_DATABASE_URL: url }
  const a = await startServer({ env })
  const b = await startServer({ env, dataDir: dataDirOfSecondNode(a) })
  return { url, env, credentials: a.credentials, a, b }
}

const plaintext = Buffer.from('x')

/** The key that a key id or alias stands for on a node, or the name of the error. */
async function used(client: KMSClient, keyId: string): Promise<string> {
  try {
    const { KeyId = '' } = await client.send(new EncryptCommand({ KeyId: keyId, Plaintext: plaintext }))
    return KeyId.slice(KeyId.lastIndexOf('/') + 1)
  } catch (error) {
    return (error as Error).name
  }
}

async function newKey(client: KMSClient): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
  return KeyMetadata?.KeyId as string
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`it took more than a minute until ${what}`)
    await delay(100)
  }
}

async function health(
  server: ServerProcess,
): Promise<{ status: number; components: Record<string, { ok: boolean }> }> {
  const answer = await fetch(`${server.url}/-/health`)
  const { components } = (await answer.json()) as { components: Record<string, { ok: boolean }> }
  return { status: answer.status, components }
}

/** What the database holds, read on a connection of the test's own. */
async function stored<T>(url: string, read: (db: Store['db']) => Promise<T>): Promise<T> {
  const store = await openStore({ engine: 'postgres', url }, { clock: systemClock })
  try {
    return await read(store.db)
  } finally {
    await store.close()
  }
}

const storedJournal = (url: string): Promise<JournalRecord[]> =>
  stored(url, async (db) => {
    const batches = await db.selectFrom('journal_batches').select('lines').execute()
    return batches.flatMap(({ lines }) => parseLines(lines))
  })

const storedChanges = (url: string): Promise<StoredChanges> =>
  stored(url, async (db) => {
    const head = await db.selectFrom('feed_head').select('position').executeTakeFirstOrThrow()
    const rows = await db.selectFrom('kms_keys').select(['key_id', 'version']).execute()
    return { head: head.position, versions: new Map(rows.map((row) => [row.key_id, row.version])) }
  })

const storedChains = (url: string) =>
  stored(url, (db) => db.selectFrom('journal_chains').select(['node', 'closed_reason']).execute())

const waitingRecords = async (url: string) =>
  (await stored(url, (db) => db.selectFrom('outbox').select('event_id').execute())).length

async function requireVerified(pair: Pair): Promise<void> {
  for (const { dataDir } of [pair.a, pair.b]) {
    const verified = await runKeywright(['audit', 'verify'], { dataDir, env: pair.env })
    assert.equal(verified.code, 0, verified.stdout + verified.stderr)
  }
}

describe('two nodes on one database', () => {
  let pair: Pair
  let a: KMSClient
  let b: KMSClient
  before(async () => {
    pair = await startPair()
    a = kmsClient(pair.a, { credentials: pair.credentials })
    b = kmsClient(pair.b, { credentials: pair.credentials })
  })
  after(async () => {
    a.destroy()
    b.destroy()
    await Promise.all([pair.a.stop(), pair.b.stop()])
  })

  test('what one node acknowledged binds the next answer of the other: thousands of times, without one exception', async (context) => {
    const stale: string[] = []
    let checks = 0
    const expect = async (node: KMSClient, keyId: string, wanted: string, after: string) => {
      const found = await used(node, keyId)
      checks += 1
      if (found !== wanted) stale.push(`after ${after}: ${found} instead of ${wanted}`)
    }
    /** The state of a key, decided on one node and used on the other, in turns. */
    const states = async (rounds: number) => {
      const key = await newKey(a)
      for (let round = 0; round < rounds; round += 1) {
        const [here, there] = round % 2 === 0 ? [a, b] : [b, a]
        await here.send(new DisableKeyCommand({ KeyId: key }))
        await expect(there, key, 'DisabledException', 'DisableKey')
        await there.send(new EnableKeyCommand({ KeyId: key }))
        await expect(here, key, key, 'EnableKey')
        await expect(there, key, key, 'EnableKey here')
      }
    }
    /** An alias that moves between two keys, is deleted and made again. */
    const aliases = async (rounds: number, name: string) => {
      const [one, two] = [await newKey(a), await newKey(b)]
      for (let round = 0; round < rounds; round += 1) {
        const [here, there] = round % 2 === 0 ? [a, b] : [b, a]
        await here.send(new CreateAliasCommand({ AliasName: name, TargetKeyId: one }))
        await expect(there, name, one, 'CreateAlias')
        await there.send(new UpdateAliasCommand({ AliasName: name, TargetKeyId: two }))
        await expect(here, name, two, 'UpdateAlias')
        await here.send(new DeleteAliasCommand({ AliasName: name }))
        await expect(there, name, 'NotFoundException', 'DeleteAlias')
      }
    }
    const creations = async (rounds: number) => {
      for (let round = 0; round < rounds; round += 1) {
        const [here, there] = round % 2 === 0 ? [a, b] : [b, a]
        const key = await newKey(here)
        await expect(there, key, key, 'CreateKey')
        await here.send(new ScheduleKeyDeletionCommand({ KeyId: key, PendingWindowInDays: 7 }))
        await expect(there, key, 'KMSInvalidStateException', 'ScheduleKeyDeletion')
        await there.send(new CancelKeyDeletionCommand({ KeyId: key }))
        await expect(here, key, 'DisabledException', 'CancelKeyDeletion')
      }
    }
    await Promise.all([
      ...Array.from({ length: 5 }, () => states(120)),
      aliases(60, 'alias/one'),
      aliases(60, 'alias/two'),
      creations(60),
    ])
    context.diagnostic(`${checks} checks`)
    assert.deepEqual(stale, [])
    assert.ok(checks >= 2000)
  })

  test('a ciphertext of one node opens on the other, and reads on each see what the other wrote', async () => {
    const key = await newKey(a)
    const { CiphertextBlob } = await a.send(
      new EncryptCommand({ KeyId: key, Plaintext: Buffer.from('shared') }),
    )
    const opened = await b.send(new DecryptCommand({ CiphertextBlob }))
    assert.equal(Buffer.from(opened.Plaintext ?? []).toString(), 'shared')
    for (let round = 0; round < 20; round += 1) {
      const [here, there] = round % 2 === 0 ? [a, b] : [b, a]
      await here.send(new UpdateKeyDescriptionCommand({ KeyId: key, Description: `round ${round}` }))
      const { KeyMetadata } = await there.send(new DescribeKeyCommand({ KeyId: key }))
      assert.equal(KeyMetadata?.Description, `round ${round}`)
    }
  })

  test('an access key that the command line disables through one node is refused by the other at once, and accepted again', async () => {
    const run = async (node: ServerProcess, ...args: string[]) => {
      const { code, stdout, stderr } = await runKeywright(args, { dataDir: node.dataDir, env: pair.env })
      assert.equal(code, 0, stderr)
      return stdout
    }
    const given = JSON.parse(await run(pair.a, 'credentials', 'create', '--json')) as Credentials
    const key = await newKey(a)
    const clients = [pair.a, pair.b].map((node) => kmsClient(node, { credentials: given }))
    const [onA, onB] = clients as KMSClient[] as [KMSClient, KMSClient]
    const both = async () => [await used(onA, key), await used(onB, key)]
    assert.deepEqual(await both(), [key, key])
    for (const node of [pair.a, pair.b]) {
      await run(node, 'credentials', 'disable', given.accessKeyId)
      assert.deepEqual(await both(), ['UnrecognizedClientException', 'UnrecognizedClientException'])
      await run(node, 'credentials', 'enable', given.accessKeyId)
      assert.deepEqual(await both(), [key, key])
    }
    await run(pair.b, 'credentials', 'delete', given.accessKeyId)
    assert.deepEqual(await both(), ['UnrecognizedClientException', 'UnrecognizedClientException'])
    for (const client of clients) client.destroy()
  })

  test('changes of one key on both nodes at once all take place: no update is lost', async () => {
    const key = await newKey(a)
    const names = Array.from({ length: 40 }, (_, number) => `tag${number}`)
    await Promise.all(
      names.map((TagKey, number) =>
        (number % 2 === 0 ? a : b).send(
          new TagResourceCommand({ KeyId: key, Tags: [{ TagKey, TagValue: TagKey }] }),
        ),
      ),
    )
    const { Tags = [] } = await b.send(new ListResourceTagsCommand({ KeyId: key, Limit: 50 }))
    assert.deepEqual(new Set(Tags.map(({ TagKey }) => TagKey)), new Set(names))
    assert.equal(Tags.length, names.length)
    await Promise.all(
      names.map((name, number) =>
        (number % 2 === 0 ? b : a).send(new UntagResourceCommand({ KeyId: key, TagKeys: [name] })),
      ),
    )
    assert.deepEqual((await a.send(new ListResourceTagsCommand({ KeyId: key }))).Tags, [])
    const { versions } = await storedChanges(pair.url)
    assert.equal(versions.get(key), 81)
  })

  test('of two nodes that make the same alias at once, exactly one succeeds', async () => {
    const [one, two] = [await newKey(a), await newKey(b)]
    for (let round = 0; round < 10; round += 1) {
      const AliasName = `alias/race/${round}`
      const outcomes = await Promise.allSettled([
        a.send(new CreateAliasCommand({ AliasName, TargetKeyId: one })),
        b.send(new CreateAliasCommand({ AliasName, TargetKeyId: two })),
      ])
      const refusals = outcomes.flatMap((each) =>
        each.status === 'rejected' ? [(each.reason as Error).name] : [],
      )
      assert.deepEqual(refusals, ['AlreadyExistsException'])
      const winner = outcomes[0].status === 'fulfilled' ? one : two
      assert.deepEqual([await used(a, AliasName), await used(b, AliasName)], [winner, winner])
    }
  })

  test('the journals of both nodes verify while they run and after, and hold each change exactly once', async () => {
    await requireVerified(pair)
    assert.deepEqual([await pair.a.stop(), await pair.b.stop()], [0, 0])
    await requireVerified(pair)
    const records = await storedJournal(pair.url)
    requireWholeJournal(records, await storedChanges(pair.url), new Set())
    const chains = await storedChains(pair.url)
    const closed = chains.filter(({ closed_reason }) => closed_reason === 'closed')
    assert.equal(closed.length, chains.length)
    assert.ok(new Set(chains.map(({ node }) => node)).size >= 2)
    assert.equal(await waitingRecords(pair.url), 0)
  })
})

test('a deletion that falls due is done once, by either node, and binds both', async () => {
  const pair = await startPair()
  const client = kmsClient(pair.a, { credentials: pair.credentials })
  const key = await newKey(client)
  const kept = await newKey(client)
  await client.send(new CreateAliasCommand({ AliasName: 'alias/gone', TargetKeyId: key }))
  const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId: key, Plaintext: plaintext }))
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: key, PendingWindowInDays: 7 }))
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: kept, PendingWindowInDays: 9 }))
  client.destroy()
  await Promise.all([pair.a.stop(), pair.b.stop()])

  // Both find it overdue when they start.
  const clockAheadMs = 8 * 86_400_000
  const nodes = await Promise.all(
    [pair.a, pair.b].map(({ dataDir }) =>
      startServer({
        dataDir,
        env: { ...pair.env, KEYWRIGHT_CLOCK_JUMP_WAIT_MS: '0' },
        nodeArgs: clockAhead(clockAheadMs),
      }),
    ),
  )
  const clients = nodes.map((node) => kmsClient(node, { credentials: pair.credentials, clockAheadMs }))
  await until(
    'the key is gone',
    async () => (await used(clients[0] as KMSClient, key)) === 'NotFoundException',
  )
  for (const node of clients) {
    assert.equal(await used(node, key), 'NotFoundException')
    assert.equal(await used(node, 'alias/gone'), 'NotFoundException')
    assert.equal(await used(node, kept), 'KMSInvalidStateException')
    await assert.rejects(node.send(new DecryptCommand({ CiphertextBlob })), { name: 'AccessDeniedException' })
    node.destroy()
  }
  assert.deepEqual(await Promise.all(nodes.map((node) => node.stop())), [0, 0])
  const deletions = (await storedJournal(pair.url)).filter(({ eventName }) => eventName === 'DeleteKey')
  assert.deepEqual(
    deletions.map(({ arns }) => arns[0]?.endsWith(key)),
    [true],
  )
  const materials = await stored(pair.url, (db) => db.selectFrom('key_materials').select('key_id').execute())
  assert.deepEqual(materials, [{ key_id: kept }])
  await requireVerified(pair)
})

test('without the database both nodes refuse everything and say so; with it they go on, and nothing acknowledged is lost', async () => {
  const pair = await startPair()
  const [a, b] = [pair.a, pair.b].map((node) =>
    kmsClient(node, { credentials: pair.credentials }),
  ) as KMSClient[] as [KMSClient, KMSClient]
  const key = await newKey(a)
  assert.deepEqual([await used(a, key), await used(b, key)], [key, key])

  await postgres.stop()
  const refusal = { name: 'KMSInternalException', $metadata: { httpStatusCode: 500 } }
  for (const client of [a, b]) {
    for (const command of [
      new EncryptCommand({ KeyId: key, Plaintext: plaintext }),
      new DescribeKeyCommand({ KeyId: key }),
      new DisableKeyCommand({ KeyId: key }),
      new CreateKeyCommand({}),
    ]) {
      await assert.rejects(client.send(command as EncryptCommand), (error: typeof refusal) => {
        assert.deepEqual([error.name, error.$metadata.httpStatusCode], [refusal.name, 500])
        return true
      })
    }
  }
  for (const node of [pair.a, pair.b]) {
    const { status, components } = await health(node)
    assert.equal(status, 503)
    assert.ok(Object.values(components).some(({ ok }) => !ok))
  }

  await postgres.restart()
  for (const node of [pair.a, pair.b])
    await until('health is green', async () => (await health(node)).status === 200)
  assert.deepEqual([await used(a, key), await used(b, key)], [key, key])
  await a.send(new DisableKeyCommand({ KeyId: key }))
  assert.equal(await used(b, key), 'DisabledException')
  for (const client of [a, b]) client.destroy()
  assert.deepEqual([await pair.a.stop(), await pair.b.stop()], [0, 0])
  await requireVerified(pair)
})

test('kill -9 of one node under load: the other goes on and records what the dead one left', async (context) => {
  const pair = await startPair()
  const nodes = [pair.a, pair.b].map(({ url }) => ({ url, credentials: pair.credentials })) as [
    { url: string; credentials: Credentials },
    { url: string; credentials: Credentials },
  ]
  const workload = createWorkload()
  let killed: Promise<void> | undefined
  // Each client uses both nodes in turns: what it learned from one it finds on the other.
  await workload.run(nodes, {
    clients: 12,
    enough: (answers) => {
      if (answers >= 300) killed ??= pair.b.kill()
      return answers >= 600
    },
  })
  await killed
  await workload.check(nodes[0])
  await until('the outbox is empty', async () => (await waitingRecords(pair.url)) === 0)
  await requireVerified(pair)

  const again = await startServer({ dataDir: pair.b.dataDir, env: pair.env })
  await workload.check({ url: again.url, credentials: pair.credentials })
  assert.deepEqual([await pair.a.stop(), await again.stop()], [0, 0])
  assert.deepEqual(workload.refused, [])
  requireWholeJournal(await storedJournal(pair.url), await storedChanges(pair.url), workload.acknowledged)
  await requireVerified(pair)
  const reasons = await storedChains(pair.url)
  assert.ok(reasons.some(({ closed_reason }) => closed_reason === 'recovered'))
  context.diagnostic(`${workload.acknowledged.size} answers`)
})

test('a crash of the database under load loses nothing acknowledged, and both nodes come back by themselves', async (context) => {
  const pair = await startPair()
  const nodes = [pair.a, pair.b].map(({ url }) => ({ url, credentials: pair.credentials }))
  const workload = createWorkload()
  let restarted: Promise<void> | undefined
  let answersAfter = 0
  await workload.run(nodes, {
    clients: 12,
    enough: (answers) => {
      if (answers >= 200) restarted ??= postgres.kill().then(() => postgres.restart())
      if (answers >= 200) answersAfter += 1
      return answersAfter > 300
    },
    tolerate: /^KMSInternalException/,
  })
  await restarted
  for (const node of nodes) await workload.check(node)
  assert.ok(workload.refused.length > 0)
  for (const node of [pair.a, pair.b])
    await until('health is green', async () => (await health(node)).status === 200)
  assert.deepEqual([await pair.a.stop(), await pair.b.stop()], [0, 0])
  requireWholeJournal(await storedJournal(pair.url), await storedChanges(pair.url), workload.acknowledged)
  await requireVerified(pair)
  context.diagnostic(`${workload.acknowledged.size} answers, ${workload.refused.length} refused meanwhile`)
})
