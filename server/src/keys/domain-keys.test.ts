import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { createAdministration } from '../deployment/administration.ts'
import type { OpenedDeployment } from '../deployment/open-deployment.ts'
import { freshDataDir, openAt } from '../deployment/testing/deployment-fixture.ts'
import { heldClock } from '../testing/held-clock.ts'
import { createDomainKeys } from './domain-keys.ts'
import { createKeys } from './keys.ts'
import { createKey } from './testing/new-key.ts'

const region = 'us-east-1'
const keyId = '00000000-0000-4000-8000-00000000000a'
const clock = heldClock()
const now = () => clock.now()

/** A deployment with one key, and what rotates its domain keys. */
async function deployment(t: TestContext) {
  const { opened, options } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  const { domainKeys } = createAdministration(opened, {
    clock,
    random: systemRandom,
    rootKeySource: options.rootKey,
  })
  await createKey(opened, keyId)
  return { opened, rotate: () => domainKeys.rotate({ userName: 'tester' }) }
}

/** The keys of another process on the same database, which looks up a domain key only after `first` has run. */
function keysElsewhere({ store, rootKey, engine }: OpenedDeployment, first: () => Promise<unknown>) {
  const domainKeys = createDomainKeys({ store, rootKey: () => rootKey.current, random: systemRandom, now })
  let pending: (() => Promise<unknown>) | undefined = first
  const open: typeof domainKeys.open = async (db, id) => {
    const before = pending
    pending = undefined
    await before?.()
    return domainKeys.open(db, id)
  }
  return createKeys({
    store,
    domainKeys: { ...domainKeys, open },
    engine,
    random: systemRandom,
    now,
    cacheLimit: 10,
  })
}

test('material whose domain key is destroyed while another process loads it is found under the new one', async (t) => {
  const { opened, rotate } = await deployment(t)
  const elsewhere = keysElsewhere(opened, rotate)
  const loaded = await elsewhere.load(region, keyId)
  assert.equal(loaded?.value.key.keyId, keyId)
  const rows = await opened.store.db.selectFrom('domain_keys').select('number').execute()
  assert.deepEqual(rows, [{ number: 2 }])
})

test('material whose domain key is missing from the database is an error, not looked for again and again', async (t) => {
  const { opened } = await deployment(t)
  const elsewhere = keysElsewhere(opened, () =>
    opened.store.transition(async (tx) => {
      tx.unrecorded = 'damage'
      await tx.db.deleteFrom('domain_keys').execute()
    }),
  )
  await assert.rejects(elsewhere.load(region, keyId), /domain key .*\/us-east-1\/1 is missing/)
})

test('who rotated domain keys holds none of the destroyed ones any more', async (t) => {
  const { opened, rotate } = await deployment(t)
  const { store, domainKeys, firstAccountId: accountId } = opened
  await domainKeys.open(store.db, { accountId, region, number: 1 })
  await rotate()
  await assert.rejects(domainKeys.open(store.db, { accountId, region, number: 1 }), /is missing/)
  await domainKeys.open(store.db, { accountId, region, number: 2 })
  assert(await opened.keys.load(region, keyId))
})

test('a domain key of a transition that fails is forgotten with it, however often it was opened there', async (t) => {
  const { opened } = await deployment(t)
  const { store, domainKeys, firstAccountId: accountId } = opened
  const away = 'eu-west-1'
  // As when the material of a rotated key is brought to a Region that has no key yet.
  const openedTwice = (fails: boolean) =>
    store.transition(async (tx) => {
      tx.unrecorded = 'a test'
      await domainKeys.current(tx, accountId, away)
      const { key } = await domainKeys.current(tx, accountId, away)
      if (fails) throw new Error('it fails')
      return key
    })
  await assert.rejects(openedTwice(true), /it fails/)
  const used = await openedTwice(false)
  const elsewhere = createDomainKeys({
    store,
    rootKey: () => opened.rootKey.current,
    random: systemRandom,
    now,
  })
  const stored = await elsewhere.open(store.db, { accountId, region: away, number: 1 })
  assert.ok(used.equals(stored))
})
