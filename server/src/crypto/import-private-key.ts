import { checkPrimeSync, createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { der } from './der.ts'
import type { PrivateKeyForm } from './key-form.ts'
import { privateKeyBytes } from './key-generation.ts'

/** What private keys of others may be; those of ML-DSA and ML-KEM are only made here. */
export type ImportableForm = Exclude<PrivateKeyForm, { type: 'ml-dsa' | 'ml-kem' }>

/**
 * A private key that somebody else made, written anew: PKCS #8 in DER, without what else the given one held. Undefined unless it
 * is of the form, whole and consistent: OpenSSL reads much that is not, and computes with it.
 *
 * It looks at secret numbers in time that depends on them, in a thread, once, for who sent them.
 */
export function canonicalPrivateKey(form: ImportableForm, given: KeyObject): Buffer | undefined {
  const bytes = given.export()
  try {
    if (!isOneSequence(bytes)) return undefined
    const key = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
    return written(form, key)
  } catch {
    return undefined
  } finally {
    bytes.fill(0)
  }
}

function written(form: ImportableForm, key: KeyObject): Buffer | undefined {
  switch (form.type) {
    case 'rsa':
      return isSoundRsa(key, form.modulusBits) ? privateKeyBytes(key) : undefined
    case 'ec':
    case 'sm2':
      return writtenAnew(key, curves[form.type === 'sm2' ? 'SM2' : form.namedCurve])
    case 'ed25519':
      // Of it there is but the seed, and any is one: its public key is computed.
      return key.asymmetricKeyType === 'ed25519' ? privateKeyBytes(key) : undefined
  }
}

/** Whether bytes are one SEQUENCE with a length as DER has it, from the first to the last: OpenSSL takes what comes after. */
function isOneSequence(bytes: Buffer): boolean {
  if (bytes[0] !== 0x30) return false
  const first = bytes[1] ?? 0
  if (first < 0x80) return bytes.length === 2 + first
  if (first === 0x81) return (bytes[2] ?? 0) >= 0x80 && bytes.length === 3 + bytes.readUInt8(2)
  return first === 0x82 && bytes.length > 4 + 0xff && bytes.length === 4 + bytes.readUInt16BE(2)
}

// FIPS 186-5, and what OpenSSL still verifies with: of a longer modulus no more than 64 bits.
const maxExponentBits = (modulusBits: number) => (modulusBits > 3072 ? 64 : 256)

/**
 * An RSA key with two primes as FIPS 186-5, appendix A.1, has them: p and q are prime, of half the length, not close to each
 * other; e is odd and above 2^16; d is not small; and all numbers belong to each other.
 */
function isSoundRsa(key: KeyObject, modulusBits: number): boolean {
  const { asymmetricKeyType, asymmetricKeyDetails } = key
  if (asymmetricKeyType !== 'rsa' || asymmetricKeyDetails?.modulusLength !== modulusBits) return false
  const jwk = key.export({ format: 'jwk' })
  const [n, e, d, p, q] = [number(jwk.n), number(jwk.e), number(jwk.d), number(jwk.p), number(jwk.q)]
  const [dp, dq, qi] = [number(jwk.dp), number(jwk.dq), number(jwk.qi)]
  // Before anything is computed with it: nothing has bounded it yet.
  if (e % 2n === 0n || e <= 1n << 16n || e >= 1n << BigInt(maxExponentBits(modulusBits))) {
    return false
  }
  const half = modulusBits / 2
  const distance = p > q ? p - q : q - p
  return (
    p * q === n &&
    bitsOf(p) === half &&
    bitsOf(q) === half &&
    bitsOf(distance) > half - 100 &&
    bitsOf(d) > half &&
    d < n &&
    (d * e) % (p - 1n) === 1n &&
    (d * e) % (q - 1n) === 1n &&
    dp === d % (p - 1n) &&
    dq === d % (q - 1n) &&
    qi < p &&
    (qi * q) % p === 1n &&
    checkPrimeSync(p) &&
    checkPrimeSync(q)
  )
}

function number(base64url: string | undefined): bigint {
  return BigInt(`0x${Buffer.from(base64url ?? '', 'base64url').toString('hex') || '0'}`)
}

function bitsOf(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length
}

/** INTEGER 0 of PKCS #8, and 1 of ECPrivateKey. */
const version0 = Buffer.from('020100', 'hex')
const version1 = Buffer.from('020101', 'hex')

interface Curve {
  /** As OpenSSL calls it. */
  readonly name: string
  /** AlgorithmIdentifier in DER: id-ecPublicKey and the curve's name. */
  readonly algorithm: Buffer
  readonly bytes: number
}

const ID_EC_PUBLIC_KEY = '06072a8648ce3d0201'

const curves = {
  prime256v1: curve('prime256v1', '06082a8648ce3d030107', 32),
  secp384r1: curve('secp384r1', '06052b81040022', 48),
  secp521r1: curve('secp521r1', '06052b81040023', 66),
  secp256k1: curve('secp256k1', '06052b8104000a', 32),
  SM2: curve('SM2', '06082a811ccf5501822d', 32),
}

function curve(name: string, objectIdentifier: string, bytes: number): Curve {
  return { name, algorithm: der(0x30, Buffer.from(ID_EC_PUBLIC_KEY + objectIdentifier, 'hex')), bytes }
}

/** The private number of a key on the curve, and the public key that belongs to it, whichever the given one held. */
function writtenAnew(key: KeyObject, { name, algorithm, bytes }: Curve): Buffer | undefined {
  const given = privateKeyBytes(key)
  try {
    // A curve that is described and not named has another AlgorithmIdentifier.
    const head = Buffer.concat([version0, algorithm])
    const headStart = given.indexOf(head)
    if (headStart < 2 || headStart > 4) return undefined
    const secretHead = Buffer.concat([version1, Buffer.of(0x04, bytes)])
    const secretStart = given.indexOf(secretHead, headStart + head.length) + secretHead.length
    const secret = given.subarray(secretStart, secretStart + bytes)
    const pair = createECDH(name)
    // Throws unless it is at least 1 and below the order.
    pair.setPrivateKey(secret)
    const anew = ecPrivateKey(algorithm, secret, pair.getPublicKey())
    const own = createPublicKey(createPrivateKey({ key: anew, format: 'der', type: 'pkcs8' }))
    if (own.equals(createPublicKey(key))) return anew
    anew.fill(0)
    return undefined
  } finally {
    given.fill(0)
  }
}

/** PKCS #8 (RFC 5958) around ECPrivateKey (RFC 5915), with the public key, as OpenSSL writes it. */
function ecPrivateKey(algorithm: Buffer, secret: Buffer, point: Buffer): Buffer {
  const publicKey = der(0xa1, der(0x03, Buffer.of(0), point))
  const inner = der(0x30, version1, der(0x04, secret), publicKey)
  const octets = der(0x04, inner)
  const whole = der(0x30, version0, algorithm, octets)
  inner.fill(0)
  octets.fill(0)
  return whole
}
