import { isSymmetricEncryption } from '../../keys/key-type.ts'
import { multiRegionType, type KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireImports } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'
import type { RequestOf } from './shapes.ts'

const DAY_MS = 86_400_000
const LONGEST_DAYS = 365

/**
 * Gives a key material that its owner made: new material, or the same again after it was deleted or has expired, or to set
 * another expiry.
 *
 * @see AWS KMS API Reference, ImportKeyMaterial
 */
export const importKeyMaterial: Operation<'ImportKeyMaterial'> = async (
  request,
  { access, store, transition, imports, now },
) => {
  const { model, validToMs } = requireExpiry(request, now())
  requireOneMeaning(request)
  const asked = {
    values: {
      'kms:expirationmodel': model,
      ...(validToMs !== undefined && { 'kms:validto': new Date(validToMs).toISOString() }),
    },
  }
  const { key: named } = await access.toManage(store.db, request.KeyId, 'kms:ImportKeyMaterial', asked)
  requireImportable(named, request)
  const material = await imports.transport.receive(named, {
    token: request.ImportToken,
    wrapped: request.EncryptedKeyMaterial,
  })
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:ImportKeyMaterial', asked)
    requireImportable(stored.key, request)
    const { key, materialId } = await imports.material.put(tx, stored, material, {
      type: request.ImportType,
      validToMs,
      description: request.KeyMaterialDescription,
      materialId: request.KeyMaterialId,
    })
    return { KeyId: key.arn, ...(isSymmetricEncryption(key) && { KeyMaterialId: materialId }) }
  }).finally(() => {
    material.bytes.fill(0)
  })
}

function requireExpiry({ ExpirationModel: model = 'KEY_MATERIAL_EXPIRES', ValidTo }: Request, nowMs: number) {
  if (model === 'KEY_MATERIAL_DOES_NOT_EXPIRE') {
    if (ValidTo === undefined) return { model, validToMs: undefined }
    throw invalid('A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE')
  }
  if (ValidTo === undefined) {
    throw invalid('A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES')
  }
  const validToMs = ValidTo.getTime()
  if (!(validToMs > nowMs)) throw invalid('The validTo date must be in the future')
  if (validToMs > nowMs + LONGEST_DAYS * DAY_MS) {
    throw invalid(`The validTo date must be within ${LONGEST_DAYS} days from now`)
  }
  return { model, validToMs }
}

/** New material has no id yet. */
function requireOneMeaning({ ImportType, KeyMaterialId }: Request): void {
  if (ImportType !== 'NEW_KEY_MATERIAL' || KeyMaterialId === undefined) return
  throw invalid('KeyMaterialId must not be specified if the ImportType is NEW_KEY_MATERIAL')
}

function requireImportable(key: KmsKey, request: Request): void {
  requireImports(key, 'import')
  const { ImportType, KeyMaterialDescription, KeyMaterialId } = request
  if (!isSymmetricEncryption(key)) {
    const given = Object.entries({ ImportType, KeyMaterialDescription, KeyMaterialId })
    const [name] = given.find(([, value]) => value !== undefined) ?? []
    if (name === undefined) return
    throw unsupported(`${name} is not supported for ${key.arn}: its key spec is ${key.spec}.`)
  }
  // It is the primary key's, and its replicas'.
  if (KeyMaterialDescription !== undefined && multiRegionType(key) === 'REPLICA') {
    throw unsupported(
      `KeyMaterialDescription is not supported for ${key.arn}: it is a multi-region replica key.`,
    )
  }
}

type Request = RequestOf<'ImportKeyMaterial'>

function invalid(message: string): KmsError {
  return new KmsError('ValidationException', message)
}

function unsupported(message: string): KmsError {
  return new KmsError('UnsupportedOperationException', message)
}
