import type { KeyForm } from '../crypto/key-form.ts'
import type { Material } from '../crypto/material.ts'
import type {
  EncapsulationAlgorithm,
  EncryptionAlgorithm,
  KeyAgreementAlgorithm,
  MacAlgorithm,
  SigningAlgorithm,
} from './algorithms.ts'

/** AWS's usages; a key has one, and its spec says which it may be. */
export type KeyUsage =
  | 'ENCRYPT_DECRYPT'
  | 'SIGN_VERIFY'
  | 'GENERATE_VERIFY_MAC'
  | 'KEY_AGREEMENT'
  | 'ENCAPSULATE_DECAPSULATE'

interface SpecFacts {
  /** What its material is. */
  readonly form: KeyForm
  /** What a key of this spec may be for, and its algorithms then, in AWS's order. */
  readonly usages: { readonly [Usage in KeyUsage]?: readonly AlgorithmOf[Usage][] }
  /** What a key is for when its request does not say. */
  readonly defaultUsage?: KeyUsage
  /** Whether GenerateDataKeyPair makes pairs of it. */
  readonly dataKeyPair?: true
  /** Whether the deprecated CustomerMasterKeySpec has a word for it; what came after 2024 has none. */
  readonly customerMasterKeySpec?: true
  /** Whether AWS has it in China Regions only, or in all others only. */
  readonly china?: 'only' | 'not'
  /** Whether its keys have material that is made here only, none that is imported. */
  readonly generatedOnly?: true
  /** What no key of it is for here, though AWS has them. */
  readonly unsupportedUsage?: KeyUsage
}

/** The algorithms of each usage, by AWS's names. */
interface AlgorithmOf {
  ENCRYPT_DECRYPT: EncryptionAlgorithm
  SIGN_VERIFY: SigningAlgorithm
  GENERATE_VERIFY_MAC: MacAlgorithm
  KEY_AGREEMENT: KeyAgreementAlgorithm
  ENCAPSULATE_DECAPSULATE: EncapsulationAlgorithm
}

const rsaUsages = {
  ENCRYPT_DECRYPT: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
  SIGN_VERIFY: [
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
  ],
} as const
const mlDsaUsages = { SIGN_VERIFY: ['ML_DSA_SHAKE_256'] } as const
const mlKemUsages = { ENCAPSULATE_DECAPSULATE: ['ML_KEM'] } as const

/**
 * Every fact about a key spec, in one table; code below it never lists specs again. The order is that of AWS's enumerations.
 *
 * @see AWS KMS Developer Guide, "Key spec reference". Read 2026-11
 */
export const specs = {
  RSA_2048: {
    form: { type: 'rsa', modulusBits: 2048 },
    usages: rsaUsages,
    dataKeyPair: true,
    customerMasterKeySpec: true,
  },
  RSA_3072: {
    form: { type: 'rsa', modulusBits: 3072 },
    usages: rsaUsages,
    dataKeyPair: true,
    customerMasterKeySpec: true,
  },
  RSA_4096: {
    form: { type: 'rsa', modulusBits: 4096 },
    usages: rsaUsages,
    dataKeyPair: true,
    customerMasterKeySpec: true,
  },
  ECC_NIST_P256: {
    form: { type: 'ec', namedCurve: 'prime256v1' },
    usages: { SIGN_VERIFY: ['ECDSA_SHA_256'], KEY_AGREEMENT: ['ECDH'] },
    dataKeyPair: true,
    customerMasterKeySpec: true,
  },
  ECC_NIST_P384: {
    form: { type: 'ec', namedCurve: 'secp384r1' },
    usages: { SIGN_VERIFY: ['ECDSA_SHA_384'], KEY_AGREEMENT: ['ECDH'] },
    dataKeyPair: true,
    customerMasterKeySpec: true,
  },
  ECC_NIST_P521: {
    form: { type: 'ec', namedCurve: 'secp521r1' },
    usages: { SIGN_VERIFY: ['ECDSA_SHA_512'], KEY_AGREEMENT: ['ECDH'] },
    dataKeyPair: true,
    customerMasterKeySpec: true,
  },
  ECC_SECG_P256K1: {
    form: { type: 'ec', namedCurve: 'secp256k1' },
    usages: { SIGN_VERIFY: ['ECDSA_SHA_256'] },
    dataKeyPair: true,
    customerMasterKeySpec: true,
  },
  SYMMETRIC_DEFAULT: {
    form: { type: 'secret', lengthBytes: 32 },
    usages: { ENCRYPT_DECRYPT: ['SYMMETRIC_DEFAULT'] },
    defaultUsage: 'ENCRYPT_DECRYPT',
    customerMasterKeySpec: true,
  },
  HMAC_224: {
    form: { type: 'secret', lengthBytes: 28 },
    usages: { GENERATE_VERIFY_MAC: ['HMAC_SHA_224'] },
    customerMasterKeySpec: true,
  },
  HMAC_256: {
    form: { type: 'secret', lengthBytes: 32 },
    usages: { GENERATE_VERIFY_MAC: ['HMAC_SHA_256'] },
    customerMasterKeySpec: true,
  },
  HMAC_384: {
    form: { type: 'secret', lengthBytes: 48 },
    usages: { GENERATE_VERIFY_MAC: ['HMAC_SHA_384'] },
    customerMasterKeySpec: true,
  },
  HMAC_512: {
    form: { type: 'secret', lengthBytes: 64 },
    usages: { GENERATE_VERIFY_MAC: ['HMAC_SHA_512'] },
    customerMasterKeySpec: true,
  },
  SM2: {
    form: { type: 'sm2' },
    usages: { ENCRYPT_DECRYPT: ['SM2PKE'], SIGN_VERIFY: ['SM2DSA'], KEY_AGREEMENT: ['ECDH'] },
    dataKeyPair: true,
    customerMasterKeySpec: true,
    china: 'only',
    // For want of a library: docs/api-coverage.md.
    unsupportedUsage: 'ENCRYPT_DECRYPT',
  },
  ML_DSA_44: {
    form: { type: 'ml-dsa', parameterSet: 'ml-dsa-44' },
    usages: mlDsaUsages,
    generatedOnly: true,
  },
  ML_DSA_65: {
    form: { type: 'ml-dsa', parameterSet: 'ml-dsa-65' },
    usages: mlDsaUsages,
    generatedOnly: true,
  },
  ML_DSA_87: {
    form: { type: 'ml-dsa', parameterSet: 'ml-dsa-87' },
    usages: mlDsaUsages,
    generatedOnly: true,
  },
  ECC_NIST_EDWARDS25519: {
    form: { type: 'ed25519' },
    usages: { SIGN_VERIFY: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'] },
    dataKeyPair: true,
  },
  ML_KEM_512: {
    form: { type: 'ml-kem', parameterSet: 'ml-kem-512' },
    usages: mlKemUsages,
    dataKeyPair: true,
    generatedOnly: true,
    china: 'not',
  },
  ML_KEM_768: {
    form: { type: 'ml-kem', parameterSet: 'ml-kem-768' },
    usages: mlKemUsages,
    dataKeyPair: true,
    generatedOnly: true,
    china: 'not',
  },
  ML_KEM_1024: {
    form: { type: 'ml-kem', parameterSet: 'ml-kem-1024' },
    usages: mlKemUsages,
    dataKeyPair: true,
    generatedOnly: true,
    china: 'not',
  },
} as const satisfies Record<string, SpecFacts>

export type KeySpec = keyof typeof specs

/** The same facts with their common type, for code that has a spec of which it knows nothing. */
export function factsOf(spec: KeySpec): SpecFacts {
  return specs[spec]
}

type SpecsWith<Fact extends keyof SpecFacts> = {
  [Spec in KeySpec]: (typeof specs)[Spec] extends { readonly [F in Fact]: true } ? Spec : never
}[KeySpec]

/** The specs of a partition (`aws`, `aws-cn`, `aws-us-gov`). */
export function keySpecsIn(partition: string): readonly KeySpec[] {
  const elsewhere = partition === 'aws-cn' ? 'not' : 'only'
  return (Object.keys(specs) as KeySpec[]).filter((spec) => factsOf(spec).china !== elsewhere)
}

export function dataKeyPairSpecsIn(partition: string): readonly DataKeyPairSpec[] {
  return keySpecsIn(partition).filter((spec) => factsOf(spec).dataKeyPair) as DataKeyPairSpec[]
}

export function customerMasterKeySpecsIn(partition: string): readonly CustomerMasterKeySpec[] {
  return keySpecsIn(partition).filter(
    (spec) => factsOf(spec).customerMasterKeySpec,
  ) as CustomerMasterKeySpec[]
}

/** Those outside China. */
export const keySpecs = keySpecsIn('aws')
export const dataKeyPairSpecs = dataKeyPairSpecsIn('aws')

export type DataKeyPairSpec = SpecsWith<'dataKeyPair'>
export type CustomerMasterKeySpec = SpecsWith<'customerMasterKeySpec'>

/** Which of the algorithms with which a key is used its spec and usage allow, whatever they are called. */
export function algorithmsOf(spec: KeySpec, usage: KeyUsage): readonly string[] {
  return factsOf(spec).usages[usage] ?? []
}

/** By the name of a usage, what its material does. */
export const usesOf = {
  ENCRYPT_DECRYPT: 'decrypt',
  SIGN_VERIFY: 'sign',
  GENERATE_VERIFY_MAC: 'mac',
  KEY_AGREEMENT: 'agree',
  ENCAPSULATE_DECAPSULATE: 'encapsulate',
} as const satisfies Record<KeyUsage, Material['use']>

export function materialUse(spec: KeySpec, usage: KeyUsage): Material['use'] {
  return factsOf(spec).form.type === 'secret' && usage === 'ENCRYPT_DECRYPT' ? 'seal' : usesOf[usage]
}
