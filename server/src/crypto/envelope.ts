import { timingSafeEqual, type KeyObject } from 'node:crypto'
import { openAesGcm, sealAesGcm, TAG_BYTES } from './aes-gcm.ts'
import { encodeEncryptionContext, type EncryptionContext } from './encryption-context.ts'
import { messageKeys } from './message-keys.ts'
import type { RandomSource } from './random.ts'

/** What is sealed; older versions are opened. */
const VERSION = 2
const SUITE_AES_256_GCM = 1

const UUID_FORM = 0
const MULTI_REGION_FORM = 1

const KEY_ID_AT = 3
const MATERIAL_ID_AT = 19
const SALT_AT = 51
const COMMITMENT_AT = 83
const BODY_AT = 115

const SALT_BYTES = COMMITMENT_AT - SALT_AT

/** By how much a ciphertext is longer than its plaintext. */
export const ENVELOPE_OVERHEAD_BYTES = BODY_AT + TAG_BYTES

/** The longest ciphertext that AWS's model lets a client send, and so the longest that is made. */
export const MAX_ENVELOPE_BYTES = 6144

/** What a ciphertext says about the key that sealed it. Never account or Region: a multi-Region key is one key in all. */
export interface EnvelopeIds {
  /** A UUID, or `mrk-` and 32 digits; hexadecimal digits in lower case. */
  readonly keyId: string
  /** 64 hexadecimal digits in lower case. */
  readonly materialId: string
}

/** A ciphertext whose header was read. Nothing in it is authentic until it was opened. */
export interface Envelope extends EnvelopeIds {
  readonly version: 1 | typeof VERSION
  readonly suite: typeof SUITE_AES_256_GCM
  /** The whole ciphertext. */
  readonly bytes: Buffer
}

/**
 * Reads the header of a ciphertext; nothing is authenticated here.
 * version (1 byte) | suite (1) | form of the key id (1) | key id (16) | material id (32) | salt (32) |
 * commitment (32) | body | tag (16)
 *
 * @returns undefined below 131 and above 6144 bytes, and for a version, suite or form that is not known
 * @see docs/ciphertext.md
 */
export function parseEnvelope(ciphertext: Uint8Array): Envelope | undefined {
  if (ciphertext.length < ENVELOPE_OVERHEAD_BYTES || ciphertext.length > MAX_ENVELOPE_BYTES) return undefined
  const version = ciphertext[0]
  if ((version !== 1 && version !== VERSION) || ciphertext[1] !== SUITE_AES_256_GCM) return undefined
  const form = ciphertext[2]
  if (form !== UUID_FORM && form !== MULTI_REGION_FORM) return undefined

  const bytes = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.length)
  const hex = bytes.toString('hex', KEY_ID_AT, MATERIAL_ID_AT)
  return {
    version,
    suite: SUITE_AES_256_GCM,
    keyId: form === MULTI_REGION_FORM ? `mrk-${hex}` : hyphenated(hex),
    materialId: bytes.toString('hex', MATERIAL_ID_AT, SALT_AT),
    bytes,
  }
}

/**
 * Seals a plaintext of at most 6013 bytes under key material that is used for nothing but deriving. Each message has its own
 * AES key and commitment, derived from the material and a header with a fresh salt, so that the number of messages under
 * one key is not bounded by GCM's nonces.
 *
 * 32 bytes take 7 to 9 µs to seal and as long to open; the HMAC is 3 of them (Node 26.10, 2 cores, 2026-11).
 *
 * @throws RangeError for a longer plaintext, ids of another form, or an encryption context with ill-formed Unicode
 */
export function sealEnvelope(
  kdfKey: KeyObject,
  ids: EnvelopeIds,
  plaintext: Uint8Array,
  encryptionContext: EncryptionContext,
  random: RandomSource,
): Buffer {
  const lengthBytes = ENVELOPE_OVERHEAD_BYTES + plaintext.length
  if (lengthBytes > MAX_ENVELOPE_BYTES) {
    throw new RangeError(`A plaintext has at most ${MAX_ENVELOPE_BYTES - ENVELOPE_OVERHEAD_BYTES} bytes`)
  }
  const context = encodeEncryptionContext(encryptionContext)
  const bytes = Buffer.allocUnsafe(lengthBytes)
  prefixOf(ids).copy(bytes)
  random.bytes(SALT_BYTES).copy(bytes, SALT_AT)

  const keys = messageKeys[VERSION](kdfKey, bytes.subarray(0, COMMITMENT_AT), SALT_AT)
  keys.commitment.copy(bytes, COMMITMENT_AT)
  sealAesGcm(keys.key, keys.nonce, [bytes.subarray(0, BODY_AT), context], plaintext, bytes, BODY_AT)
  keys.derived.fill(0)
  return bytes
}

/**
 * The plaintext, or undefined whatever it is that does not fit: header, body, tag, key or encryption context.
 *
 * The commitment comes first. GCM alone would let someone who chooses keys make one ciphertext that opens, to different
 * plaintexts, under several of them; no one can find two keys with the same commitment.
 *
 * @throws RangeError only for an encryption context with ill-formed Unicode, which no request gets this far
 */
export function openEnvelope(
  kdfKey: KeyObject,
  envelope: Envelope,
  encryptionContext: EncryptionContext,
): Buffer | undefined {
  const { bytes, version } = envelope
  const context = encodeEncryptionContext(encryptionContext)
  const keys = messageKeys[version](kdfKey, bytes.subarray(0, COMMITMENT_AT), SALT_AT)
  let plaintext: Buffer | undefined
  if (timingSafeEqual(keys.commitment, bytes.subarray(COMMITMENT_AT, BODY_AT))) {
    const body = bytes.subarray(BODY_AT, bytes.length - TAG_BYTES)
    const tag = bytes.subarray(bytes.length - TAG_BYTES)
    plaintext = openAesGcm(keys.key, keys.nonce, [bytes.subarray(0, BODY_AT), context], body, tag)
  }
  keys.derived.fill(0)
  return plaintext
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const MULTI_REGION_KEY_ID = /^mrk-[0-9a-f]{32}$/
const MATERIAL_ID = /^[0-9a-f]{64}$/

const prefixes = new WeakMap<EnvelopeIds, Buffer>()

/** The header up to the salt; made once for the ids of a key that seals many messages (1 µs of each). */
function prefixOf(ids: EnvelopeIds): Buffer {
  let prefix = prefixes.get(ids)
  if (prefix === undefined) {
    prefix = Buffer.allocUnsafe(SALT_AT)
    prefix[0] = VERSION
    prefix[1] = SUITE_AES_256_GCM
    writeIds(prefix, ids)
    prefixes.set(ids, prefix)
  }
  return prefix
}

function writeIds(bytes: Buffer, { keyId, materialId }: EnvelopeIds): void {
  if (!MATERIAL_ID.test(materialId)) throw new RangeError('A material id has 64 lowercase hexadecimal digits')
  if (UUID.test(keyId)) {
    bytes[2] = UUID_FORM
    bytes.write(keyId.replaceAll('-', ''), KEY_ID_AT, 'hex')
  } else if (MULTI_REGION_KEY_ID.test(keyId)) {
    bytes[2] = MULTI_REGION_FORM
    bytes.write(keyId.slice(4), KEY_ID_AT, 'hex')
  } else {
    throw new RangeError('A key id is a lowercase UUID, or mrk- and 32 lowercase hexadecimal digits')
  }
  bytes.write(materialId, MATERIAL_ID_AT, 'hex')
}

function hyphenated(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
