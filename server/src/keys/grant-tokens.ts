import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { RandomSource } from '../crypto/random.ts'
import { KmsError } from './kms-error.ts'

/** What a grant token names. */
export interface GrantName {
  readonly region: string
  readonly keyId: string
  readonly grantId: string
}

const VERSION = 1
const SALT_BYTES = 16
const MAC_BYTES = 32
// What AWS allows; ours are far shorter.
const MAX_LENGTH = 8192

/**
 * Makes a token for a grant. Each is different, all of one grant mean the same, and nothing is stored for them: a token
 * is the grant's name with an HMAC under a key that the database does not have.
 *
 * version (1 byte) | salt (16) | region, key id, grant id, each followed by a line feed | HMAC-SHA-256 (32), in base64
 */
export function makeGrantToken(
  key: KeyObject,
  random: RandomSource,
  { region, keyId, grantId }: GrantName,
): string {
  const named = Buffer.from(`${region}\n${keyId}\n${grantId}\n`, 'utf8')
  const body = Buffer.concat([Buffer.of(VERSION), random.bytes(SALT_BYTES), named])
  return Buffer.concat([body, mac(key, body)]).toString('base64')
}

/** @throws KmsError InvalidGrantTokenException for anything that was not made here */
export function readGrantToken(key: KeyObject, token: string): GrantName {
  const bytes = token.length <= MAX_LENGTH ? Buffer.from(token, 'base64') : Buffer.alloc(0)
  const bodyLength = bytes.length - MAC_BYTES
  if (bodyLength <= 1 + SALT_BYTES || bytes[0] !== VERSION || bytes.toString('base64') !== token) {
    throw new KmsError('InvalidGrantTokenException')
  }
  const body = bytes.subarray(0, bodyLength)
  if (!timingSafeEqual(mac(key, body), bytes.subarray(bodyLength))) {
    throw new KmsError('InvalidGrantTokenException')
  }
  const [region = '', keyId = '', grantId = ''] = body.toString('utf8', 1 + SALT_BYTES).split('\n')
  return { region, keyId, grantId }
}

function mac(key: KeyObject, body: Buffer): Buffer {
  return createHmac('sha256', key).update(body).digest()
}
