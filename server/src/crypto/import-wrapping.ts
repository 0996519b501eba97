import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { decryptOaep, encryptOaep } from './rsa-oaep.ts'
import { modulusBytes } from './rsa-modulus.ts'
import type { OaepScheme } from './schemes.ts'

/**
 * How key material is wrapped for its way here: under an RSA key itself, or under an AES key of 256 bits, which stands under
 * the RSA key before it.
 */
export interface ImportScheme extends OaepScheme {
  readonly type: 'oaep' | 'oaep-aes-kwp'
}

const AES_KEY_BYTES = 32
/** The alternative initial value of RFC 5649, section 3. */
const KWP_INITIAL_VALUE = Buffer.from('a65959a6', 'hex')

/**
 * What was wrapped, as a KeyObject, which is handed between threads without a copy; undefined whatever it is that does not
 * fit. With a bad AES key there is an unwrapping all the same, under a key that nobody has, so that neither the answer nor
 * what it takes says which of the two layers failed.
 */
export function unwrapImport(
  wrappingKey: KeyObject,
  { type, hash }: ImportScheme,
  wrapped: Uint8Array,
): KeyObject | undefined {
  if (type === 'oaep') return kept(decryptOaep(wrappingKey, { hash }, wrapped))
  const border = modulusBytes(wrappingKey)
  const aesKey = decryptOaep(wrappingKey, { hash }, wrapped.subarray(0, border))
  const isKey = aesKey?.length === AES_KEY_BYTES
  const key = isKey ? aesKey : randomBytes(AES_KEY_BYTES)
  try {
    const material = unwrapKwp(key, wrapped.subarray(border))
    return isKey ? kept(material) : undefined
  } finally {
    aesKey?.fill(0)
  }
}

/** The other way: what the owner of material does. */
export function wrapForImport(
  wrappingKey: KeyObject,
  { type, hash }: ImportScheme,
  material: Uint8Array,
): Buffer {
  if (type === 'oaep') return encryptOaep(wrappingKey, { hash }, material)
  const aesKey = randomBytes(AES_KEY_BYTES)
  try {
    return Buffer.concat([encryptOaep(wrappingKey, { hash }, aesKey), wrapKwp(aesKey, material)])
  } finally {
    aesKey.fill(0)
  }
}

/** How much fits under an RSA key itself (RFC 8017, section 7.1.1). */
export function longestUnderRsa(wrappingKey: KeyObject, { hash }: ImportScheme): number {
  return modulusBytes(wrappingKey) - 2 * (hash === 'sha1' ? 20 : 32) - 2
}

function wrapKwp(key: Uint8Array, material: Uint8Array): Buffer {
  const cipher = createCipheriv('id-aes256-wrap-pad', key, KWP_INITIAL_VALUE)
  return Buffer.concat([cipher.update(material), cipher.final()])
}

/** AES key wrap with padding (RFC 5649; NIST SP 800-38F, KWP). Undefined when it is not authentic under the key. */
export function unwrapKwp(key: Uint8Array, wrapped: Uint8Array): Buffer | undefined {
  // Section 4.2: two or more blocks of 64 bits.
  if (wrapped.length < 16 || wrapped.length % 8 !== 0) return undefined
  try {
    const decipher = createDecipheriv(`id-aes${key.length * 8}-wrap-pad`, key, KWP_INITIAL_VALUE)
    const unwrapped = decipher.update(wrapped)
    decipher.final()
    return unwrapped
  } catch {
    return undefined
  }
}

function kept(bytes: Buffer | undefined): KeyObject | undefined {
  if (bytes === undefined) return undefined
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}
