import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyForm, PrivateKeyForm } from '../server/src/crypto/key-form.ts'
import { bitString, integer, objectIdentifier, octetString, sequence } from './der.ts'

/** Keys given as numbers and bytes, as published figures give them, in the encodings that libraries read. */

export type NamedCurve = Extract<PrivateKeyForm, { type: 'ec' }>['namedCurve']
export type MlDsa = Extract<PrivateKeyForm, { type: 'ml-dsa' }>['parameterSet']
export type MlKem = Extract<PrivateKeyForm, { type: 'ml-kem' }>['parameterSet']

/** RFC 5480, section 2.1.1.1; SEC 2 for the last. */
export const curveIdentifiers = {
  prime256v1: '1.2.840.10045.3.1.7',
  secp384r1: '1.3.132.0.34',
  secp521r1: '1.3.132.0.35',
  secp256k1: '1.3.132.0.10',
} as const satisfies Record<NamedCurve, string>

const fieldBytes = { prime256v1: 32, secp384r1: 48, secp521r1: 66, secp256k1: 32 } as const

const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const ED25519 = '1.3.101.112'
/** NIST's Computer Security Objects Register, nistAlgorithms. */
const mlIdentifiers = {
  'ml-dsa-44': '2.16.840.1.101.3.4.3.17',
  'ml-dsa-65': '2.16.840.1.101.3.4.3.18',
  'ml-dsa-87': '2.16.840.1.101.3.4.3.19',
  'ml-kem-512': '2.16.840.1.101.3.4.4.1',
  'ml-kem-768': '2.16.840.1.101.3.4.4.2',
  'ml-kem-1024': '2.16.840.1.101.3.4.4.3',
} as const satisfies Record<MlDsa | MlKem, string>

/** RFC 5480; the point is encoded by the caller, well or badly. */
export function ecSpki(namedCurve: NamedCurve, point: Uint8Array): Buffer {
  const algorithm = sequence(objectIdentifier(EC_PUBLIC_KEY), objectIdentifier(curveIdentifiers[namedCurve]))
  return sequence(algorithm, bitString(point))
}

/** SEC 1, section 2.3.3, uncompressed. */
export function uncompressed(x: Uint8Array, y: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(4), x, y])
}

/** PKCS #8 with the ECPrivateKey of RFC 5915, without the public key. */
export function ecPkcs8(namedCurve: NamedCurve, secret: Uint8Array): Buffer {
  const padded = Buffer.concat([Buffer.alloc(fieldBytes[namedCurve] - secret.length), secret])
  const algorithm = sequence(objectIdentifier(EC_PUBLIC_KEY), objectIdentifier(curveIdentifiers[namedCurve]))
  return sequence(integer(0n), algorithm, octetString(sequence(integer(1n), octetString(padded))))
}

/** RFC 8410. */
export function ed25519Pkcs8(seed: Uint8Array): Buffer {
  return sequence(integer(0n), sequence(objectIdentifier(ED25519)), octetString(octetString(seed)))
}

export function ed25519Spki(publicKey: Uint8Array): Buffer {
  return sequence(sequence(objectIdentifier(ED25519)), bitString(publicKey))
}

export function mlSpki(parameterSet: MlDsa | MlKem, publicKey: Uint8Array): Buffer {
  return sequence(sequence(objectIdentifier(mlIdentifiers[parameterSet])), bitString(publicKey))
}

/** The seed form of RFC 9881 and RFC 9935: ξ for ML-DSA, d ‖ z for ML-KEM. */
export function mlSeedPkcs8(parameterSet: MlDsa | MlKem, seed: Uint8Array): Buffer {
  return mlPkcs8(parameterSet, Buffer.concat([Buffer.of(0x80, seed.length), seed]))
}

/** The form without a seed of RFC 9935. */
export function mlExpandedPkcs8(parameterSet: MlKem, decapsulationKey: Uint8Array): Buffer {
  return mlPkcs8(parameterSet, octetString(decapsulationKey))
}

function mlPkcs8(parameterSet: MlDsa | MlKem, privateKey: Uint8Array): Buffer {
  const algorithm = sequence(objectIdentifier(mlIdentifiers[parameterSet]))
  return sequence(integer(0n), algorithm, octetString(privateKey))
}

/** Hexadecimal numbers. */
export interface RsaFigures {
  readonly n: string
  readonly e: string
  readonly d: string
  readonly p: string
  readonly q: string
}

const number = (hex: string) => BigInt(`0x${hex}`)

/** PKCS #8 with the RSAPrivateKey of RFC 8017, appendix A.1.2. */
export function rsaPkcs8({ n, e, d, p, q }: RsaFigures): Buffer {
  const [N, E, D, P, Q] = [number(n), number(e), number(d), number(p), number(q)]
  const numbers = [0n, N, E, D, P, Q, D % (P - 1n), D % (Q - 1n), inverse(Q, P)]
  const key = createPrivateKey({ key: sequence(...numbers.map(integer)), format: 'der', type: 'pkcs1' })
  return key.export({ format: 'der', type: 'pkcs8' })
}

export function rsaSpki({ n, e }: Pick<RsaFigures, 'n' | 'e'>): Buffer {
  const key = createPublicKey({
    key: sequence(integer(number(n)), integer(number(e))),
    format: 'der',
    type: 'pkcs1',
  })
  return key.export({ format: 'der', type: 'spki' })
}

export function rsaForm({ n }: Pick<RsaFigures, 'n'>): KeyForm {
  const modulusBits = number(n).toString(2).length
  return { type: 'rsa', modulusBits: modulusBits as 2048 | 3072 | 4096 }
}

/** Extended Euclid. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n]
  while (b !== 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y]
  return ((x % modulus) + modulus) % modulus
}
