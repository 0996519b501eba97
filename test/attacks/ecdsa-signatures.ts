import { p256, p384, p521 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesOf, integer, nothing, numberOf, octetString, sequence, tlv } from '../der.ts'
import type { NamedCurve } from '../key-encodings.ts'

export interface EcdsaCurve {
  readonly KeySpec: 'ECC_NIST_P256' | 'ECC_NIST_P384' | 'ECC_NIST_P521' | 'ECC_SECG_P256K1'
  readonly SigningAlgorithm: 'ECDSA_SHA_256' | 'ECDSA_SHA_384' | 'ECDSA_SHA_512'
  readonly name: NamedCurve
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  /** Of the group (SP 800-186, section 3.2.1; SEC 2, section 2.4.1). */
  readonly order: bigint
}

export const ecdsaCurves: readonly EcdsaCurve[] = [
  {
    KeySpec: 'ECC_NIST_P256',
    SigningAlgorithm: 'ECDSA_SHA_256',
    name: 'prime256v1',
    hash: 'sha256',
    order: p256.Point.CURVE().n,
  },
  {
    KeySpec: 'ECC_NIST_P384',
    SigningAlgorithm: 'ECDSA_SHA_384',
    name: 'secp384r1',
    hash: 'sha384',
    order: p384.Point.CURVE().n,
  },
  {
    KeySpec: 'ECC_NIST_P521',
    SigningAlgorithm: 'ECDSA_SHA_512',
    name: 'secp521r1',
    hash: 'sha512',
    order: p521.Point.CURVE().n,
  },
  {
    KeySpec: 'ECC_SECG_P256K1',
    SigningAlgorithm: 'ECDSA_SHA_256',
    name: 'secp256k1',
    hash: 'sha256',
    order: secp256k1.Point.CURVE().n,
  },
]

export interface Numbers {
  readonly r: bigint
  readonly s: bigint
}

/** ECDSA-Sig-Value of RFC 3279 as it has to be written. */
export function encoded({ r, s }: Numbers): Buffer {
  return sequence(integer(r), integer(s))
}

/** The numbers of a signature that is known to be well formed. */
export function numbersOf(signature: Uint8Array): Numbers {
  let at = signature[1] === 0x81 ? 3 : 2
  const next = () => {
    const start = at + 2
    at = start + (signature[at + 1] as number)
    return numberOf(signature.subarray(start, at))
  }
  return { r: next(), s: next() }
}

/** What is no signature though it was made from one, by how. */
export function malformed(signature: Buffer, { order: n }: EcdsaCurve): Readonly<Record<string, Buffer>> {
  const numbers = numbersOf(signature)
  return { ...otherNumbers(numbers, n), ...otherEncodings(numbers, signature) }
}

function otherNumbers({ r, s }: Numbers, n: bigint): Record<string, Buffer> {
  const all: Record<string, Numbers> = {
    'r of zero': { r: 0n, s },
    's of zero': { r, s: 0n },
    'r and s of zero': { r: 0n, s: 0n },
    'r and s of one': { r: 1n, s: 1n },
    'r of the order': { r: n, s },
    's of the order': { r, s: n },
    'r and s of the order': { r: n, s: n },
    'r of the order less one': { r: n - 1n, s },
    'r with the order added': { r: r + n, s },
    's with the order added': { r, s: s + n },
    'r with the order taken away': { r: r - n, s },
    's with the order taken away': { r, s: s - n },
    'r with a multiple of the order': { r: r + (n << 64n), s },
    'r negated': { r: -r, s },
    's negated': { r, s: -s },
    'r and s negated': { r: -r, s: -s },
    'r mirrored': { r: n - r, s },
    'r and s changed for each other': { r: s, s: r },
    'r of 6000 bytes': { r: r + (1n << 48_000n), s },
  }
  return Object.fromEntries(Object.entries(all).map(([what, changed]) => [what, encoded(changed)]))
}

function otherEncodings({ r, s }: Numbers, signature: Buffer): Record<string, Buffer> {
  const [R, S] = [integer(r), integer(s)]
  const content = Buffer.concat([R, S])
  const [plainR, plainS] = [bytesOf(r), bytesOf(s)]
  return {
    nothing: Buffer.alloc(1),
    'an empty sequence': sequence(),
    'the tag alone': Buffer.of(0x30),
    'only r': sequence(R),
    'a third number': sequence(R, S, integer(1n)),
    'r, s and s': sequence(R, S, S),
    'null after s': sequence(R, S, nothing),
    'null for s': sequence(R, nothing),
    'a byte after it': Buffer.concat([signature, Buffer.of(0)]),
    'another signature after it': Buffer.concat([signature, signature]),
    'filled up with zeros to 6144 bytes': Buffer.concat([signature, Buffer.alloc(6144 - signature.length)]),
    'a byte before it': Buffer.concat([Buffer.of(0), signature]),
    'a sequence around it': sequence(signature),
    'an octet string around it': octetString(signature),
    'a set': tlv(0x31, content),
    'r as an octet string': sequence(octetString(plainR), S),
    'r as a boolean': sequence(tlv(0x01, plainR), S),
    'r as an enumeration': sequence(tlv(0x0a, plainR), S),
    'r in a context tag': sequence(tlv(0x80, plainR), S),
    'r as a constructed number': sequence(tlv(0x22, R), S),
    'r without bytes': sequence(tlv(0x02), S),
    'r with a zero too many': sequence(tlv(0x02, Buffer.of(0), R.subarray(2)), S),
    's with a zero too many': sequence(R, tlv(0x02, Buffer.of(0), S.subarray(2))),
    'r with ones before it': sequence(tlv(0x02, Buffer.of(0xff), R.subarray(2)), S),
    // What a caller gets who writes the numbers as they are: they are negative then.
    'high bits without a zero before them': sequence(
      tlv(0x02, highBitSet(plainR)),
      tlv(0x02, highBitSet(plainS)),
    ),
    'the length in more bytes than it needs': Buffer.concat([
      Buffer.of(0x30, 0x82, 0, content.length),
      content,
    ]),
    'the length of r in more bytes than it needs': sequence(
      Buffer.of(0x02, 0x81, (R[1] as number) & 0x7f),
      R.subarray(2),
      S,
    ),
    'a length one too short': Buffer.concat([header(content.length - 1), content]),
    'a length one too long': Buffer.concat([header(content.length + 1), content]),
    'a length of 2^32 - 1': Buffer.concat([Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff), content]),
    'a length of 2^32 more': Buffer.concat([Buffer.of(0x30, 0x85, 1, 0, 0, 0, content.length), content]),
    'a length of 2^64 more': Buffer.concat([
      Buffer.of(0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, content.length),
      content,
    ]),
    'an indefinite length': Buffer.concat([Buffer.of(0x30, 0x80), content, Buffer.of(0, 0)]),
    'an indefinite length without an end': Buffer.concat([Buffer.of(0x30, 0x80), content]),
    'the length of r beyond the end': sequence(Buffer.of(0x02, 0x7f), R.subarray(2), S),
    'r and s side by side': Buffer.concat([plainR, plainS]),
    'its base64': Buffer.from(signature.toString('base64')),
    'its hexadecimal digits': Buffer.from(signature.toString('hex')),
    'zeros, as many as are allowed': Buffer.alloc(6144),
    'sequences within each other without end': Buffer.alloc(6144, Buffer.of(0x30, 0x80)),
  }
}

function header(length: number): Buffer {
  return length < 0x80 ? Buffer.of(0x30, length) : Buffer.of(0x30, 0x81, length)
}

function highBitSet(bytes: Buffer): Buffer {
  const set = Buffer.from(bytes)
  set[0] = (set[0] ?? 0) | 0x80
  return set
}
