import { requireImports } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Takes imported material away: the key cannot be used until the same is imported again. What waits for a rotation is
 * forgotten altogether.
 *
 * @see AWS KMS API Reference, DeleteImportedKeyMaterial
 */
export const deleteImportedKeyMaterial: Operation<'DeleteImportedKeyMaterial'> = async (
  request,
  { access, transition, imports },
) =>
  transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:DeleteImportedKeyMaterial')
    const { key } = stored
    requireImports(key, 'delete material')
    const materialId = await imports.material.remove(tx, stored, request.KeyMaterialId)
    return { KeyId: key.arn, ...(materialId !== undefined && { KeyMaterialId: materialId }) }
  })
