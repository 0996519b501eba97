import type { KeySpec, KeyUsageType, KMS } from '@aws-sdk/client-kms'
import { newKey } from './kms-client.ts'

export interface KeyType {
  readonly KeySpec: KeySpec
  readonly KeyUsage: KeyUsageType
  readonly algorithms: readonly string[]
}

const rsaSigning = ['PKCS1_V1_5', 'PSS'].flatMap((padding) =>
  ['256', '384', '512'].map((bits) => `RSASSA_${padding}_SHA_${bits}`),
)
const rsaEncryption = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256']

/**
 * Every kind of KMS key outside China, with its algorithms, set down from the documentation and not from the server's own table.
 * @see AWS KMS Developer Guide, "Key spec reference"
 */
export const keyTypes: readonly KeyType[] = [
  { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT', algorithms: ['SYMMETRIC_DEFAULT'] },
  { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT', algorithms: rsaEncryption },
  { KeySpec: 'RSA_3072', KeyUsage: 'ENCRYPT_DECRYPT', algorithms: rsaEncryption },
  { KeySpec: 'RSA_4096', KeyUsage: 'ENCRYPT_DECRYPT', algorithms: rsaEncryption },
  { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', algorithms: rsaSigning },
  { KeySpec: 'RSA_3072', KeyUsage: 'SIGN_VERIFY', algorithms: rsaSigning },
  { KeySpec: 'RSA_4096', KeyUsage: 'SIGN_VERIFY', algorithms: rsaSigning },
  { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', algorithms: ['ECDSA_SHA_256'] },
  { KeySpec: 'ECC_NIST_P384', KeyUsage: 'SIGN_VERIFY', algorithms: ['ECDSA_SHA_384'] },
  { KeySpec: 'ECC_NIST_P521', KeyUsage: 'SIGN_VERIFY', algorithms: ['ECDSA_SHA_512'] },
  { KeySpec: 'ECC_SECG_P256K1', KeyUsage: 'SIGN_VERIFY', algorithms: ['ECDSA_SHA_256'] },
  {
    KeySpec: 'ECC_NIST_EDWARDS25519',
    KeyUsage: 'SIGN_VERIFY',
    algorithms: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'],
  },
  { KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY', algorithms: ['ML_DSA_SHAKE_256'] },
  { KeySpec: 'ML_DSA_65', KeyUsage: 'SIGN_VERIFY', algorithms: ['ML_DSA_SHAKE_256'] },
  { KeySpec: 'ML_DSA_87', KeyUsage: 'SIGN_VERIFY', algorithms: ['ML_DSA_SHAKE_256'] },
  { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT', algorithms: ['ECDH'] },
  { KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT', algorithms: ['ECDH'] },
  { KeySpec: 'ECC_NIST_P521', KeyUsage: 'KEY_AGREEMENT', algorithms: ['ECDH'] },
  { KeySpec: 'ML_KEM_512', KeyUsage: 'ENCAPSULATE_DECAPSULATE', algorithms: ['ML_KEM'] },
  { KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE', algorithms: ['ML_KEM'] },
  { KeySpec: 'ML_KEM_1024', KeyUsage: 'ENCAPSULATE_DECAPSULATE', algorithms: ['ML_KEM'] },
  { KeySpec: 'HMAC_224', KeyUsage: 'GENERATE_VERIFY_MAC', algorithms: ['HMAC_SHA_224'] },
  { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC', algorithms: ['HMAC_SHA_256'] },
  { KeySpec: 'HMAC_384', KeyUsage: 'GENERATE_VERIFY_MAC', algorithms: ['HMAC_SHA_384'] },
  { KeySpec: 'HMAC_512', KeyUsage: 'GENERATE_VERIFY_MAC', algorithms: ['HMAC_SHA_512'] },
]

/** A kind of each usage that is quickly made. */
const ofEachUsage = /^(SYMMETRIC_DEFAULT|RSA_2048|ECC_NIST_P256|ML_KEM_512|HMAC_256)$/

/** The kinds of a usage, and one of each other. */
export function typesAround(usage: KeyUsageType): readonly KeyType[] {
  return keyTypes.filter(({ KeySpec, KeyUsage }) => KeyUsage === usage || ofEachUsage.test(KeySpec))
}

export interface TypedKey extends KeyType {
  readonly id: string
  readonly arn: string
}

/** One key of each kind, or of those that are asked for. */
export function keysOf(kms: KMS, types: readonly KeyType[] = keyTypes): Promise<TypedKey[]> {
  return Promise.all(
    types.map(async (type) => {
      const { KeySpec, KeyUsage } = type
      return { ...type, ...(await newKey(kms, { KeySpec, KeyUsage })) }
    }),
  )
}

/** What is wrong with using this kind of key for that, in AWS's words; undefined when nothing is. */
export function misuse(
  key: TypedKey,
  use: { readonly operation: string; readonly KeyUsage: KeyUsageType; readonly algorithm: string },
): string | undefined {
  if (key.KeyUsage !== use.KeyUsage)
    return `${key.arn} key usage is ${key.KeyUsage} which is not valid for ${use.operation}.`
  if (key.algorithms.includes(use.algorithm)) return undefined
  return `Algorithm ${use.algorithm} is incompatible with key spec ${key.KeySpec}.`
}
