import { createHash, createSecretKey } from 'node:crypto'
import { deriveKey } from './kdf.ts'
import { identityBytes, unwrapKey, wrapKey, WrapError } from './wrap.ts'
import {
  decapsulateXWing,
  encapsulateXWing,
  X_WING_CIPHERTEXT_BYTES,
  type XWingPrivateKey,
  type XWingPublicKey,
} from './x-wing.ts'

/** What wrapped material is bound to: from whom, to whom, whose it is, and what for. */
export interface LinkWrapping {
  /** Deployment ids. */
  readonly from: string
  readonly to: string
  readonly accountId: string
  readonly keyId: string
  readonly materialId: string
  readonly purpose: 'material' | 'fingerprint key'
}

const VERSION = 1
const KEY_NAME_BYTES = 16
const HEADER_BYTES = 1 + KEY_NAME_BYTES + X_WING_CIPHERTEXT_BYTES

/**
 * Wraps key material to another deployment's key, for one message:
 * version (1 byte, 0x01) | name of the recipient's key (16) | X-Wing ciphertext (1120) | wrapped bytes (wrap.ts).
 *
 * The name is the first 16 bytes of the public key's SHA-256. The key that wraps is derived from the encapsulated secret
 * (SP 800-108, HMAC-SHA-512), with the header and the identity below as context, and is used once; the identity is
 * additional data besides. What holds this secret is nothing but the recipient's key: whoever ends a TLS connection on
 * the way, or has recorded it, gains nothing.
 *
 * @see docs/region-links.md
 */
export function wrapForLink(recipient: XWingPublicKey, bytes: Uint8Array, about: LinkWrapping): Buffer {
  const { secret, ciphertext } = encapsulateXWing(recipient)
  const header = Buffer.concat([Buffer.of(VERSION), keyName(recipient), ciphertext])
  return Buffer.concat([header, wrapKey(wrappingKey(secret, header, about), bytes, identityOf(about))])
}

/**
 * The caller wipes what it gets.
 *
 * @throws WrapError whatever it is that does not fit
 */
export function unwrapFromLink(recipient: XWingPrivateKey, wrapped: Uint8Array, about: LinkWrapping): Buffer {
  const header = Buffer.from(wrapped.subarray(0, HEADER_BYTES))
  const name = header.subarray(1, 1 + KEY_NAME_BYTES)
  if (header[0] !== VERSION || !name.equals(keyName(recipient.publicKey))) throw new WrapError()
  const secret = decapsulateXWing(recipient, header.subarray(1 + KEY_NAME_BYTES))
  if (secret === undefined) throw new WrapError()
  return unwrapKey(wrappingKey(secret, header, about), wrapped.subarray(HEADER_BYTES), identityOf(about))
}

function wrappingKey(secret: Buffer, header: Buffer, about: LinkWrapping) {
  const key = deriveKey(
    createSecretKey(secret),
    'keywright link wrapping v1',
    identityBytes(header, identityOf(about)),
  )
  secret.fill(0)
  return key
}

function identityOf({ from, to, accountId, keyId, materialId, purpose }: LinkWrapping): Buffer {
  return identityBytes('keywright/link-wrapping/v1', from, to, accountId, keyId, materialId, purpose)
}

function keyName({ bytes }: XWingPublicKey): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, KEY_NAME_BYTES)
}
