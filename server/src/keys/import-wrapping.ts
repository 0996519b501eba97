import type { ImportScheme } from '../crypto/import-wrapping.ts'
import type { PrivateKeyForm } from '../crypto/key-form.ts'
import { keyType } from './key-type.ts'
import type { KmsKey } from './key.ts'
import { KmsError } from './kms-error.ts'
import { factsOf } from './specs.ts'

/** Every wrapping algorithm of AWS's by its name; undefined where nothing can be wrapped with it here. */
const algorithms = {
  // AWS refuses it since October 2023.
  RSAES_PKCS1_V1_5: undefined,
  RSAES_OAEP_SHA_1: { type: 'oaep', hash: 'sha1' },
  RSAES_OAEP_SHA_256: { type: 'oaep', hash: 'sha256' },
  RSA_AES_KEY_WRAP_SHA_1: { type: 'oaep-aes-kwp', hash: 'sha1' },
  RSA_AES_KEY_WRAP_SHA_256: { type: 'oaep-aes-kwp', hash: 'sha256' },
  // For want of a library: docs/api-coverage.md.
  SM2PKE: undefined,
} as const satisfies Record<string, ImportScheme | undefined>

const keySpecs = {
  RSA_2048: { type: 'rsa', modulusBits: 2048 },
  RSA_3072: { type: 'rsa', modulusBits: 3072 },
  RSA_4096: { type: 'rsa', modulusBits: 4096 },
  SM2: undefined,
} as const satisfies Record<string, PrivateKeyForm | undefined>

export type WrappingAlgorithm = keyof typeof algorithms
export type WrappingKeySpec = keyof typeof keySpecs

/** In AWS's order; SM2 and its algorithm are for China Regions only. */
export function wrappingAlgorithmsIn(partition: string): readonly WrappingAlgorithm[] {
  return namesOf(algorithms).filter((name) => partition === 'aws-cn' || name !== 'SM2PKE')
}

export function wrappingKeySpecsIn(partition: string): readonly WrappingKeySpec[] {
  return namesOf(keySpecs).filter((name) => partition === 'aws-cn' || name !== 'SM2')
}

/** A wrapping algorithm, and a wrapping key to make for it. */
export interface Wrapping {
  readonly algorithm: WrappingAlgorithm
  readonly scheme: ImportScheme
  readonly keySpec: WrappingKeySpec
  readonly form: Extract<PrivateKeyForm, { type: 'rsa' }>
}

/** The scheme of a name that was written here; undefined for any other. */
export function importSchemeOf(name: string): ImportScheme | undefined {
  return Object.hasOwn(algorithms, name) ? algorithms[name as WrappingAlgorithm] : undefined
}

/**
 * What a request alone says of wrapping.
 *
 * @throws KmsError UnsupportedOperationException
 */
export function requireWrapping(
  algorithm: WrappingAlgorithm,
  keySpec: WrappingKeySpec,
  partition: string,
): Wrapping {
  const scheme = algorithms[algorithm]
  // "… are not supported in China Regions": AWS KMS Developer Guide, "Encrypt the key material".
  if (scheme === undefined || (scheme.type === 'oaep-aes-kwp' && partition === 'aws-cn')) {
    throw unsupported(`WrappingAlgorithm ${algorithm} is not supported.`)
  }
  const form = keySpecs[keySpec]
  if (form === undefined) throw unsupported(`WrappingKeySpec ${keySpec} is not supported.`)
  return { algorithm, scheme, keySpec, form }
}

/**
 * Which material can be wrapped how.
 *
 * @throws KmsError UnsupportedOperationException
 * @see AWS KMS API Reference, GetParametersForImport, WrappingAlgorithm. Read 2026-11
 */
export function requireWrappable(
  key: Pick<KmsKey, 'spec' | 'usage'>,
  { algorithm, scheme, keySpec }: Wrapping,
): void {
  const isDirect = scheme.type === 'oaep'
  const isPossible = isDirect
    ? factsOf(key.spec).form.type !== 'rsa' && !(key.spec === 'ECC_NIST_P521' && keySpec === 'RSA_2048')
    : keyType(key) === 'asymmetric'
  if (isPossible) return
  throw unsupported(
    `WrappingAlgorithm ${algorithm} with WrappingKeySpec ${keySpec} is not supported for key material of KeySpec ${key.spec}.`,
  )
}

function unsupported(message: string): KmsError {
  return new KmsError('UnsupportedOperationException', message)
}

function namesOf<Table extends object>(table: Table): readonly (keyof Table)[] {
  return Object.keys(table) as (keyof Table)[]
}
