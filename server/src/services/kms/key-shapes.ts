import type { Members, Shape } from '../../shape.ts'
import { enums } from './enums.ts'

/**
 * Shapes that several operations have in common, as AWS KMS publishes them (API version 2014-11-01, read 2026-11).
 *
 * @see shapes.ts, which they are a part of
 */

/** A key id or key ARN; of some operations an alias as well. */
export const keyId = { type: 'string', min: 1, max: 2048, required: true } as const

export const marker = {
  type: 'string',
  min: 1,
  max: 1024,
  pattern: '[\\u0020-\\u00FF]*',
} as const satisfies Shape

/** What each page of a list ends with. */
export const nextPage = {
  NextMarker: { type: 'string' },
  Truncated: { type: 'boolean' },
} as const satisfies Members

const multiRegionKey = {
  type: 'structure',
  members: {
    Arn: { type: 'string' },
    Region: { type: 'string' },
  },
} as const satisfies Shape

const xksKeyConfigurationType = {
  type: 'structure',
  members: {
    Id: { type: 'string' },
  },
} as const satisfies Shape

const multiRegionConfiguration = {
  type: 'structure',
  members: {
    MultiRegionKeyType: { type: 'string', enum: enums.MultiRegionKeyType },
    PrimaryKey: multiRegionKey,
    ReplicaKeys: { type: 'list', of: multiRegionKey },
  },
} as const satisfies Shape

export const keyMetadata = {
  type: 'structure',
  members: {
    KeyId: { type: 'string', required: true },
    AWSAccountId: { type: 'string' },
    Arn: { type: 'string' },
    CreationDate: { type: 'timestamp' },
    Enabled: { type: 'boolean' },
    Description: { type: 'string' },
    KeyUsage: { type: 'string', enum: enums.KeyUsageType },
    KeyState: { type: 'string', enum: enums.KeyState },
    DeletionDate: { type: 'timestamp' },
    ValidTo: { type: 'timestamp' },
    Origin: { type: 'string', enum: enums.OriginType },
    CustomKeyStoreId: { type: 'string' },
    CloudHsmClusterId: { type: 'string' },
    ExpirationModel: { type: 'string', enum: enums.ExpirationModelType },
    KeyManager: { type: 'string', enum: enums.KeyManagerType },
    CustomerMasterKeySpec: { type: 'string', enum: enums.CustomerMasterKeySpec },
    KeySpec: { type: 'string', enum: enums.KeySpec },
    EncryptionAlgorithms: { type: 'list', of: { type: 'string', enum: enums.EncryptionAlgorithmSpec } },
    SigningAlgorithms: { type: 'list', of: { type: 'string', enum: enums.SigningAlgorithmSpec } },
    KeyAgreementAlgorithms: { type: 'list', of: { type: 'string', enum: enums.KeyAgreementAlgorithmSpec } },
    EncapsulationAlgorithms: { type: 'list', of: { type: 'string', enum: enums.EncapsulationAlgorithmSpec } },
    MultiRegion: { type: 'boolean' },
    MultiRegionConfiguration: multiRegionConfiguration,
    PendingDeletionWindowInDays: { type: 'integer' },
    MacAlgorithms: { type: 'list', of: { type: 'string', enum: enums.MacAlgorithmSpec } },
    XksKeyConfiguration: xksKeyConfigurationType,
    CurrentKeyMaterialId: { type: 'string' },
  },
} as const satisfies Shape

export const tag = {
  type: 'structure',
  members: {
    TagKey: { type: 'string', min: 1, max: 128, required: true },
    TagValue: { type: 'string', max: 256, required: true },
  },
} as const satisfies Shape
