import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHeld } from '../deployment/testing/deployment-fixture.ts'
import { awsResourceQuotas, requireRoomForAlias, requireRoomForKey } from './resource-quotas.ts'
import { createKey } from './testing/new-key.ts'

const region = 'us-east-1'

test('AWS managed keys are no part of the quota of keys', async (t) => {
  const { opened } = await openHeld(t)
  const { store, aliases, firstAccountId: accountId } = opened
  let made = 0
  const newKey = (manager: 'CUSTOMER' | 'AWS') => {
    const keyId = `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`
    const name = manager === 'AWS' ? `alias/aws/service${made}` : `alias/own${made}`
    return createKey(opened, keyId, { manager }, async (tx, stored) => {
      await aliases.create(tx, { accountId, region, name }, stored)
    })
  }
  const room = (keysPerAccountAndRegion: number) =>
    requireRoomForKey(store.db, { accountId, region }, { ...awsResourceQuotas, keysPerAccountAndRegion })

  await newKey('AWS')
  await newKey('AWS')
  await newKey('CUSTOMER')
  await room(2)
  await newKey('CUSTOMER')
  await assert.rejects(room(2), {
    code: 'LimitExceededException',
    message: 'Key quota for this account in this region is 2 but the current usage is 2.',
  })
  // A quota that was lowered takes nothing away.
  await assert.rejects(room(1), {
    message: 'Key quota for this account in this region is 1 but the current usage is 2.',
  })
  await requireRoomForKey(
    store.db,
    { accountId, region: 'eu-west-1' },
    { ...awsResourceQuotas, keysPerAccountAndRegion: 1 },
  )
})

test('a key that has more aliases than its quota, which was lowered, keeps them and gets none', () => {
  const quotas = { ...awsResourceQuotas, aliasesPerKey: 2 }
  requireRoomForAlias({ aliasNames: ['alias/a'] }, quotas)
  assert.throws(() => requireRoomForAlias({ aliasNames: ['alias/a', 'alias/b', 'alias/c'] }, quotas), {
    code: 'LimitExceededException',
    message: 'Aliases per key quota for this account in this region is 2, current usage is 3.',
  })
})
