import type { Members } from '../../shape.ts'
import { enums } from './enums.ts'
import { recipientInfo } from './recipient-shape.ts'
import { keyId } from './key-shapes.ts'

/**
 * The shapes of the operations with asymmetric and HMAC keys and of those that make key pairs, as AWS KMS publishes them
 * (API version 2014-11-01, read 2026-11). The reference gives Decapsulate's ciphertext no bounds.
 *
 * @see shapes.ts, which they are a part of
 */
const grantTokens = {
  type: 'list',
  max: 10,
  of: { type: 'string', min: 1, max: 8192 },
  unrecorded: true,
} as const
const contextMap = { type: 'map', key: { type: 'string' }, value: { type: 'string' } } as const

export const keyPairShapes = {
  Decapsulate: {
    input: {
      KeyId: keyId,
      SharedSecretCiphertextBlob: { type: 'blob', required: true },
      EncapsulationAlgorithm: { type: 'string', enum: enums.EncapsulationAlgorithmSpec, required: true },
      GrantTokens: grantTokens,
      DryRun: { type: 'boolean' },
    },
    output: {
      KeyId: { type: 'string' },
      SharedSecret: { type: 'blob', sensitive: true },
      EncapsulationAlgorithm: { type: 'string', enum: enums.EncapsulationAlgorithmSpec },
    },
  },
  DeriveSharedSecret: {
    input: {
      KeyId: keyId,
      KeyAgreementAlgorithm: { type: 'string', enum: enums.KeyAgreementAlgorithmSpec, required: true },
      PublicKey: { type: 'blob', min: 1, max: 8192, required: true },
      GrantTokens: grantTokens,
      DryRun: { type: 'boolean' },
      Recipient: recipientInfo,
    },
    output: {
      KeyId: { type: 'string' },
      SharedSecret: { type: 'blob', sensitive: true },
      CiphertextForRecipient: { type: 'blob' },
      KeyAgreementAlgorithm: { type: 'string', enum: enums.KeyAgreementAlgorithmSpec },
      KeyOrigin: { type: 'string', enum: enums.OriginType },
    },
  },
  Encapsulate: {
    input: {
      KeyId: keyId,
      EncapsulationAlgorithm: { type: 'string', enum: enums.EncapsulationAlgorithmSpec, required: true },
      GrantTokens: grantTokens,
      DryRun: { type: 'boolean' },
    },
    output: {
      KeyId: { type: 'string' },
      SharedSecret: { type: 'blob', sensitive: true },
      SharedSecretCiphertextBlob: { type: 'blob' },
      EncapsulationAlgorithm: { type: 'string', enum: enums.EncapsulationAlgorithmSpec },
    },
  },
  GenerateDataKeyPair: {
    input: {
      EncryptionContext: contextMap,
      KeyId: keyId,
      KeyPairSpec: { type: 'string', enum: enums.DataKeyPairSpec, required: true },
      GrantTokens: grantTokens,
      Recipient: recipientInfo,
      DryRun: { type: 'boolean' },
    },
    output: {
      PrivateKeyCiphertextBlob: { type: 'blob' },
      PrivateKeyPlaintext: { type: 'blob', sensitive: true },
      PublicKey: { type: 'blob' },
      KeyId: { type: 'string' },
      KeyPairSpec: { type: 'string', enum: enums.DataKeyPairSpec },
      CiphertextForRecipient: { type: 'blob' },
      KeyMaterialId: { type: 'string' },
    },
  },
  GenerateDataKeyPairWithoutPlaintext: {
    input: {
      EncryptionContext: contextMap,
      KeyId: keyId,
      KeyPairSpec: { type: 'string', enum: enums.DataKeyPairSpec, required: true },
      GrantTokens: grantTokens,
      DryRun: { type: 'boolean' },
    },
    output: {
      PrivateKeyCiphertextBlob: { type: 'blob' },
      PublicKey: { type: 'blob' },
      KeyId: { type: 'string' },
      KeyPairSpec: { type: 'string', enum: enums.DataKeyPairSpec },
      KeyMaterialId: { type: 'string' },
    },
  },
  GenerateMac: {
    input: {
      Message: { type: 'blob', min: 1, max: 4096, sensitive: true, required: true },
      KeyId: keyId,
      MacAlgorithm: { type: 'string', enum: enums.MacAlgorithmSpec, required: true },
      GrantTokens: grantTokens,
      DryRun: { type: 'boolean' },
    },
    output: {
      Mac: { type: 'blob' },
      MacAlgorithm: { type: 'string', enum: enums.MacAlgorithmSpec },
      KeyId: { type: 'string' },
    },
  },
  GetPublicKey: {
    input: {
      KeyId: keyId,
      GrantTokens: grantTokens,
    },
    output: {
      KeyId: { type: 'string' },
      PublicKey: { type: 'blob' },
      CustomerMasterKeySpec: { type: 'string', enum: enums.CustomerMasterKeySpec },
      KeySpec: { type: 'string', enum: enums.KeySpec },
      KeyUsage: { type: 'string', enum: enums.KeyUsageType },
      EncryptionAlgorithms: { type: 'list', of: { type: 'string', enum: enums.EncryptionAlgorithmSpec } },
      SigningAlgorithms: { type: 'list', of: { type: 'string', enum: enums.SigningAlgorithmSpec } },
      KeyAgreementAlgorithms: { type: 'list', of: { type: 'string', enum: enums.KeyAgreementAlgorithmSpec } },
      EncapsulationAlgorithms: {
        type: 'list',
        of: { type: 'string', enum: enums.EncapsulationAlgorithmSpec },
      },
    },
  },
  Sign: {
    input: {
      KeyId: keyId,
      Message: { type: 'blob', min: 1, max: 4096, sensitive: true, required: true },
      MessageType: { type: 'string', enum: enums.MessageType },
      GrantTokens: grantTokens,
      SigningAlgorithm: { type: 'string', enum: enums.SigningAlgorithmSpec, required: true },
      DryRun: { type: 'boolean' },
    },
    output: {
      KeyId: { type: 'string' },
      Signature: { type: 'blob' },
      SigningAlgorithm: { type: 'string', enum: enums.SigningAlgorithmSpec },
    },
  },
  Verify: {
    input: {
      KeyId: keyId,
      Message: { type: 'blob', min: 1, max: 4096, sensitive: true, required: true },
      MessageType: { type: 'string', enum: enums.MessageType },
      Signature: { type: 'blob', min: 1, max: 6144, required: true },
      SigningAlgorithm: { type: 'string', enum: enums.SigningAlgorithmSpec, required: true },
      GrantTokens: grantTokens,
      DryRun: { type: 'boolean' },
    },
    output: {
      KeyId: { type: 'string' },
      SignatureValid: { type: 'boolean' },
      SigningAlgorithm: { type: 'string', enum: enums.SigningAlgorithmSpec },
    },
  },
  VerifyMac: {
    input: {
      Message: { type: 'blob', min: 1, max: 4096, sensitive: true, required: true },
      KeyId: keyId,
      MacAlgorithm: { type: 'string', enum: enums.MacAlgorithmSpec, required: true },
      Mac: { type: 'blob', min: 1, max: 6144, required: true },
      GrantTokens: grantTokens,
      DryRun: { type: 'boolean' },
    },
    output: {
      KeyId: { type: 'string' },
      MacValid: { type: 'boolean' },
      MacAlgorithm: { type: 'string', enum: enums.MacAlgorithmSpec },
    },
  },
} as const satisfies Record<string, { input: Members; output: Members | null }>
