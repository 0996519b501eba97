import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openIdentityFixture } from './testing/identity-fixture.ts'

test('the newest use of an access key is kept, about a minute behind', async (t) => {
  const { opened, clock } = await openIdentityFixture(t)
  const { accessKeyUses, store } = opened
  const written = () =>
    store.db.selectFrom('access_key_uses').select('used_at').where('access_key_id', '=', 'AKIA1').execute()
  const note = () => {
    accessKeyUses.note('AKIA1', { usedAtMs: clock.now(), region: 'us-east-1', service: 'kms' })
  }
  assert.equal(await accessKeyUses.find('AKIA1'), undefined)
  const startMs = clock.now()
  note()
  assert.deepEqual(await accessKeyUses.find('AKIA1'), {
    usedAtMs: startMs,
    region: 'us-east-1',
    service: 'kms',
  })
  assert.deepEqual(await written(), [])
  clock.advance(1000)
  assert.equal((await accessKeyUses.find('AKIA1'))?.usedAtMs, startMs)
  assert.deepEqual(await written(), [{ used_at: startMs }])

  clock.advance(30_000)
  note()
  assert.equal((await accessKeyUses.find('AKIA1'))?.usedAtMs, startMs)
  clock.advance(30_000)
  note()
  assert.equal((await accessKeyUses.find('AKIA1'))?.usedAtMs, clock.now())
})

test('an older use of another node does not take the place of a newer one, and closing writes what waits', async (t) => {
  const { opened } = await openIdentityFixture(t)
  const { accessKeyUses, store } = opened
  for (const [service, usedAtMs] of [
    ['kms', 2_000_000],
    ['sts', 1_000_000],
  ] as const) {
    accessKeyUses.note('AKIA1', { usedAtMs, region: 'us-east-1', service })
    accessKeyUses.note(`AKIA-${service}`, { usedAtMs, region: 'us-east-1', service })
    await accessKeyUses.close()
  }
  const rows = await store.db.selectFrom('access_key_uses').selectAll().orderBy('access_key_id').execute()
  assert.deepEqual(
    rows.map(({ access_key_id, service }) => [access_key_id, service]),
    [
      ['AKIA-kms', 'kms'],
      ['AKIA-sts', 'sts'],
      ['AKIA1', 'kms'],
    ],
  )
})
