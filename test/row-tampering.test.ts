import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { authenticatedTables, type AuthenticatedTable } from '../server/src/store/authenticated-tables.ts'
import { columnsOf, otherValues, shown, type Row } from './edited-values.ts'
import { kmsClient } from './kms-client.ts'
import { newSet } from './multi-region-set.ts'
import {
  runKeywright,
  ServerStartError,
  startServer,
  type Credentials,
  type ServerProcess,
} from './server-process.ts'

const FIRST = '111122223333'
const SECOND = '444455556666'
const NEUTRAL = '777788889999'

/** `select`, `update`, `insert` and `delete` as someone does who can write the database file and knows no key. */
function editor(dataDir: string) {
  const database = new DatabaseSync(join(dataDir, 'keywright.db'), { timeout: 10_000 })
  const find = (table: string, where: string, ...values: SQLInputValue[]): Row => {
    const row = database.prepare(`select * from ${table} where ${where}`).get(...values) as Row | undefined
    assert.ok(row, `${table} has no row where ${where}`)
    return row
  }
  const whereOf = (table: AuthenticatedTable) =>
    authenticatedTables[table].key.map((name) => `${name} = ?`).join(' and ')
  const keyOf = (table: AuthenticatedTable, row: Row) =>
    authenticatedTables[table].key.map((name) => row[name] as SQLInputValue)
  return {
    find,
    all: (table: AuthenticatedTable) => database.prepare(`select * from ${table}`).all() as Row[],
    /** Sets columns of the row, which is named as it stands; false when the schema itself refuses. */
    set(table: AuthenticatedTable, row: Row, change: Row): boolean {
      const columns = Object.keys(change)
      const text = `update ${table} set ${columns.map((name) => `${name} = ?`).join(', ')} where ${whereOf(table)}`
      try {
        const { changes } = database.prepare(text).run(...Object.values(change), ...keyOf(table, row))
        assert.equal(changes, 1)
        return true
      } catch (error) {
        if ((error as { errstr?: string }).errstr === 'constraint failed') return false
        throw error
      }
    },
    insert(table: AuthenticatedTable, row: Row) {
      const columns = Object.keys(row)
      database
        .prepare(`insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`)
        .run(...Object.values(row))
    },
    remove(table: AuthenticatedTable, row: Row) {
      database.prepare(`delete from ${table} where ${whereOf(table)}`).run(...keyOf(table, row))
    },
    close: () => {
      database.close()
    },
  }
}
type Editor = ReturnType<typeof editor>

describe('editing the database by SQL while the server runs', () => {
  let server: ServerProcess
  let sql: Editor
  const key = { enabled: '', disabled: '', pending: '', stranger: '', neutral: '' }
  const sealed: Record<keyof typeof key, Uint8Array> = {} as never
  const clients: Record<'first' | 'inactive' | 'second' | 'neutral', KMS> = {} as never
  const accessKeyIds: Record<keyof typeof clients, string> = {} as never
  let enabledVersionOfDisabled: Row
  /** In us-east-1 a primary key, in eu-west-1 a replica of it. */
  let set: string
  let away: KMS

  before(async () => {
    // Caches of one entry: whatever is not used last is read from the database again.
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: FIRST }, args: ['--cache-keys', '1'] })
    sql = editor(server.dataDir)
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await runKeywright(args, server)
      assert.equal(code, 0, stderr)
      return stdout
    }
    const use = (name: keyof typeof clients, credentials: Credentials) => {
      clients[name] = kmsClient(server, { credentials })
      accessKeyIds[name] = credentials.accessKeyId
    }
    const given = async (accountId: string) =>
      JSON.parse(await run('credentials', 'create', accountId, '--json')) as Credentials
    use('first', server.credentials)
    use('inactive', await given(FIRST))
    await run('credentials', 'disable', accessKeyIds.inactive)
    for (const [name, accountId] of [
      ['second', SECOND],
      ['neutral', NEUTRAL],
    ] as const) {
      await run('account', 'create', accountId)
      use(name, await given(accountId))
    }
    const make = async (name: keyof typeof key, kms: KMS) => {
      const { KeyMetadata } = await kms.createKey({ Description: name })
      key[name] = KeyMetadata?.KeyId as string
      await kms.createAlias({ AliasName: `alias/${name}`, TargetKeyId: key[name] })
      sealed[name] = (await kms.encrypt({ KeyId: key[name], Plaintext: Buffer.from(name) }))
        .CiphertextBlob as Uint8Array
    }
    for (const name of ['enabled', 'disabled', 'pending'] as const) await make(name, clients.first)
    await make('stranger', clients.second)
    await make('neutral', clients.neutral)
    enabledVersionOfDisabled = sql.find('kms_keys', 'key_id = ?', key.disabled)
    await clients.first.disableKey({ KeyId: key.disabled })
    await clients.first.scheduleKeyDeletion({ KeyId: key.pending, PendingWindowInDays: 7 })
    away = kmsClient(server, { region: 'eu-west-1' })
    set = await newSet(clients.first, { 'eu-west-1': away })
  })
  after(async () => {
    sql.close()
    away.destroy()
    for (const client of Object.values(clients)) client.destroy()
    await server.stop()
  })

  const Plaintext = Buffer.from('x')
  const arn = (keyId: string, accountId: string) => `arn:aws:kms:us-east-1:${accountId}:key/${keyId}`
  /** Requests of every kind of caller on every kind of key; what reads and uses, so that they can be repeated. */
  const probes: Record<string, () => Promise<unknown>> = {
    'Encrypt with an enabled key': () => clients.first.encrypt({ KeyId: key.enabled, Plaintext }),
    'Encrypt by its alias': () => clients.first.encrypt({ KeyId: 'alias/enabled', Plaintext }),
    'Decrypt with an enabled key': () => clients.first.decrypt({ CiphertextBlob: sealed.enabled }),
    'GenerateDataKey with an enabled key': () =>
      clients.first.generateDataKey({ KeyId: key.enabled, KeySpec: 'AES_256' }),
    'DescribeKey of an enabled key': () => clients.first.describeKey({ KeyId: key.enabled }),
    'GetKeyPolicy of an enabled key': () => clients.first.getKeyPolicy({ KeyId: key.enabled }),
    'Encrypt with a disabled key': () => clients.first.encrypt({ KeyId: key.disabled, Plaintext }),
    'Decrypt with a disabled key': () => clients.first.decrypt({ CiphertextBlob: sealed.disabled }),
    'Encrypt by the alias of a disabled key': () =>
      clients.first.encrypt({ KeyId: 'alias/disabled', Plaintext }),
    'Decrypt with a key pending deletion': () => clients.first.decrypt({ CiphertextBlob: sealed.pending }),
    'EnableKey pending deletion': () => clients.first.enableKey({ KeyId: key.pending }),
    "Encrypt with another account's key": () =>
      clients.first.encrypt({ KeyId: arn(key.stranger, SECOND), Plaintext }),
    "Decrypt with another account's key": () => clients.first.decrypt({ CiphertextBlob: sealed.stranger }),
    "Encrypt with another account's key under our own account": () =>
      clients.first.encrypt({ KeyId: key.stranger, Plaintext }),
    'Encrypt with an inactive access key': () => clients.inactive.encrypt({ KeyId: key.enabled, Plaintext }),
    'ListKeys with an inactive access key': () => clients.inactive.listKeys({}),
    'Encrypt by the second account': () => clients.second.encrypt({ KeyId: key.stranger, Plaintext }),
    'Encrypt by the alias of the second account': () =>
      clients.second.encrypt({ KeyId: 'alias/stranger', Plaintext }),
    "Encrypt by the second account with the first's key": () =>
      clients.second.encrypt({ KeyId: arn(key.enabled, FIRST), Plaintext }),
    "Decrypt by the second account with the first's key": () =>
      clients.second.decrypt({ CiphertextBlob: sealed.enabled }),
    "Encrypt by the second account with the first's key id": () =>
      clients.second.encrypt({ KeyId: key.enabled, Plaintext }),
    'Encrypt in another Region': () =>
      clients.first.encrypt({ KeyId: `arn:aws:kms:eu-west-1:${FIRST}:key/${key.enabled}`, Plaintext }),
    'Encrypt with a primary key': () => clients.first.encrypt({ KeyId: set, Plaintext }),
    'Encrypt with a replica': () => away.encrypt({ KeyId: set, Plaintext }),
    'RotateKeyOnDemand of a replica': () => away.rotateKeyOnDemand({ KeyId: set }),
  }

  async function outcomes(): Promise<Map<string, string>> {
    // Evicts the key, alias, account and access key of whatever came before.
    await clients.neutral.encrypt({ KeyId: 'alias/neutral', Plaintext })
    const found = new Map<string, string>()
    for (const [name, probe] of Object.entries(probes)) {
      found.set(
        name,
        await probe().then(
          () => 'allowed',
          (error: Error) => error.name,
        ),
      )
    }
    return found
  }

  async function redBecauseOf(table: AuthenticatedTable): Promise<void> {
    const answer = await fetch(`${server.url}/-/health`)
    assert.equal(answer.status, 503)
    const { components } = (await answer.json()) as {
      components: Record<string, { ok: boolean; reason?: string }>
    }
    assert.match(components['rows']?.reason ?? '', new RegExp(`\\b${table}\\b`))
  }

  /** Rows by what they are, and a request that must fail closed when any column outside the primary key is edited. */
  const rows: { table: AuthenticatedTable; what: string; find: () => Row; affected: string }[] = [
    ...(['enabled', 'disabled'] as const).flatMap((name) => {
      const affected = {
        enabled: 'Encrypt with an enabled key',
        disabled: 'Decrypt with a disabled key',
      }[name]
      return [
        {
          table: 'kms_keys',
          what: `the key ${name}`,
          find: () => sql.find('kms_keys', 'key_id = ?', key[name]),
          affected,
        },
        {
          table: 'key_materials',
          what: `the material of the key ${name}`,
          find: () => sql.find('key_materials', 'key_id = ?', key[name]),
          affected,
        },
      ] as const
    }),
    ...(['kms_keys', 'key_materials'] as const).map((table) => ({
      table,
      what: 'a replica',
      find: () => sql.find(table, 'key_id = ? and region = ?', set, 'eu-west-1'),
      affected: 'Encrypt with a replica',
    })),
    {
      table: 'kms_keys',
      what: 'the key pending deletion',
      find: () => sql.find('kms_keys', 'key_id = ?', key.pending),
      affected: 'Decrypt with a key pending deletion',
    },
    {
      table: 'aliases',
      what: 'the alias of the enabled key',
      find: () => sql.find('aliases', 'name = ?', 'alias/enabled'),
      affected: 'Encrypt by its alias',
    },
    {
      table: 'aliases',
      what: 'the alias of the disabled key',
      find: () => sql.find('aliases', 'name = ?', 'alias/disabled'),
      affected: 'Encrypt by the alias of a disabled key',
    },
    {
      table: 'accounts',
      what: 'the second account',
      find: () => sql.find('accounts', 'account_id = ?', SECOND),
      affected: 'Encrypt by the second account',
    },
    {
      table: 'access_keys',
      what: 'the inactive access key',
      find: () => sql.find('access_keys', 'access_key_id = ?', accessKeyIds.inactive),
      affected: 'Encrypt with an inactive access key',
    },
    {
      table: 'access_keys',
      what: 'the access key of the second account',
      find: () => sql.find('access_keys', 'access_key_id = ?', accessKeyIds.second),
      affected: 'Encrypt by the second account',
    },
  ]

  let untouched: Map<string, string>
  test('untouched, each request is answered as its caller and its key deserve', async () => {
    untouched = await outcomes()
    assert.deepEqual(
      [...untouched].filter(([, outcome]) => outcome === 'allowed').map(([name]) => name),
      [
        'Encrypt with an enabled key',
        'Encrypt by its alias',
        'Decrypt with an enabled key',
        'GenerateDataKey with an enabled key',
        'DescribeKey of an enabled key',
        'GetKeyPolicy of an enabled key',
        'Encrypt by the second account',
        'Encrypt by the alias of the second account',
        'Encrypt with a primary key',
        'Encrypt with a replica',
      ],
    )
    assert.equal((await fetch(`${server.url}/-/health`)).status, 200)
  })

  for (const { table, what, find, affected } of rows) {
    test(`${table}, ${what}: no edit of any column allows a request, and what rests on the row fails closed`, async () => {
      const row = find()
      const others = sql.all(table)
      const isKey = new Set<string>(authenticatedTables[table].key)
      for (const column of columnsOf(table)) {
        let edits = 0
        for (const value of otherValues(row, column, others, [FIRST, SECOND, NEUTRAL])) {
          if (!sql.set(table, row, { [column]: value })) continue
          edits += 1
          const found = await outcomes()
          const where = `${column} = ${shown(value)}`
          for (const [name, outcome] of found) {
            assert.ok(outcome !== 'allowed' || untouched.get(name) === 'allowed', `${where} allows ${name}`)
          }
          // A row with another primary key is gone from its place: that may also look like "not found".
          if (!isKey.has(column)) assert.equal(found.get(affected), 'KMSInternalException', where)
          // The material of a disabled key is never reached, and the state answers first.
          else if (untouched.get(affected) === 'allowed')
            assert.notEqual(found.get(affected), 'allowed', where)
          assert.ok(sql.set(table, { ...row, [column]: value }, { [column]: row[column] as SQLInputValue }))
        }
        assert.ok(edits > 0, `${column} was not edited`)
      }
      await redBecauseOf(table)
      assert.deepEqual(await outcomes(), untouched)
    })
  }

  test('a row copied to another place, with its code, is refused there', async () => {
    const enabled = sql.find('kms_keys', 'key_id = ?', key.enabled)
    const material = sql.find('key_materials', 'key_id = ?', key.enabled)
    const disabled = sql.find('kms_keys', 'key_id = ?', key.disabled)
    const copies: [AuthenticatedTable, Row, Row][] = [
      ['kms_keys', enabled, { region: 'eu-west-1' }],
      ['key_materials', material, { region: 'eu-west-1' }],
      ['key_materials', material, { key_id: key.disabled }],
      ['key_materials', material, { key_id: key.stranger, account_id: SECOND }],
      ['aliases', sql.find('aliases', 'name = ?', 'alias/enabled'), { account_id: SECOND }],
      ['aliases', sql.find('aliases', 'name = ?', 'alias/enabled'), { region: 'eu-west-1' }],
      [
        'access_keys',
        sql.find('access_keys', 'access_key_id = ?', accessKeyIds.first),
        { access_key_id: 'AKIACOPY' },
      ],
    ]
    for (const [table, row, change] of copies) {
      const copy = { ...row, ...change }
      sql.insert(table, copy)
      const found = await outcomes()
      for (const [name, outcome] of found) {
        assert.ok(
          outcome !== 'allowed' || untouched.get(name) === 'allowed',
          `a copy in ${table} allows ${name}`,
        )
      }
      sql.remove(table, copy)
    }
    // Everything of the enabled key's row but its name.
    const { region: _region, key_id: _id, ...rest } = enabled
    assert.ok(sql.set('kms_keys', disabled, rest))
    const found = await outcomes()
    assert.equal(found.get('Decrypt with a disabled key'), 'KMSInternalException')
    const { region: _, key_id: __, ...own } = disabled
    assert.ok(sql.set('kms_keys', disabled, own))
    assert.deepEqual(await outcomes(), untouched)
  })

  test('the wrapped bytes of two rows, exchanged, open for neither', async () => {
    const [one, two] = [key.enabled, key.stranger].map((id) =>
      sql.find('key_materials', 'key_id = ?', id),
    ) as [Row, Row]
    for (const columns of [
      ['wrapped'],
      ['wrapped', 'mac'],
      ['wrapped', 'mac', 'version', 'created_at', 'domain_key_number'],
    ]) {
      const of = (row: Row) => Object.fromEntries(columns.map((name) => [name, row[name] as SQLInputValue]))
      assert.ok(sql.set('key_materials', one, of(two)) && sql.set('key_materials', two, of(one)))
      const found = await outcomes()
      assert.equal(found.get('Encrypt with an enabled key'), 'KMSInternalException')
      assert.equal(found.get('Encrypt by the second account'), 'KMSInternalException')
      assert.ok(sql.set('key_materials', one, of(one)) && sql.set('key_materials', two, of(two)))
    }
    assert.deepEqual(await outcomes(), untouched)
  })

  test('the rows of a primary key and of its replica, exchanged, are of use in neither Region', async () => {
    for (const table of ['kms_keys', 'key_materials'] as const) {
      const [one, two] = ['us-east-1', 'eu-west-1'].map((region) =>
        sql.find(table, 'key_id = ? and region = ?', set, region),
      ) as [Row, Row]
      const rest = ({ region: _region, ...row }: Row) => row
      assert.ok(sql.set(table, one, rest(two)) && sql.set(table, two, rest(one)))
      const found = await outcomes()
      for (const name of ['Encrypt with a primary key', 'Encrypt with a replica'])
        assert.equal(found.get(name), 'KMSInternalException', table)
      assert.ok(sql.set(table, one, rest(one)) && sql.set(table, two, rest(two)))
    }
    assert.deepEqual(await outcomes(), untouched)
  })

  test('a row taken away refuses what rests on it', async () => {
    for (const { table, find, affected } of rows) {
      const row = find()
      sql.remove(table, row)
      const found = await outcomes()
      assert.notEqual(found.get(affected), 'allowed')
      for (const [name, outcome] of found)
        assert.ok(outcome !== 'allowed' || untouched.get(name) === 'allowed', name)
      sql.insert(table, row)
    }
    assert.deepEqual(await outcomes(), untouched)
  })

  test('an older authentic row, put back, is accepted: the security model says so and claims no more', async () => {
    const now = sql.find('kms_keys', 'key_id = ?', key.disabled)
    assert.notEqual(now['version'], enabledVersionOfDisabled['version'])
    assert.ok(sql.set('kms_keys', now, enabledVersionOfDisabled))
    const found = await outcomes()
    assert.equal(found.get('Decrypt with a disabled key'), 'allowed')
    assert.ok(sql.set('kms_keys', now, now))
    assert.deepEqual(await outcomes(), untouched)
  })
})

describe('editing the database by SQL while the server is stopped', () => {
  const serve = (dataDir: string, args: string[] = []) => startServer({ dataDir, args })
  const healthOf = async ({ url }: ServerProcess) => (await fetch(`${url}/-/health`)).status

  test('deployment: no edit of any column starts a server', async () => {
    const server = await startServer()
    const { dataDir } = server
    await server.stop()
    const sql = editor(dataDir)
    const row = sql.find('deployment', 'id = ?', 1)
    for (const column of columnsOf('deployment')) {
      const [value] =
        column === 'dev_auth'
          ? [1]
          : otherValues(row, column, [], [FIRST, SECOND, NEUTRAL]).filter((each) => each !== null)
      if (!sql.set('deployment', row, { [column]: value as SQLInputValue })) {
        assert.equal(column, 'id')
        continue
      }
      const args = column === 'dev_auth' ? ['--dev-auth'] : []
      await assert.rejects(serve(dataDir, args), (error) => {
        assert.ok(error instanceof ServerStartError)
        assert.notEqual(error.finished.code, 0)
        assert.match(error.finished.stderr, /^keywright: [^\n]+: [^\n]+$/m, column)
        return true
      })
      assert.ok(
        sql.set(
          'deployment',
          { ...row, [column]: value as SQLInputValue },
          { [column]: row[column] as SQLInputValue },
        ),
      )
    }
    sql.close()
    const again = await serve(dataDir)
    assert.equal(await healthOf(again), 200)
    assert.equal(await again.stop(), 0)
  })

  test('kms_keys: a state that was edited while the server was stopped is refused after the start, and health turns red', async () => {
    const server = await startServer()
    const { dataDir } = server
    const kms = kmsClient(server)
    const { KeyMetadata } = await kms.createKey({})
    const KeyId = KeyMetadata?.KeyId as string
    await kms.disableKey({ KeyId })
    await server.stop()
    const sql = editor(dataDir)
    const row = sql.find('kms_keys', 'key_id = ?', KeyId)
    sql.set('kms_keys', row, { state: 'Enabled' })
    sql.close()
    const again = await serve(dataDir)
    const client = kmsClient(again)
    for (const call of [
      () => client.encrypt({ KeyId, Plaintext: Buffer.from('x') }),
      () => client.describeKey({ KeyId }),
      () => client.enableKey({ KeyId }),
    ]) {
      await assert.rejects(call, { name: 'KMSInternalException' })
    }
    assert.equal(await healthOf(again), 503)
    kms.destroy()
    client.destroy()
    await again.stop()
  })

  test('outbox: a record that was edited before it reached the journal does not reach it, and health turns red', async () => {
    for (const column of columnsOf('outbox')) {
      const server = await startServer()
      const { dataDir } = server
      const kms = kmsClient(server)
      await kms.createKey({})
      kms.destroy()
      await server.kill()
      const sql = editor(dataDir)
      const row = sql.find('outbox', "record like '%CreateKey%'")
      // Were it in the journal already, its row would only be removed: so it is cut off there, where nothing is sealed yet.
      cutOff(dataDir, row['event_id'] as string)
      const [other] = otherValues(row, column, [], [FIRST, SECOND, NEUTRAL])
      const value = column === 'record' ? (row['record'] as string).replace('CreateKey', 'ListKeysX') : other
      assert.ok(sql.set('outbox', row, { [column]: value as SQLInputValue }))
      sql.close()

      const again = await serve(dataDir)
      assert.equal(await healthOf(again), 503, column)
      await again.stop()
      const shown = await runKeywright(['audit', 'tail', '--json'], { dataDir })
      assert.equal(shown.code, 0)
      assert.doesNotMatch(shown.stdout, /CreateKey|ListKeysX/, column)
    }
  })

  test('journal_chains: an edit of any column is found by verify, and names the chain', async () => {
    const server = await startServer()
    const { dataDir } = server
    await server.stop()
    const sql = editor(dataDir)
    const row = sql.find('journal_chains', '1 = 1')
    for (const column of columnsOf('journal_chains')) {
      const value = otherValues(row, column, [], [FIRST, SECOND, NEUTRAL])[0] as SQLInputValue
      assert.ok(sql.set('journal_chains', row, { [column]: value }))
      const verified = await runKeywright(['audit', 'verify'], { dataDir })
      assert.equal(verified.code, 1, column)
      assert.match(verified.stderr, /^keywright: the journal does not verify: chain \S+, /)
      assert.ok(
        sql.set('journal_chains', { ...row, [column]: value }, { [column]: row[column] as SQLInputValue }),
      )
    }
    sql.close()
    assert.equal((await runKeywright(['audit', 'verify'], { dataDir })).code, 0)
  })
})

/** Takes the record of an event, and what follows it, out of the journal's only segment. */
function cutOff(dataDir: string, eventId: string): void {
  const folder = join(dataDir, 'journal')
  const [segment = ''] = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))
  const lines = readFileSync(join(folder, segment), 'utf8').split('\n')
  const at = lines.findIndex((line) => line.includes(eventId))
  if (at >= 0)
    writeFileSync(
      join(folder, segment),
      lines
        .slice(0, at)
        .map((line) => `${line}\n`)
        .join(''),
    )
}
