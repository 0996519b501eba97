import { keyType } from '../../keys/key-type.ts'
import type { LoadedKey } from '../../keys/keys.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireState } from '../../keys/usable.ts'
import { deprecatedSpec, keyAlgorithms } from './key-metadata.ts'
import type { KmsContext, Operation } from './operation.ts'

/**
 * Returns the public half of a key pair, and what it is for. Of a disabled key too: what was encrypted or signed with it is
 * out in the world. Of one whose imported material is gone, too.
 *
 * @see AWS KMS API Reference, GetPublicKey
 */
export const getPublicKey: Operation<'GetPublicKey'> = async (request, context) => {
  const asked = { grantTokens: request.GrantTokens }
  const loaded = await context.access.forUse(request.KeyId, 'kms:GetPublicKey', asked, 'InvalidArnException')
  const { key } = loaded
  requireState(key, 'public key')
  return {
    KeyId: key.arn,
    PublicKey: await publicKeyOf(loaded, context),
    ...deprecatedSpec(key),
    KeySpec: key.spec,
    KeyUsage: key.usage,
    ...keyAlgorithms(key),
  }
}

async function publicKeyOf({ key, material }: LoadedKey, { keys, store }: KmsContext): Promise<Buffer> {
  if (material !== undefined && 'publicKey' in material) return material.publicKey
  if (keyType(key) === 'asymmetric') {
    const imported = await keys.materials.rows(store.db, key)
    const [kept] = imported.flatMap(({ public_key }) => public_key ?? [])
    if (kept !== undefined) return kept
    throw new KmsError('KMSInvalidStateException', `${key.arn} is pending import.`)
  }
  throw new KmsError(
    'UnsupportedOperationException',
    `${key.arn} key spec is ${key.spec} which is not valid for this operation.`,
  )
}
