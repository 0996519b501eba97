import assert from 'node:assert/strict'
import { test } from 'node:test'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { settled } from '../multi-region-set.ts'
import { startServer } from '../server-process.ts'

test('changes that answer nothing name their key in responseElements where AWS’s records do, and only there', async () => {
  const server = await startServer()
  const kms = kmsClient(server)
  const [key, next] = [await newKey(kms, { MultiRegion: true }), await newKey(kms)]
  await kms.createAlias({ AliasName: 'alias/first', TargetKeyId: key.id })
  await kms.createAlias({ AliasName: 'alias/moving', TargetKeyId: next.id })
  await kms.updateAlias({ AliasName: 'alias/moving', TargetKeyId: key.id })
  await kms.deleteAlias({ AliasName: 'alias/first' })
  await kms.disableKey({ KeyId: key.id })
  await kms.enableKey({ KeyId: key.id })
  await kms.enableKeyRotation({ KeyId: key.id })
  await kms.disableKeyRotation({ KeyId: key.id })
  await kms.updateKeyDescription({ KeyId: key.id, Description: 'new' })
  await kms.tagResource({ KeyId: key.id, Tags: [{ TagKey: 'a', TagValue: 'b' }] })
  await kms.replicateKey({ KeyId: key.id, ReplicaRegion: 'eu-west-1' })
  await settled(kmsClient(server, { region: 'eu-west-1' }), key.id)
  await kms.updatePrimaryRegion({ KeyId: key.id, PrimaryRegion: 'eu-west-1' })
  await assert.rejects(kms.deleteAlias({ AliasName: 'alias/first' }))

  const { records } = await journalOf(server)
  await server.stop()
  const answerOf = (name: string) =>
    records.findLast(({ eventName, errorCode }) => eventName === name && errorCode === undefined)
      ?.responseElements
  for (const name of [
    'UpdateAlias',
    'DeleteAlias',
    'DisableKey',
    'EnableKey',
    'EnableKeyRotation',
    'UpdatePrimaryRegion',
  ])
    assert.deepEqual(answerOf(name), { keyId: key.arn }, name)
  assert.deepEqual(answerOf('CreateAlias'), { keyId: next.arn })
  for (const name of ['DisableKeyRotation', 'UpdateKeyDescription', 'TagResource'])
    assert.equal(answerOf(name), null, name)
  assert.equal(records.find(({ errorCode }) => errorCode === 'NotFoundException')?.responseElements, null)
})
