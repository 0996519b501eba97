import { generateKeyPairSync } from 'node:crypto'
import type { KMS } from '@aws-sdk/client-kms'
import type { Kind } from './key-in-each-state.ts'

/** What a call is made with: the key, and what was made with it before. */
interface Made {
  readonly KeyId: string
  readonly made: Uint8Array | undefined
}

export interface Use extends Made {
  /** An enabled symmetric key of the same Region, for what takes two keys. */
  readonly other: Made
}

type Call = (kms: KMS, use: Use) => Promise<unknown>

const Message = Buffer.from('a message')
const Plaintext = Buffer.from('a plaintext')
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const PublicKey = publicKey.export({ type: 'spki', format: 'der' })
const KeyPairSpec = 'ECC_NIST_P256'
const MacAlgorithm = 'HMAC_SHA_256'
const EncapsulationAlgorithm = 'ML_KEM'

const encryption = (
  EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' | 'RSAES_OAEP_SHA_256',
): Readonly<Record<string, Call>> => ({
  Encrypt: (kms, { KeyId }) => kms.encrypt({ KeyId, Plaintext, EncryptionAlgorithm }),
  Decrypt: (kms, { KeyId, made }) => kms.decrypt({ KeyId, CiphertextBlob: made, EncryptionAlgorithm }),
  'ReEncrypt from': (kms, { KeyId, made, other }) =>
    kms.reEncrypt({
      SourceKeyId: KeyId,
      CiphertextBlob: made,
      SourceEncryptionAlgorithm: EncryptionAlgorithm,
      DestinationKeyId: other.KeyId,
    }),
  'ReEncrypt to': (kms, { KeyId, other }) =>
    kms.reEncrypt({
      CiphertextBlob: other.made,
      DestinationKeyId: KeyId,
      DestinationEncryptionAlgorithm: EncryptionAlgorithm,
    }),
})

const signing = (
  SigningAlgorithm: 'RSASSA_PSS_SHA_256' | 'ECDSA_SHA_256' | 'ML_DSA_SHAKE_256',
): Readonly<Record<string, Call>> => ({
  Sign: (kms, { KeyId }) => kms.sign({ KeyId, Message, SigningAlgorithm }),
  Verify: (kms, { KeyId, made }) => kms.verify({ KeyId, Message, SigningAlgorithm, Signature: made }),
})

const GetPublicKey: Call = (kms, { KeyId }) => kms.getPublicKey({ KeyId })

/** What each kind of key is for. */
export const usesOf: Readonly<Record<Kind['name'], Readonly<Record<string, Call>>>> = {
  symmetric: {
    ...encryption('SYMMETRIC_DEFAULT'),
    GenerateDataKey: (kms, { KeyId }) => kms.generateDataKey({ KeyId, KeySpec: 'AES_256' }),
    GenerateDataKeyWithoutPlaintext: (kms, { KeyId }) =>
      kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256' }),
    GenerateDataKeyPair: (kms, { KeyId }) => kms.generateDataKeyPair({ KeyId, KeyPairSpec }),
    GenerateDataKeyPairWithoutPlaintext: (kms, { KeyId }) =>
      kms.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec }),
  },
  'RSA signing': { ...signing('RSASSA_PSS_SHA_256'), GetPublicKey },
  'EC signing': { ...signing('ECDSA_SHA_256'), GetPublicKey },
  'ML-DSA signing': { ...signing('ML_DSA_SHAKE_256'), GetPublicKey },
  'RSA encryption': { ...encryption('RSAES_OAEP_SHA_256'), GetPublicKey },
  HMAC: {
    GenerateMac: (kms, { KeyId }) => kms.generateMac({ KeyId, Message, MacAlgorithm }),
    VerifyMac: (kms, { KeyId, made }) => kms.verifyMac({ KeyId, Message, MacAlgorithm, Mac: made }),
  },
  agreement: {
    DeriveSharedSecret: (kms, { KeyId }) =>
      kms.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey }),
    GetPublicKey,
  },
  encapsulation: {
    Encapsulate: (kms, { KeyId }) => kms.encapsulate({ KeyId, EncapsulationAlgorithm }),
    Decapsulate: (kms, { KeyId, made }) =>
      kms.decapsulate({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob: made }),
    GetPublicKey,
  },
}

/** What is encrypted, signed or authenticated with a key, so that its other half can be asked for later. */
export async function madeWith(kms: KMS, KeyId: string, { name }: Kind): Promise<Uint8Array | undefined> {
  const { Encrypt, Sign, GenerateMac, Encapsulate } = usesOf[name]
  const make = Encrypt ?? Sign ?? GenerateMac ?? Encapsulate
  if (make === undefined) return undefined
  const nothing = { KeyId, made: undefined }
  const answer = (await make(kms, { ...nothing, other: nothing })) as Record<string, Uint8Array | undefined>
  return (
    answer['CiphertextBlob'] ?? answer['Signature'] ?? answer['Mac'] ?? answer['SharedSecretCiphertextBlob']
  )
}
