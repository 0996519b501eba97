import { createHash, createPublicKey, createSign, createVerify, type KeyObject } from 'node:crypto'
import { ecdh, weierstrass } from '@noble/curves/abstract/weierstrass.js'

// SM2 of GB/T 32918, as far as OpenSSL and an audited library do it: signatures of messages (part 2), and the shared point
// of ECDH. What neither does, and why no other library does it here, is in docs/api-coverage.md.

/** The recommended curve of GB/T 32918.5, sm2p256v1. */
const curve = {
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  h: 1n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
}
const COORDINATE_BYTES = 32

/**
 * What Z begins with: the length in bits of the distinguishing identifier, the identifier that GM/T 0009 gives to who has
 * none, and the curve. AWS KMS uses no other.
 */
const identity = Buffer.concat([
  Buffer.from([0x00, 0x80]),
  Buffer.from('1234567812345678', 'ascii'),
  ...[curve.a, curve.b, curve.Gx, curve.Gy].map(coordinate),
])

/** Signs SM3(Z ‖ M) (GB/T 32918.2, section 6.1); the signature is SEQUENCE { r, s } in DER. */
export function signSm2(privateKey: KeyObject, message: Uint8Array): Buffer {
  requireSm2(privateKey)
  const z = identityHash(createPublicKey(privateKey))
  // Not crypto.sign: it has OpenSSL compute Z, for an empty identifier.
  return createSign('sm3').update(z).update(message).sign(privateKey)
}

/** Never throws for what a signature may be. */
export function verifySm2(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  requireSm2(publicKey)
  return createVerify('sm3').update(identityHash(publicKey)).update(message).verify(publicKey, signature)
}

const { getSharedSecret } = ecdh(weierstrass(curve))

/**
 * The x-coordinate of the shared point; undefined unless the peer's key is a SubjectPublicKeyInfo of a point on this curve,
 * in DER. node:crypto refuses the key: to it, one that was read is of no type that it knows.
 */
export function agreeSm2(privateKey: KeyObject, peerPublicKey: Uint8Array): Buffer | undefined {
  requireSm2(privateKey)
  const peer = pointOf(peerPublicKey)
  if (peer === undefined) return undefined
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  try {
    const start = pkcs8.indexOf(beforeSecret) + beforeSecret.length
    const shared = getSharedSecret(pkcs8.subarray(start, start + COORDINATE_BYTES), peer, true)
    return Buffer.from(shared.buffer, shared.byteOffset + 1, COORDINATE_BYTES)
  } finally {
    pkcs8.fill(0)
  }
}

/** Z of a public key (GB/T 32918.2, section 5.5). */
function identityHash(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-2 * COORDINATE_BYTES)
  return createHash('sm3').update(identity).update(point).digest()
}

/** SEQUENCE { SEQUENCE { id-ecPublicKey, sm2p256v1 }, BIT STRING }, without the lengths of the first and last. */
const algorithm = Buffer.from('301306072a8648ce3d020106082a811ccf5501822d', 'hex')
const ALGORITHM_OFFSET = 2
const POINT_OFFSET = ALGORITHM_OFFSET + algorithm.length + 3

/** The point of a SubjectPublicKeyInfo, which OpenSSL has found to be on its curve. */
function pointOf(spki: Uint8Array): Buffer | undefined {
  let written: Buffer
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    written = key.export({ type: 'spki', format: 'der' })
  } catch {
    return undefined
  }
  // Written anew, so that there is one reading of it; and OpenSSL takes what comes after the end.
  if (!written.equals(spki)) return undefined
  if (!written.subarray(ALGORITHM_OFFSET, ALGORITHM_OFFSET + algorithm.length).equals(algorithm))
    return undefined
  const point = written.subarray(POINT_OFFSET)
  // The hybrid form must not be used (RFC 5480, section 2.2), but OpenSSL reads it.
  return point[0] === 0x06 || point[0] === 0x07 ? undefined : point
}

/** The version of ECPrivateKey (RFC 5915), and the head of the secret number. */
const beforeSecret = Buffer.from('0201010420', 'hex')

/**
 * One that was read from DER. A key as it was generated is to OpenSSL an elliptic curve key like others, with which it
 * makes ECDSA signatures over SM3 (OpenSSL 3.5.8, Node 26.10).
 */
function requireSm2(key: KeyObject): void {
  if (key.asymmetricKeyType === 'ec') throw new TypeError('An SM2 key has to be read from its DER')
}

function coordinate(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * COORDINATE_BYTES, '0'), 'hex')
}
