import { generateKeyPairSync } from 'node:crypto'
import type { CreateKeyCommandInput, GrantOperation, KMS } from '@aws-sdk/client-kms'

/** The account of the server that they are asked of. */
export const ACCOUNT = '111122223333'

/** What each of them takes beside a request's own members. */
export interface Common {
  readonly KeyId: string
  readonly GrantTokens?: string[]
  readonly DryRun?: boolean
}

/** An operation on a key of its kind, which works. */
export interface Subject {
  readonly operation: GrantOperation
  readonly key: CreateKeyCommandInput
  call(kms: KMS, request: Common): Promise<unknown>
  /** What a policy can go by, and a value that the request does not have. */
  readonly conditions: Readonly<Record<string, readonly [said: string, another: string]>>
  /** What CloudTrail records of the request, beside the key. */
  readonly recorded: object
  readonly noDryRun?: true
}

export const signing = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' } as const
export const macs = { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' } as const
export const agreement = { KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' } as const
export const kem = { KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' } as const
export const rsa = { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' } as const

const Message = Buffer.from('a message that nobody writes down')
const Plaintext = Buffer.from('a plaintext that nobody writes down')
const SigningAlgorithm = 'ECDSA_SHA_256'
const MacAlgorithm = 'HMAC_SHA_256'
export const KeyAgreementAlgorithm = 'ECDH'
const EncapsulationAlgorithm = 'ML_KEM'
const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
export const KeyPairSpec = 'ECC_NIST_P256'
const EncryptionContext = { purpose: 'pairs' }
const { publicKey: peer } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
export const PublicKey = peer.export({ type: 'spki', format: 'der' })

const ofKey = (key: { KeySpec: string; KeyUsage: string }) =>
  ({
    'kms:KeySpec': [key.KeySpec, 'RSA_3072'],
    'kms:KeyUsage': [key.KeyUsage, 'WRAP_UNWRAP'],
    'kms:KeyOrigin': ['AWS_KMS', 'EXTERNAL'],
    'kms:CallerAccount': [ACCOUNT, '444455556666'],
  }) as const
const signingConditions = {
  ...ofKey(signing),
  'kms:SigningAlgorithm': [SigningAlgorithm, 'ECDSA_SHA_384'],
  // The request does not say it.
  'kms:MessageType': ['RAW', 'DIGEST'],
} as const
const pairConditions = {
  'kms:KeySpec': ['SYMMETRIC_DEFAULT', 'RSA_2048'],
  'kms:DataKeyPairSpec': [KeyPairSpec, 'RSA_2048'],
  'kms:EncryptionAlgorithm': ['SYMMETRIC_DEFAULT', EncryptionAlgorithm],
  'kms:EncryptionContext:purpose': ['pairs', 'keys'],
  'kms:EncryptionContextKeys': ['purpose', 'owner'],
} as const
const encryptionConditions = {
  ...ofKey(rsa),
  'kms:EncryptionAlgorithm': [EncryptionAlgorithm, 'SYMMETRIC_DEFAULT'],
} as const

/** @param admin who may do everything, and makes once for each key what is to be verified or opened with it */
export function keyTypeSubjects(admin: KMS): readonly Subject[] {
  const made = new Map<string, Promise<Uint8Array | undefined>>()
  const once = (KeyId: string, make: () => Promise<Uint8Array | undefined>) => {
    let found = made.get(KeyId)
    if (found === undefined) made.set(KeyId, (found = make()))
    return found
  }
  return [
    {
      operation: 'Sign',
      key: signing,
      call: (kms, request) => kms.sign({ ...request, Message, SigningAlgorithm }),
      conditions: signingConditions,
      recorded: { signingAlgorithm: SigningAlgorithm },
    },
    {
      operation: 'Verify',
      key: signing,
      call: async (kms, request) => {
        const { KeyId } = request
        const sign = async () => (await admin.sign({ KeyId, Message, SigningAlgorithm })).Signature
        const Signature = await once(KeyId, sign)
        return kms.verify({ ...request, Message, MessageType: 'RAW', SigningAlgorithm, Signature })
      },
      conditions: signingConditions,
      recorded: { signingAlgorithm: SigningAlgorithm, messageType: 'RAW' },
    },
    {
      operation: 'GenerateMac',
      key: macs,
      call: (kms, request) => kms.generateMac({ ...request, Message, MacAlgorithm }),
      conditions: { ...ofKey(macs), 'kms:MacAlgorithm': [MacAlgorithm, 'HMAC_SHA_512'] },
      recorded: { macAlgorithm: MacAlgorithm },
    },
    {
      operation: 'VerifyMac',
      key: macs,
      call: async (kms, request) => {
        const { KeyId } = request
        const make = async () => (await admin.generateMac({ KeyId, Message, MacAlgorithm })).Mac
        return kms.verifyMac({ ...request, Message, MacAlgorithm, Mac: await once(KeyId, make) })
      },
      conditions: { ...ofKey(macs), 'kms:MacAlgorithm': [MacAlgorithm, 'HMAC_SHA_512'] },
      recorded: { macAlgorithm: MacAlgorithm },
    },
    {
      operation: 'DeriveSharedSecret',
      key: agreement,
      call: (kms, request) => kms.deriveSharedSecret({ ...request, KeyAgreementAlgorithm, PublicKey }),
      conditions: { ...ofKey(agreement), 'kms:KeyAgreementAlgorithm': [KeyAgreementAlgorithm, 'DH'] },
      recorded: { keyAgreementAlgorithm: KeyAgreementAlgorithm },
    },
    {
      operation: 'Encapsulate',
      key: kem,
      call: (kms, request) => kms.encapsulate({ ...request, EncapsulationAlgorithm }),
      conditions: ofKey(kem),
      recorded: { encapsulationAlgorithm: EncapsulationAlgorithm },
    },
    {
      operation: 'Decapsulate',
      key: kem,
      call: async (kms, request) => {
        const { KeyId } = request
        const make = async () =>
          (await admin.encapsulate({ KeyId, EncapsulationAlgorithm })).SharedSecretCiphertextBlob
        const SharedSecretCiphertextBlob = await once(KeyId, make)
        return kms.decapsulate({ ...request, EncapsulationAlgorithm, SharedSecretCiphertextBlob })
      },
      conditions: ofKey(kem),
      recorded: { encapsulationAlgorithm: EncapsulationAlgorithm },
    },
    {
      operation: 'GetPublicKey',
      key: signing,
      call: (kms, { KeyId, GrantTokens }) => kms.getPublicKey({ KeyId, GrantTokens }),
      conditions: ofKey(signing),
      recorded: {},
      noDryRun: true,
    },
    {
      operation: 'GenerateDataKeyPair',
      key: {},
      call: (kms, request) => kms.generateDataKeyPair({ ...request, KeyPairSpec, EncryptionContext }),
      conditions: pairConditions,
      recorded: { keyPairSpec: KeyPairSpec, encryptionContext: EncryptionContext },
    },
    {
      operation: 'GenerateDataKeyPairWithoutPlaintext',
      key: {},
      call: (kms, request) =>
        kms.generateDataKeyPairWithoutPlaintext({ ...request, KeyPairSpec, EncryptionContext }),
      conditions: pairConditions,
      recorded: { keyPairSpec: KeyPairSpec, encryptionContext: EncryptionContext },
    },
    {
      operation: 'Encrypt',
      key: rsa,
      call: (kms, request) => kms.encrypt({ ...request, Plaintext, EncryptionAlgorithm }),
      conditions: encryptionConditions,
      recorded: { encryptionAlgorithm: EncryptionAlgorithm },
    },
    {
      operation: 'Decrypt',
      key: rsa,
      call: async (kms, request) => {
        const { KeyId } = request
        const make = async () =>
          (await admin.encrypt({ KeyId, Plaintext, EncryptionAlgorithm })).CiphertextBlob
        return kms.decrypt({ ...request, EncryptionAlgorithm, CiphertextBlob: await once(KeyId, make) })
      },
      conditions: encryptionConditions,
      recorded: { encryptionAlgorithm: EncryptionAlgorithm },
    },
  ]
}
