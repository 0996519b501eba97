import type { Members } from '../../shape.ts'
import { enums } from './enums.ts'
import { keyId } from './key-shapes.ts'

/**
 * The shapes of the operations on imported key material, as AWS KMS publishes them (API version 2014-11-01, read 2026-11).
 *
 * @see shapes.ts, which they are a part of
 */
const keyMaterialId = { type: 'string', min: 64, max: 64, pattern: '^[a-f0-9]+$' } as const

export const importShapes = {
  DeleteImportedKeyMaterial: {
    input: { KeyId: keyId, KeyMaterialId: keyMaterialId },
    output: { KeyId: { type: 'string' }, KeyMaterialId: { type: 'string' } },
  },
  GetParametersForImport: {
    input: {
      KeyId: keyId,
      WrappingAlgorithm: { type: 'string', enum: enums.AlgorithmSpec, required: true },
      WrappingKeySpec: { type: 'string', enum: enums.WrappingKeySpec, required: true },
    },
    output: {
      KeyId: { type: 'string' },
      ImportToken: { type: 'blob' },
      PublicKey: { type: 'blob', sensitive: true },
      ParametersValidTo: { type: 'timestamp' },
    },
  },
  ImportKeyMaterial: {
    input: {
      KeyId: keyId,
      ImportToken: { type: 'blob', min: 1, max: 6144, required: true },
      EncryptedKeyMaterial: { type: 'blob', min: 1, max: 6144, required: true },
      ValidTo: { type: 'timestamp' },
      ExpirationModel: { type: 'string', enum: enums.ExpirationModelType },
      ImportType: { type: 'string', enum: enums.ImportType },
      KeyMaterialDescription: { type: 'string', max: 256, pattern: '^[a-zA-Z0-9:/_\\s.-]+$' },
      KeyMaterialId: keyMaterialId,
    },
    output: { KeyId: { type: 'string' }, KeyMaterialId: { type: 'string' } },
  },
} as const satisfies Record<string, { input: Members; output: Members | null }>
