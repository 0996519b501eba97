import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { ImportScheme } from '../crypto/import-wrapping.ts'
import type { RandomSource } from '../crypto/random.ts'
import { identityBytes, unwrapKey, WrapError, wrapKey } from '../crypto/wrap.ts'
import { importSchemeOf, type WrappingAlgorithm } from './import-wrapping.ts'
import type { KmsKey } from './key.ts'
import { KmsError } from './kms-error.ts'

/** What a token is for: it says nothing for any other key, nor for this one in another Region. */
export type ImportTarget = Pick<KmsKey, 'accountId' | 'region' | 'keyId'>

/** What a token holds. */
export interface ImportTokenContent {
  readonly algorithm: WrappingAlgorithm
  readonly expiresAtMs: number
  /** PKCS #8 in DER; whoever made it wipes it. */
  readonly privateKey: Buffer
}

const VERSION = 1
const TIME_BYTES = 6
const MAX_LENGTH = 6144

/**
 * Makes an import token. Nothing is stored for it: it holds the private half of the wrapping key itself, sealed under a key
 * that the database does not have, for one key of one account in one Region.
 *
 * version (1 byte) | wrapped: expiry in milliseconds (6) | length of the algorithm's name (1) | name | private key
 *
 * @see docs/adr/0015-imported-material.md
 */
export function makeImportToken(
  key: KeyObject,
  random: RandomSource,
  target: ImportTarget,
  { algorithm, expiresAtMs, privateKey }: ImportTokenContent,
): Buffer {
  const head = Buffer.alloc(TIME_BYTES + 1)
  head.writeUIntBE(expiresAtMs, 0, TIME_BYTES)
  head.writeUInt8(algorithm.length, TIME_BYTES)
  const content = Buffer.concat([head, Buffer.from(algorithm, 'ascii'), privateKey])
  const wrapped = wrapKey(key, content, identityOf(target), random)
  content.fill(0)
  return Buffer.concat([Buffer.of(VERSION), wrapped])
}

/**
 * The wrapping key of a token.
 *
 * @throws KmsError InvalidImportTokenException for anything that was not made here for this key; ExpiredImportTokenException
 */
export function readImportToken(
  key: KeyObject,
  token: Uint8Array,
  target: ImportTarget,
  nowMs: number,
): { readonly scheme: ImportScheme; readonly wrappingKey: KeyObject } {
  const content = opened(key, token, target)
  try {
    if (content.readUIntBE(0, TIME_BYTES) <= nowMs) throw new KmsError('ExpiredImportTokenException')
    const nameEnd = TIME_BYTES + 1 + content.readUInt8(TIME_BYTES)
    const scheme = importSchemeOf(content.toString('ascii', TIME_BYTES + 1, nameEnd))
    // Of a release that had an algorithm which this one has not.
    if (scheme === undefined) throw new KmsError('InvalidImportTokenException')
    const wrappingKey = createPrivateKey({ key: content.subarray(nameEnd), format: 'der', type: 'pkcs8' })
    return { scheme, wrappingKey }
  } finally {
    content.fill(0)
  }
}

function opened(key: KeyObject, token: Uint8Array, target: ImportTarget): Buffer {
  if (token[0] !== VERSION || token.length > MAX_LENGTH) throw new KmsError('InvalidImportTokenException')
  try {
    return unwrapKey(key, token.subarray(1), identityOf(target))
  } catch (error) {
    if (!(error instanceof WrapError)) throw error
    throw new KmsError('InvalidImportTokenException')
  }
}

function identityOf({ accountId, region, keyId }: ImportTarget): Buffer {
  return identityBytes('keywright/import-token/v1', accountId, region, keyId)
}
