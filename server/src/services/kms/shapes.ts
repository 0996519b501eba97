import type { Members, Shape, StructureOf } from '../../shape.ts'
import { enums } from './enums.ts'
import { grantShapes } from './grant-shapes.ts'
import { importShapes } from './import-shapes.ts'
import { keyPairShapes } from './key-pair-shapes.ts'
import { keyId, keyMetadata, marker, nextPage, tag } from './key-shapes.ts'
import { multiRegionShapes } from './multi-region-shapes.ts'
import { lastUsageShapes } from './last-usage-shapes.ts'
import { recipientInfo } from './recipient-shape.ts'
import { rotationShapes } from './rotation-shapes.ts'

/**
 * The shapes of the operations that Keywright answers, member by member, as AWS KMS publishes them
 * (API version 2014-11-01, read 2026-11).
 *
 * @see AWS KMS API Reference; docs/adr/0006-validation-table.md
 */
const keyListEntry = {
  type: 'structure',
  members: {
    KeyId: { type: 'string' },
    KeyArn: { type: 'string' },
  },
} as const satisfies Shape

const aliasListEntry = {
  type: 'structure',
  members: {
    AliasName: { type: 'string' },
    AliasArn: { type: 'string' },
    TargetKeyId: { type: 'string' },
    CreationDate: { type: 'timestamp' },
    LastUpdatedDate: { type: 'timestamp' },
  },
} as const satisfies Shape

export const operations = {
  ...grantShapes,
  ...importShapes,
  ...keyPairShapes,
  ...multiRegionShapes,
  ...lastUsageShapes,
  ...rotationShapes,
  CancelKeyDeletion: {
    input: {
      KeyId: keyId,
    },
    output: {
      KeyId: { type: 'string' },
    },
  },
  CreateAlias: {
    input: {
      AliasName: { type: 'string', min: 1, max: 256, pattern: '^[a-zA-Z0-9:/_-]+$', required: true },
      TargetKeyId: keyId,
    },
    output: null,
  },
  CreateKey: {
    input: {
      Policy: { type: 'string', min: 1, max: 131072, pattern: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+' },
      Description: { type: 'string', max: 8192 },
      KeyUsage: { type: 'string', enum: enums.KeyUsageType },
      CustomerMasterKeySpec: { type: 'string', enum: enums.CustomerMasterKeySpec },
      KeySpec: { type: 'string', enum: enums.KeySpec },
      Origin: { type: 'string', enum: enums.OriginType },
      CustomKeyStoreId: { type: 'string', min: 1, max: 64 },
      BypassPolicyLockoutSafetyCheck: { type: 'boolean' },
      Tags: { type: 'list', of: tag },
      MultiRegion: { type: 'boolean' },
      XksKeyId: { type: 'string', min: 1, max: 128, pattern: '^[a-zA-Z0-9-_.]+$' },
    },
    output: {
      KeyMetadata: keyMetadata,
    },
  },
  Decrypt: {
    input: {
      CiphertextBlob: { type: 'blob', min: 1, max: 6144 },
      EncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
      GrantTokens: { type: 'list', max: 10, of: { type: 'string', min: 1, max: 8192 }, unrecorded: true },
      KeyId: { type: 'string', min: 1, max: 2048 },
      EncryptionAlgorithm: { type: 'string', enum: enums.EncryptionAlgorithmSpec },
      Recipient: recipientInfo,
      DryRun: { type: 'boolean' },
      DryRunModifiers: { type: 'list', of: { type: 'string', enum: enums.DryRunModifierType } },
    },
    output: {
      KeyId: { type: 'string' },
      Plaintext: { type: 'blob', sensitive: true },
      EncryptionAlgorithm: { type: 'string', enum: enums.EncryptionAlgorithmSpec },
      CiphertextForRecipient: { type: 'blob' },
      KeyMaterialId: { type: 'string' },
    },
  },
  DeleteAlias: {
    input: {
      AliasName: { type: 'string', min: 1, max: 256, pattern: '^[a-zA-Z0-9:/_-]+$', required: true },
    },
    output: null,
  },
  DescribeKey: {
    input: {
      KeyId: keyId,
      GrantTokens: { type: 'list', max: 10, of: { type: 'string', min: 1, max: 8192 }, unrecorded: true },
    },
    output: {
      KeyMetadata: keyMetadata,
    },
  },
  DisableKey: {
    input: {
      KeyId: keyId,
    },
    output: null,
  },
  EnableKey: {
    input: {
      KeyId: keyId,
    },
    output: null,
  },
  Encrypt: {
    input: {
      KeyId: keyId,
      Plaintext: { type: 'blob', min: 1, max: 4096, sensitive: true, required: true },
      EncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
      GrantTokens: { type: 'list', max: 10, of: { type: 'string', min: 1, max: 8192 }, unrecorded: true },
      EncryptionAlgorithm: { type: 'string', enum: enums.EncryptionAlgorithmSpec },
      DryRun: { type: 'boolean' },
    },
    output: {
      CiphertextBlob: { type: 'blob' },
      KeyId: { type: 'string' },
      EncryptionAlgorithm: { type: 'string', enum: enums.EncryptionAlgorithmSpec },
    },
  },
  GenerateDataKey: {
    input: {
      KeyId: keyId,
      EncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
      NumberOfBytes: { type: 'integer', min: 1, max: 1024 },
      KeySpec: { type: 'string', enum: enums.DataKeySpec },
      GrantTokens: { type: 'list', max: 10, of: { type: 'string', min: 1, max: 8192 }, unrecorded: true },
      Recipient: recipientInfo,
      DryRun: { type: 'boolean' },
    },
    output: {
      CiphertextBlob: { type: 'blob' },
      Plaintext: { type: 'blob', sensitive: true },
      KeyId: { type: 'string' },
      CiphertextForRecipient: { type: 'blob' },
      KeyMaterialId: { type: 'string' },
    },
  },
  GenerateDataKeyWithoutPlaintext: {
    input: {
      KeyId: keyId,
      EncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
      KeySpec: { type: 'string', enum: enums.DataKeySpec },
      NumberOfBytes: { type: 'integer', min: 1, max: 1024 },
      GrantTokens: { type: 'list', max: 10, of: { type: 'string', min: 1, max: 8192 }, unrecorded: true },
      DryRun: { type: 'boolean' },
    },
    output: {
      CiphertextBlob: { type: 'blob' },
      KeyId: { type: 'string' },
      KeyMaterialId: { type: 'string' },
    },
  },
  GenerateRandom: {
    input: {
      NumberOfBytes: { type: 'integer', min: 1, max: 1024 },
      CustomKeyStoreId: { type: 'string', min: 1, max: 64 },
      Recipient: recipientInfo,
    },
    output: {
      Plaintext: { type: 'blob', sensitive: true },
      CiphertextForRecipient: { type: 'blob' },
    },
  },
  GetKeyPolicy: {
    input: {
      KeyId: keyId,
      PolicyName: { type: 'string', min: 1, max: 128, pattern: '[\\w]+' },
    },
    output: {
      Policy: { type: 'string' },
      PolicyName: { type: 'string' },
    },
  },
  ListAliases: {
    input: {
      KeyId: { type: 'string', min: 1, max: 2048 },
      Limit: { type: 'integer', min: 1, max: 1000 },
      Marker: marker,
    },
    output: {
      Aliases: { type: 'list', of: aliasListEntry },
      ...nextPage,
    },
  },
  ListKeyPolicies: {
    input: {
      KeyId: keyId,
      Limit: { type: 'integer', min: 1, max: 1000 },
      Marker: marker,
    },
    output: {
      PolicyNames: { type: 'list', of: { type: 'string' } },
      ...nextPage,
    },
  },
  ListKeys: {
    input: {
      Limit: { type: 'integer', min: 1, max: 1000 },
      Marker: marker,
    },
    output: {
      Keys: { type: 'list', of: keyListEntry },
      ...nextPage,
    },
  },
  ListResourceTags: {
    input: {
      KeyId: keyId,
      Limit: { type: 'integer', min: 1, max: 1000 },
      Marker: marker,
    },
    output: {
      Tags: { type: 'list', of: tag },
      ...nextPage,
    },
  },
  PutKeyPolicy: {
    input: {
      KeyId: keyId,
      Policy: {
        type: 'string',
        min: 1,
        max: 131072,
        pattern: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+',
        required: true,
      },
      PolicyName: { type: 'string', min: 1, max: 128, pattern: '[\\w]+' },
      BypassPolicyLockoutSafetyCheck: { type: 'boolean' },
    },
    output: null,
  },
  ReEncrypt: {
    input: {
      DestinationKeyId: keyId,
      CiphertextBlob: { type: 'blob', min: 1, max: 6144 },
      SourceEncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
      SourceKeyId: { type: 'string', min: 1, max: 2048 },
      DestinationEncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
      SourceEncryptionAlgorithm: { type: 'string', enum: enums.EncryptionAlgorithmSpec },
      DestinationEncryptionAlgorithm: { type: 'string', enum: enums.EncryptionAlgorithmSpec },
      GrantTokens: { type: 'list', max: 10, of: { type: 'string', min: 1, max: 8192 }, unrecorded: true },
      DryRun: { type: 'boolean' },
      DryRunModifiers: { type: 'list', of: { type: 'string', enum: enums.DryRunModifierType } },
    },
    output: {
      CiphertextBlob: { type: 'blob' },
      SourceKeyId: { type: 'string' },
      KeyId: { type: 'string' },
      SourceEncryptionAlgorithm: { type: 'string', enum: enums.EncryptionAlgorithmSpec },
      DestinationEncryptionAlgorithm: { type: 'string', enum: enums.EncryptionAlgorithmSpec },
      SourceKeyMaterialId: { type: 'string' },
      DestinationKeyMaterialId: { type: 'string' },
    },
  },
  ScheduleKeyDeletion: {
    input: {
      KeyId: keyId,
      // AWS's model allows 1 to 365; its service and documentation hold 7 to 30.
      PendingWindowInDays: { type: 'integer', min: 7, max: 30 },
    },
    output: {
      KeyId: { type: 'string' },
      DeletionDate: { type: 'timestamp' },
      KeyState: { type: 'string', enum: enums.KeyState },
      PendingWindowInDays: { type: 'integer' },
    },
  },
  TagResource: {
    input: {
      KeyId: keyId,
      Tags: { type: 'list', of: tag, required: true },
    },
    output: null,
  },
  UntagResource: {
    input: {
      KeyId: keyId,
      TagKeys: { type: 'list', of: { type: 'string', min: 1, max: 128 }, required: true },
    },
    output: null,
  },
  UpdateAlias: {
    input: {
      AliasName: { type: 'string', min: 1, max: 256, pattern: '^[a-zA-Z0-9:/_-]+$', required: true },
      TargetKeyId: keyId,
    },
    output: null,
  },
  UpdateKeyDescription: {
    input: {
      KeyId: keyId,
      Description: { type: 'string', max: 8192, required: true },
    },
    output: null,
  },
} as const satisfies Record<string, { input: Members; output: Members | null }>

export type OperationName = keyof typeof operations

/** A checked request of an operation. */
export type RequestOf<Name extends OperationName> = StructureOf<(typeof operations)[Name]['input']>

/** The answer of an operation; undefined where AWS sends an empty body. */
export type ResponseOf<Name extends OperationName> = (typeof operations)[Name]['output'] extends infer O
  ? O extends Members
    ? StructureOf<O>
    : undefined
  : never

export type KeyMetadata = StructureOf<typeof keyMetadata.members>
