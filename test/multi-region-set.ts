import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { CreateKeyCommandInput, KeyMetadata, KMS, ReplicateKeyCommandInput } from '@aws-sdk/client-kms'
import { newKey } from './kms-client.ts'

const LIMIT_MS = 60_000

/** A new multi-Region key with replicas that can be used. */
export async function newSet(
  home: KMS,
  others: Readonly<Record<string, KMS>>,
  request: CreateKeyCommandInput = {},
): Promise<string> {
  const { id } = await newKey(home, { MultiRegion: true, ...request })
  for (const [region, kms] of Object.entries(others))
    await replicated(home, kms, { KeyId: id, ReplicaRegion: region })
  return id
}

/** Makes a replica, and waits until it is no longer being created. */
export async function replicated(
  home: KMS,
  away: KMS,
  request: ReplicateKeyCommandInput,
): Promise<KeyMetadata> {
  const { ReplicaKeyMetadata } = await home.replicateKey(request)
  assert.equal(ReplicaKeyMetadata?.KeyState, 'Creating')
  return await settled(away, ReplicaKeyMetadata.KeyId ?? '')
}

/** The key when nothing is under way with its set. */
export async function settled(kms: KMS, KeyId: string): Promise<KeyMetadata> {
  const endMs = Date.now() + LIMIT_MS
  for (;;) {
    const { KeyMetadata } = await kms.describeKey({ KeyId })
    assert.ok(KeyMetadata)
    if (KeyMetadata.KeyState !== 'Creating' && KeyMetadata.KeyState !== 'Updating') return KeyMetadata
    assert.ok(Date.now() < endMs, `it is still ${KeyMetadata.KeyState} after a minute`)
    await turn()
  }
}
