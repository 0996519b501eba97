import type { KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { MaterialVersion } from '../../keys/material-version.ts'
import { requireSymmetricEncryption } from '../../keys/usable.ts'
import { expiration } from './key-metadata.ts'
import type { Operation } from './operation.ts'
import { afterMarker, pageLimit, pageOf } from './paging.ts'
import type { RotationsListEntry } from './rotation-shapes.ts'

/**
 * The completed rotations of a key, the oldest first; with ALL_KEY_MATERIAL also the material that it began with.
 *
 * @see AWS KMS API Reference, ListKeyRotations
 */
export const listKeyRotations: Operation<'ListKeyRotations'> = async (request, { access, keys, store }) => {
  const limit = pageLimit(request.Limit, { default: 100, max: 1000 })
  const after = afterMarker('ListKeyRotations', request.Marker)
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:ListKeyRotations')
  requireSymmetricEncryption(key)
  const withFirst = request.IncludeKeyMaterial === 'ALL_KEY_MATERIAL'
  const versions = await keys.versions(store.db, key)
  const asked = versions.filter(({ rotation }) => withFirst || rotation !== undefined)
  const from = after === '' ? 0 : asked.findIndex(({ materialId }) => materialId === after) + 1
  if (after !== '' && from === 0) throw new KmsError('InvalidMarkerException')
  const { items, next } = pageOf(
    asked.slice(from, from + limit + 1),
    limit,
    'ListKeyRotations',
    ({ materialId }) => materialId,
  )
  return { Rotations: items.map((version) => listEntry(key, version)), ...next }
}

function listEntry(
  key: KmsKey,
  { materialId, state, rotation, imported }: MaterialVersion,
): RotationsListEntry {
  return {
    KeyId: key.keyId,
    KeyMaterialId: materialId,
    KeyMaterialState: state,
    ...(imported && importedMembers(imported)),
    ...(rotation && { RotationDate: new Date(rotation.atMs), RotationType: rotation.type }),
  }
}

function importedMembers({
  state,
  description,
  validToMs,
}: NonNullable<MaterialVersion['imported']>): RotationsListEntry {
  return {
    ImportState: state,
    ...(description !== undefined && { KeyMaterialDescription: description }),
    ...(state === 'IMPORTED' && expiration(validToMs)),
  }
}
