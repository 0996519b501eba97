import type { LoadedKey } from '../../keys/keys.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireNotPendingDeletion } from '../../keys/usable.ts'
import { deprecatedSpec, keyAlgorithms } from './key-metadata.ts'
import type { Operation } from './operation.ts'

/**
 * Returns the public half of a key pair, and what it is for. Of a disabled key too: what was encrypted or signed with it is
 * out in the world.
 *
 * @see AWS KMS API Reference, GetPublicKey
 */
export const getPublicKey: Operation<'GetPublicKey'> = async (request, { access }) => {
  const asked = { grantTokens: request.GrantTokens }
  const loaded = await access.forUse(request.KeyId, 'kms:GetPublicKey', asked, 'InvalidArnException')
  const { key } = loaded
  requireNotPendingDeletion(key)
  return {
    KeyId: key.arn,
    PublicKey: publicKeyOf(loaded),
    ...deprecatedSpec(key),
    KeySpec: key.spec,
    KeyUsage: key.usage,
    ...keyAlgorithms(key),
  }
}

function publicKeyOf({ key, material }: LoadedKey): Buffer {
  if ('publicKey' in material) return material.publicKey
  throw new KmsError(
    'UnsupportedOperationException',
    `${key.arn} key spec is ${key.spec} which is not valid for this operation.`,
  )
}
