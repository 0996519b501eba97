import { constants, privateEncrypt, publicDecrypt, timingSafeEqual, type KeyObject } from 'node:crypto'
import { encodePss, verifyPss } from './emsa-pss.ts'
import { systemRandom } from './random.ts'
import { modulusBytes } from './rsa-modulus.ts'
import type { Sha2 } from './schemes.ts'

// Signatures over a hash that is already computed. The sign and verify of node:crypto would hash it again, so the encoding
// is put together here; the operation with the private key is OpenSSL's, blinded, as for any other signature.

/** The DER of a DigestInfo up to the digest itself (RFC 8017, section 9.2, note 1). */
const digestInfoPrefixes: Readonly<Record<Sha2, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
}

/** RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2). */
export function signDigestPkcs1(privateKey: KeyObject, hash: Sha2, digest: Uint8Array): Buffer {
  const digestInfo = Buffer.concat([digestInfoPrefixes[hash], digest])
  return privateEncrypt({ key: privateKey, padding: constants.RSA_PKCS1_PADDING }, digestInfo)
}

/** Compares with the one encoding that there is, as section 8.2.2 has it: nothing of a signature is parsed. */
export function verifyDigestPkcs1(
  publicKey: KeyObject,
  hash: Sha2,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const encoded = recovered(publicKey, signature)
  return encoded !== undefined && timingSafeEqual(encoded, encodePkcs1(hash, digest, encoded.length))
}

/** RSASSA-PSS (RFC 8017, section 8.1) with a salt as long as the hash. */
export function signDigestPss(privateKey: KeyObject, hash: Sha2, digest: Uint8Array): Buffer {
  const encoded = encodePss(hash, digest, systemRandom.bytes(digest.length), modulusBytes(privateKey))
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded)
}

export function verifyDigestPss(
  publicKey: KeyObject,
  hash: Sha2,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const encoded = recovered(publicKey, signature)
  return encoded !== undefined && verifyPss(hash, digest, encoded)
}

/** EMSA-PKCS1-v1_5 (section 9.2): 0x00 || 0x01 || 0xff… || 0x00 || DigestInfo. */
function encodePkcs1(hash: Sha2, digest: Uint8Array, lengthBytes: number): Buffer {
  const prefix = digestInfoPrefixes[hash]
  const encoded = Buffer.alloc(lengthBytes, 0xff)
  const digestAt = lengthBytes - digest.length
  encoded.set([0, 1])
  encoded.set(digest, digestAt)
  encoded.set(prefix, digestAt - prefix.length)
  encoded[digestAt - prefix.length - 1] = 0
  return encoded
}

/** What the public key makes of a signature; undefined for one of another length or not below the modulus. */
function recovered(publicKey: KeyObject, signature: Uint8Array): Buffer | undefined {
  if (signature.length !== modulusBytes(publicKey)) return undefined
  try {
    return publicDecrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature)
  } catch {
    return undefined
  }
}
