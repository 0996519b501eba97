import type { MacHash, OaepScheme, SignatureScheme, SignedInput } from '../crypto/schemes.ts'

interface SigningAlgorithmFacts {
  readonly scheme: SignatureScheme
  /** What may be given, by AWS's MessageType. */
  readonly inputs: { readonly [Type in MessageType]?: SignedInput }
  /** What AWS takes and is refused here. */
  readonly unsupportedInput?: MessageType
  /** The length of a digest or of μ. */
  readonly digestBytes?: number
}

export type MessageType = 'RAW' | 'DIGEST' | 'EXTERNAL_MU'

const rawOrDigest = { RAW: 'message', DIGEST: 'digest' } as const

export const signingAlgorithms = {
  RSASSA_PSS_SHA_256: { scheme: { type: 'rsa-pss', hash: 'sha256' }, inputs: rawOrDigest, digestBytes: 32 },
  RSASSA_PSS_SHA_384: { scheme: { type: 'rsa-pss', hash: 'sha384' }, inputs: rawOrDigest, digestBytes: 48 },
  RSASSA_PSS_SHA_512: { scheme: { type: 'rsa-pss', hash: 'sha512' }, inputs: rawOrDigest, digestBytes: 64 },
  RSASSA_PKCS1_V1_5_SHA_256: {
    scheme: { type: 'rsa-pkcs1-v1.5', hash: 'sha256' },
    inputs: rawOrDigest,
    digestBytes: 32,
  },
  RSASSA_PKCS1_V1_5_SHA_384: {
    scheme: { type: 'rsa-pkcs1-v1.5', hash: 'sha384' },
    inputs: rawOrDigest,
    digestBytes: 48,
  },
  RSASSA_PKCS1_V1_5_SHA_512: {
    scheme: { type: 'rsa-pkcs1-v1.5', hash: 'sha512' },
    inputs: rawOrDigest,
    digestBytes: 64,
  },
  ECDSA_SHA_256: { scheme: { type: 'ecdsa', hash: 'sha256' }, inputs: rawOrDigest, digestBytes: 32 },
  ECDSA_SHA_384: { scheme: { type: 'ecdsa', hash: 'sha384' }, inputs: rawOrDigest, digestBytes: 48 },
  ECDSA_SHA_512: { scheme: { type: 'ecdsa', hash: 'sha512' }, inputs: rawOrDigest, digestBytes: 64 },
  // A digest is to be SM3(Z ‖ M). OpenSSL signs it and node:crypto hands none to it: docs/api-coverage.md.
  SM2DSA: {
    scheme: { type: 'sm2dsa' },
    inputs: { RAW: 'message' },
    unsupportedInput: 'DIGEST',
    digestBytes: 32,
  },
  ML_DSA_SHAKE_256: {
    scheme: { type: 'ml-dsa' },
    inputs: { RAW: 'message', EXTERNAL_MU: 'mu' },
    digestBytes: 64,
  },
  ED25519_SHA_512: { scheme: { type: 'ed25519' }, inputs: { RAW: 'message' } },
  ED25519_PH_SHA_512: { scheme: { type: 'ed25519ph' }, inputs: { DIGEST: 'digest' }, digestBytes: 64 },
} as const satisfies Record<string, SigningAlgorithmFacts>

export type SigningAlgorithm = keyof typeof signingAlgorithms

export function signingFacts(algorithm: SigningAlgorithm): SigningAlgorithmFacts {
  return signingAlgorithms[algorithm]
}

export const macAlgorithms = {
  HMAC_SHA_224: 'sha224',
  HMAC_SHA_256: 'sha256',
  HMAC_SHA_384: 'sha384',
  HMAC_SHA_512: 'sha512',
} as const satisfies Record<string, MacHash>

export type MacAlgorithm = keyof typeof macAlgorithms

/** OAEP leaves of a modulus what two hashes and two bytes do not need (RFC 8017, section 7.1.1). */
export const asymmetricEncryptionAlgorithms = {
  RSAES_OAEP_SHA_1: { scheme: { hash: 'sha1' }, overheadBytes: 2 * 20 + 2 },
  RSAES_OAEP_SHA_256: { scheme: { hash: 'sha256' }, overheadBytes: 2 * 32 + 2 },
} as const satisfies Record<string, { scheme: OaepScheme; overheadBytes: number }>

export type AsymmetricEncryptionAlgorithm = keyof typeof asymmetricEncryptionAlgorithms
/** No key has SM2PKE, which is refused. */
export type EncryptionAlgorithm = 'SYMMETRIC_DEFAULT' | AsymmetricEncryptionAlgorithm | 'SM2PKE'

export const encryptionAlgorithms: readonly EncryptionAlgorithm[] = [
  'SYMMETRIC_DEFAULT',
  ...namesOf(asymmetricEncryptionAlgorithms),
  'SM2PKE',
]

export type KeyAgreementAlgorithm = 'ECDH'
export type EncapsulationAlgorithm = 'ML_KEM'

/** The names in one of these tables, in its order. */
export function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table) as Name[]
}
