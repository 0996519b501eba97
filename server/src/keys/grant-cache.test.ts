import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { systemRandom } from '../crypto/random.ts'
import { openHeld } from '../deployment/testing/deployment-fixture.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import { wholeFile } from '../testing/whole-file.ts'
import { GrantCache } from './grant-cache.ts'
import type { Grant } from './grant.ts'
import { destroyGrants } from './grants.ts'
import { keyArn, type KmsKey } from './key.ts'
import { awsResourceQuotas } from './resource-quotas.ts'

const region = 'us-east-1'
const accountId = '000000000000'
const granteeId = 'AIDAEXAMPLEEXAMPLE'
const principal = { type: 'user', accountId, arn: `arn:aws:iam::${accountId}:user/a`, id: granteeId } as const

const { opened, change } = await openHeld(wholeFile())
const { store, grants } = opened

const depends = { use: <T>(entry: CacheEntry<T>): T => entry.value }

let keys = 0
function someKey(): KmsKey {
  const keyId = `00000000-0000-4000-8000-${String(++keys).padStart(12, '0')}`
  return { keyId, region, accountId, arn: keyArn(accountId, region, keyId) } as KmsKey
}

function newGrant(constraint?: Grant['constraint'], operations: Grant['operations'] = ['Decrypt']) {
  return {
    grantId: systemRandom.bytes(32).toString('hex'),
    name: undefined,
    grantee: { name: principal.arn, id: granteeId },
    retiring: undefined,
    issuingAccount: accountId,
    operations,
    constraint,
    sourceArn: undefined,
  }
}

const make = (key: KmsKey, wanted = newGrant()): Promise<Grant> =>
  change((tx) => grants.create(tx, key, wanted))

const remove = (key: KmsKey, { grantId }: Grant): Promise<void> =>
  change(async (tx) => {
    const stored = await grants.read(tx.db, { region, keyId: key.keyId, grantId })
    assert.ok(stored)
    await grants.remove(tx, stored)
  })

/** Rows as CreateGrant would have made them, in one transition. */
async function fill(key: KmsKey, count: number, constraintOf: (at: number) => object | null): Promise<void> {
  await change(async (tx) => {
    await store.rows.insertMany(
      tx,
      'grants',
      Array.from({ length: count }, (_, at) => {
        const constraint = constraintOf(at)
        return {
          region,
          key_id: key.keyId,
          grant_id: systemRandom.bytes(32).toString('hex'),
          account_id: accountId,
          grantee: principal.arn,
          grantee_id: granteeId,
          issuing_account: accountId,
          operations: '["Decrypt"]',
          constraints: constraint && JSON.stringify(constraint),
          created_at: 1,
        }
      }),
    )
    tx.changed('grants', `${region}/${key.keyId}/${granteeId}`)
    tx.changed('grant', `${region}/${key.keyId}/${granteeId}/*`)
  })
}

const decrypt = (key: KmsKey, pairs: Record<string, string> = {}) =>
  grants.match(depends, {
    key,
    action: 'kms:Decrypt',
    principal,
    encryptionContext: new Map(Object.entries(pairs)),
  })

test('the second question is answered without a promise, also when there is no grant', async () => {
  const key = someKey()
  assert.ok(decrypt(key) instanceof Promise)
  assert.equal(await decrypt(key), undefined)
  assert.equal(decrypt(key), undefined)
  const made = await make(key)
  assert.equal((await decrypt(key))?.grantId, made.grantId)
  assert.deepEqual(decrypt(key), { grantId: made.grantId, grantee: 'principal' })
  await remove(key, made)
  assert.equal(await decrypt(key), undefined)
})

test('an index of many grants follows what comes and goes without being read again', async () => {
  const key = someKey()
  await fill(key, 500, (at) => ({ equals: [['n', String(at)]] }))
  const cache = new GrantCache({ store, limit: 100 })
  const grantee = { region, keyId: key.keyId, granteeId }
  const first = await cache.get(grantee)
  assert.equal(first.value.size, 500)
  const open = await make(key)
  assert.equal(first.valid, false)
  assert.equal(cache.find(grantee), undefined)
  const second = await cache.get(grantee)
  assert.equal(second.value, first.value)
  assert.equal(second.value.size, 501)
  await remove(key, open)
  assert.equal(second.valid, false)
  assert.equal((await cache.get(grantee)).value.size, 500)
})

test('what changes while an index is being read is in it, whatever page it belongs to', async () => {
  const key = someKey()
  await fill(key, 1000, (at) => ({ equals: [['n', String(at)]] }))
  const cache = new GrantCache({ store, limit: 100 })
  const loading = cache.get({ region, keyId: key.keyId, granteeId })
  const made: Grant[] = []
  for (let at = 0; at < 20; at++) {
    made.push(await make(key, newGrant({ type: 'EncryptionContextEquals', pairs: [['made', String(at)]] })))
  }
  const [gone] = made
  assert.ok(gone)
  await remove(key, gone)
  await loading
  const { value } = await cache.get({ region, keyId: key.keyId, granteeId })
  const found = (at: number) =>
    value.find({
      action: 'kms:Decrypt',
      encryptionContext: new Map([['made', String(at)]]),
      sourceArn: undefined,
      newGrant: undefined,
    })
  assert.equal(found(0), undefined)
  for (let at = 1; at < 20; at++) assert.equal(found(at), made[at]?.grantId)
  assert.equal(value.size, 1019)
})

test('a destroyed key leaves no grant behind, also not in an index that is kept', async () => {
  const key = someKey()
  await fill(key, 200, () => null)
  assert.ok(await decrypt(key))
  await change(async (tx) => {
    await destroyGrants(tx, key)
  })
  assert.equal(await decrypt(key), undefined)
})

test('an edited row allows nothing, and its neighbours still do', async () => {
  const key = someKey()
  const edited = await make(key, newGrant({ type: 'EncryptionContextEquals', pairs: [['a', '1']] }))
  await make(key, newGrant({ type: 'EncryptionContextEquals', pairs: [['a', '2']] }))
  await change(async (tx) => {
    await tx.db
      .updateTable('grants')
      .set({ constraints: null })
      .where('grant_id', '=', edited.grantId)
      .execute()
    tx.changed('grants', `${region}/${key.keyId}/${granteeId}`)
  })
  assert.equal(await decrypt(key, { a: '3' }), undefined)
  assert.ok(await decrypt(key, { a: '2' }))
})

test('a key has at most fifty thousand grants', async () => {
  const key = someKey()
  const other = someKey()
  // Rows that are counted and never read, so they need no code of authenticity.
  await change(async (tx) => {
    await sql`
      with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${awsResourceQuotas.grantsPerKey - 1})
      insert into grants (region, key_id, grant_id, account_id, grantee, grantee_id, issuing_account, operations, created_at, version, mac)
      select ${region}, ${key.keyId}, cast(n as text), ${accountId}, 'a', 'a', ${accountId}, '[]', 1, 1, x'00' from numbers
    `.execute(tx.db)
  })
  const room = (of: KmsKey) => change((tx) => grants.requireRoom(tx, of))
  await room(key)
  await make(key)
  await assert.rejects(room(key), {
    code: 'LimitExceededException',
    message: 'Grants per key quota for this account in this region is 50000, current usage is 50000.',
  })
  await room(other)
})
