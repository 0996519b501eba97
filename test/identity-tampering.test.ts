import assert from 'node:assert/strict'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createAdministration } from '../server/src/deployment/administration.ts'
import { systemRandom } from '../server/src/crypto/random.ts'
import type { Standing } from '../server/src/identity/standing.ts'
import { kmsRig, type KmsRig } from '../server/src/services/kms/testing/kms-rig.ts'
import { authenticatedTables, type AuthenticatedTable } from '../server/src/store/authenticated-tables.ts'
import type { FeedChange } from '../server/src/store/feed.ts'
import { columnsOf, otherValues, shown, type Row } from './edited-values.ts'

const MEMBER = '222222222222'
const OUTSIDER = '333333333333'
const Plaintext = Buffer.from('x')
const operator = { userName: 'tester' }
const policyOf = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })
const allow = (...Action: string[]) => ({ Effect: 'Allow', Action, Resource: '*' })
const deny = (...Action: string[]) => ({ Effect: 'Deny', Action, Resource: '*' })

/**
 * Everything that can deny stands in a row of its own here, beside something that allows: whatever somebody who can write
 * the database edits or takes away, nothing more may be allowed. In this process, because no feed tells a server of such an
 * edit: the caches are told that everything has changed.
 */
describe('the rows that decide who may do what, edited by SQL', () => {
  const cleanUps: (() => Promise<void> | void)[] = []
  let rig: KmsRig
  let sql: DatabaseSync
  const probes: Record<string, () => Promise<unknown>> = {}

  before(async () => {
    rig = await kmsRig({ after: (cleanUp) => cleanUps.unshift(cleanUp) })
    sql = new DatabaseSync(join(rig.dataDir, 'keywright.db'), { timeout: 10_000 })
    const { opened, change } = rig
    const { principals, managedPolicies, firstAccountId } = opened
    const admin = createAdministration(opened, {
      clock: rig.clock,
      random: systemRandom,
      rootKeySource: {
        provider: 'file',
        file: '',
        passphrase: () => Promise.reject(new Error()),
        random: systemRandom,
      },
    })
    for (const accountId of [MEMBER, OUTSIDER]) await rig.account(accountId)
    const root = await rig.root()
    const ask = (standing: Standing | Promise<Standing>, operation: string, request: object) =>
      Promise.resolve(standing).then((as) => rig.ask(as, operation as 'Encrypt', request as never))
    const newKey = async (by: Standing | Promise<Standing>, request: object = {}) => {
      const { KeyMetadata } = (await ask(by, 'CreateKey', request)) as unknown as {
        KeyMetadata: { KeyId: string; Arn: string }
      }
      return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn }
    }
    const managed = async (name: string, document: string) => {
      const arn = `arn:aws:iam::${firstAccountId}:policy/${name}`
      const description = undefined
      await change((tx) =>
        managedPolicies.create(tx, {
          accountId: firstAccountId,
          arn,
          name,
          path: '/',
          description,
          document,
          tags: [],
        }),
      )
      return arn
    }
    const amend = (principalId: string, more: Parameters<typeof principals.update>[2]) =>
      change(async (tx) => {
        const stored = await principals.readById(tx.db, principalId)
        assert.ok(stored)
        await principals.update(tx, stored, more)
      })

    // A user who is denied by an attached policy, by its group and by its boundary.
    const user = await rig.user({ name: 'user', allow: [allow('kms:*')] })
    const group = await change((tx) =>
      principals.create(tx, {
        accountId: firstAccountId,
        kind: 'group',
        name: 'group',
        inlinePolicies: [{ name: 'denies', document: policyOf(deny('kms:GenerateDataKey')) }],
      }),
    )
    await amend(user.principal.principalId, {
      attachedPolicies: [
        await managed('denies-decrypt', policyOf(deny('kms:ReEncrypt*', 'kms:DescribeKey'))),
      ],
      groupIds: [group.principal.principalId],
      boundaryArn: await managed('boundary', policyOf(allow('kms:*'), deny('kms:GetKeyPolicy'))),
    })
    const key = await newKey(root)
    const use = (
      what: string,
      by: { standing(): Promise<Standing> },
      request: object,
      operation = 'Encrypt',
    ) => {
      probes[what] = () => ask(by.standing(), operation, request)
    }
    const onKey = { KeyId: key.id }
    use('a user encrypts', user, { ...onKey, Plaintext })
    use('a user describes', user, onKey, 'DescribeKey')
    use('a user makes a data key', user, { ...onKey, KeySpec: 'AES_256' }, 'GenerateDataKey')
    use('a user reads the key policy', user, onKey, 'GetKeyPolicy')

    // One with nothing but a grant.
    const grantee = await rig.user({ name: 'grantee' })
    const stranger = await rig.user({ name: 'stranger' })
    await ask(root, 'CreateGrant', {
      ...onKey,
      GranteePrincipal: grantee.arn,
      Operations: ['Encrypt'],
      Constraints: { EncryptionContextSubset: new Map([['tenant', 'red']]) },
    })
    const red = new Map([['tenant', 'red']])
    use('a grantee encrypts', grantee, { ...onKey, Plaintext, EncryptionContext: red })
    use('a grantee encrypts for another', grantee, {
      ...onKey,
      Plaintext,
      EncryptionContext: new Map([['tenant', 'blue']]),
    })
    use(
      'a grantee makes a data key',
      grantee,
      { ...onKey, KeySpec: 'AES_256', EncryptionContext: red },
      'GenerateDataKey',
    )
    use('a stranger encrypts', stranger, { ...onKey, Plaintext, EncryptionContext: red })

    // A role, and a user that was made again under a name that a key policy holds.
    const role = await rig.role({ name: 'role', allow: [allow('kms:Encrypt')] })
    const former = await rig.user({ name: 'former' })
    const named = await newKey(root, {
      Policy: policyOf(
        { ...allow('kms:PutKeyPolicy', 'kms:CreateGrant'), Principal: { AWS: firstAccountId } },
        { ...allow('kms:Encrypt'), Principal: { AWS: former.arn } },
      ),
    })
    await rig.remove(former)
    const again = await rig.user({ name: 'former' })
    use('a role encrypts', role, { ...onKey, Plaintext })
    use('a role makes a data key', role, { ...onKey, KeySpec: 'AES_256' }, 'GenerateDataKey')
    use('who was made again encrypts', again, { KeyId: named.id, Plaintext })

    // Under quarantine: a user, and a key.
    const suspect = await rig.user({ name: 'suspect', allow: [allow('kms:*')] })
    const suspectKey = await newKey(root)
    await admin.quarantine.principal({ id: suspect.arn, reason: 'lost' }, operator)
    await admin.quarantine.key({ id: suspectKey.id, reason: 'lost' }, operator)
    use('a user under quarantine encrypts', suspect, { ...onKey, Plaintext })
    use('a user encrypts with a key under quarantine', user, { KeyId: suspectKey.id, Plaintext })
    probes['root encrypts with a key under quarantine'] = () =>
      ask(rig.root(), 'Encrypt', { KeyId: suspectKey.id, Plaintext })

    // An organization that denies its member something, and everybody else its member's key.
    const memberKey = await newKey(rig.root(MEMBER), {
      Policy: policyOf({ ...allow('kms:*'), Principal: { AWS: [MEMBER, OUTSIDER] } }),
    })
    await admin.organization.create(operator)
    const unit = await admin.organization.createUnit({ name: 'prod' }, operator)
    await admin.organization.addAccount({ accountId: MEMBER, parent: unit.id }, operator)
    for (const [type, document, target] of [
      ['service-control', policyOf(deny('kms:GenerateDataKey')), unit.id],
      [
        'resource-control',
        policyOf({
          ...deny('kms:*'),
          Principal: '*',
          Condition: { StringNotEquals: { 'aws:PrincipalAccount': MEMBER } },
        }),
        MEMBER,
      ],
    ] as const) {
      const { policyId } = await admin.organizationPolicies.create({ type, name: type, document }, operator)
      await admin.organizationPolicies.attach({ policyId, target }, operator)
    }
    const byAccount = (accountId: string) => ({ standing: () => rig.root(accountId) })
    use('a member encrypts', byAccount(MEMBER), { KeyId: memberKey.arn, Plaintext })
    use(
      'a member makes a data key',
      byAccount(MEMBER),
      { KeyId: memberKey.arn, KeySpec: 'AES_256' },
      'GenerateDataKey',
    )
    use('an outsider encrypts', byAccount(OUTSIDER), { KeyId: memberKey.arn, Plaintext })

    untouched = await outcomes()
  })
  after(async () => {
    sql.close()
    for (const cleanUp of cleanUps) await cleanUp()
  })

  let untouched: ReadonlyMap<string, string>

  /** Every entity of every change so far is read anew. */
  async function outcomes(): Promise<ReadonlyMap<string, string>> {
    const rows = sql.prepare('select distinct kind, entity_id from feed').all()
    await rig.change((tx) => {
      for (const { kind, entity_id } of rows) tx.changed(kind as FeedChange['kind'], String(entity_id))
      return Promise.resolve()
    })
    const found = new Map<string, string>()
    for (const [name, probe] of Object.entries(probes)) {
      found.set(
        name,
        await probe().then(
          () => 'allowed',
          (error: Error & { code?: string }) => error.code ?? error.name,
        ),
      )
    }
    return found
  }

  async function allowsNoMore(what: string): Promise<ReadonlyMap<string, string>> {
    const found = await outcomes()
    for (const [name, outcome] of found) {
      assert.ok(outcome !== 'allowed' || untouched.get(name) === 'allowed', `${what}: ${name}`)
    }
    return found
  }

  const all = (table: AuthenticatedTable) => sql.prepare(`select * from ${table}`).all() as Row[]
  const whereOf = (table: AuthenticatedTable) =>
    authenticatedTables[table].key.map((name) => `${name} = ?`).join(' and ')
  const keyOf = (table: AuthenticatedTable, row: Row) =>
    authenticatedTables[table].key.map((name) => row[name] as string | number)
  const remove = (table: AuthenticatedTable, row: Row) =>
    sql.prepare(`delete from ${table} where ${whereOf(table)}`).run(...keyOf(table, row))
  const insert = (table: AuthenticatedTable, row: Row) => {
    const columns = Object.keys(row)
    sql
      .prepare(`insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`)
      .run(...Object.values(row))
  }
  /** False when the schema itself refuses. */
  const replace = (table: AuthenticatedTable, row: Row, other: Row): boolean => {
    remove(table, row)
    try {
      insert(table, other)
      return true
    } catch {
      insert(table, row)
      return false
    }
  }

  const tables = [
    'principals',
    'managed_policies',
    'grants',
    'organization',
    'organization_policies',
    'accounts',
    'kms_keys',
  ] as const satisfies AuthenticatedTable[]

  test('untouched, each is allowed what its policies leave it', () => {
    assert.deepEqual(
      [...untouched].filter(([, outcome]) => outcome === 'allowed').map(([name]) => name),
      ['a user encrypts', 'a grantee encrypts', 'a role encrypts', 'a member encrypts'],
    )
    assert.deepEqual(
      [...new Set(untouched.values())].toSorted(),
      ['AccessDeniedException', 'allowed'],
      [...untouched].join('\n'),
    )
  })

  for (const table of tables) {
    test(`${table}: no edit of any column of any row allows anything more`, async () => {
      const rows = all(table)
      let failedClosed = 0
      for (const row of rows) {
        for (const column of columnsOf(table)) {
          for (const value of otherValues(row, column, rows, [MEMBER, OUTSIDER])) {
            const edited = { ...row, [column]: value }
            if (!replace(table, row, edited)) continue
            const what = `${column} = ${shown(value)} in ${keyOf(table, row).join()}`
            const found = await allowsNoMore(what)
            if ([...found].some(([name, outcome]) => untouched.get(name) !== outcome)) failedClosed++
            remove(table, edited)
            insert(table, row)
          }
        }
      }
      assert.ok(failedClosed > 0, 'an edit was noticed')
      assert.deepEqual(await outcomes(), untouched)
    })

    test(`${table}: taking a row away allows nothing more`, async () => {
      const rows = all(table)
      for (const row of rows) {
        remove(table, row)
        await allowsNoMore(`without ${keyOf(table, row).join()}`)
        insert(table, row)
      }
      for (const row of rows) remove(table, row)
      await allowsNoMore('without any')
      for (const row of rows) insert(table, row)
      assert.deepEqual(await outcomes(), untouched)
    })

    test(`${table}: a row in the place of another, with its code, allows nothing more`, async () => {
      const rows = all(table)
      for (const row of rows) {
        for (const other of rows.slice(0, 6)) {
          if (other === row) continue
          const key = Object.fromEntries(
            authenticatedTables[table].key.map((name) => [name, row[name] as SQLInputValue]),
          )
          // Taken from its own place, so that no name stands twice.
          remove(table, other)
          if (!replace(table, row, { ...other, ...key })) {
            insert(table, other)
            continue
          }
          await allowsNoMore(`${keyOf(table, other).join()} as ${keyOf(table, row).join()}`)
          remove(table, row)
          insert(table, row)
          insert(table, other)
        }
      }
      assert.deepEqual(await outcomes(), untouched)
    })
  }
})
