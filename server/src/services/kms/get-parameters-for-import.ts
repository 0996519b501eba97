import { partitionOf } from '../../arn.ts'
import { requireWrappable, requireWrapping } from '../../keys/import-wrapping.ts'
import { requireImports } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Makes a wrapping key for material that its owner is about to send: the public half, and a token that holds the other one.
 * Both are of use for a day, for this key.
 *
 * @see AWS KMS API Reference, GetParametersForImport
 */
export const getParametersForImport: Operation<'GetParametersForImport'> = async (
  request,
  { access, store, region, imports },
) => {
  const { WrappingAlgorithm, WrappingKeySpec } = request
  const wrapping = requireWrapping(WrappingAlgorithm, WrappingKeySpec, partitionOf(region))
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:GetParametersForImport', {
    values: { 'kms:wrappingalgorithm': WrappingAlgorithm, 'kms:wrappingkeyspec': WrappingKeySpec },
  })
  requireImports(key, 'import parameters')
  requireWrappable(key, wrapping)
  const { publicKey, token, expiresAtMs } = await imports.transport.parameters(key, wrapping)
  return {
    KeyId: key.arn,
    ImportToken: token,
    PublicKey: publicKey,
    ParametersValidTo: new Date(expiresAtMs),
  }
}
