import { createECDH, generateKeyPairSync } from 'node:crypto'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import {
  bitString,
  bytesOf,
  integer,
  nothing,
  numberOf,
  objectIdentifier,
  octetString,
  sequence,
  tlv,
} from '../der.ts'
import { curveIdentifiers, ecSpki, uncompressed, type NamedCurve } from '../key-encodings.ts'

/** A curve that keys agree on, with its numbers (SP 800-186, section 3.2.1) from another library than the server uses for it. */
export interface Curve {
  readonly KeySpec: 'ECC_NIST_P256' | 'ECC_NIST_P384' | 'ECC_NIST_P521'
  readonly name: Exclude<NamedCurve, 'secp256k1'>
  readonly lengthBytes: number
  readonly numbers: ReturnType<typeof p256.Point.CURVE>
}

export const agreementCurves: readonly Curve[] = [
  { KeySpec: 'ECC_NIST_P256', name: 'prime256v1', lengthBytes: 32, numbers: p256.Point.CURVE() },
  { KeySpec: 'ECC_NIST_P384', name: 'secp384r1', lengthBytes: 48, numbers: p384.Point.CURVE() },
  { KeySpec: 'ECC_NIST_P521', name: 'secp521r1', lengthBytes: 66, numbers: p521.Point.CURVE() },
]

const EC_PUBLIC_KEY = objectIdentifier('1.2.840.10045.2.1')
const PRIME_FIELD = objectIdentifier('1.2.840.10045.1.1')

/** A point of the curve that nobody else has. */
export interface Peer {
  readonly secret: Buffer
  readonly x: Buffer
  readonly y: Buffer
  readonly spki: Buffer
}

export function newPeer({ name, lengthBytes }: Curve): Peer {
  const ecdh = createECDH(name)
  const point = ecdh.generateKeys()
  const [x, y] = [point.subarray(1, 1 + lengthBytes), point.subarray(1 + lengthBytes)]
  return { secret: ecdh.getPrivateKey(), x, y, spki: ecSpki(name, point) }
}

/** SEC 1, section 2.3.3. */
export function compressed({ x, y }: Pick<Peer, 'x' | 'y'>): Buffer {
  return Buffer.concat([Buffer.of(2 + ((y.at(-1) ?? 0) & 1)), x])
}

/** What is no key of another owner on this curve, by what is wrong with it. */
export function unfitPeerKeys(curve: Curve): Readonly<Record<string, Buffer>> {
  return { ...unfitPoints(curve), ...unfitEncodings(curve), ...otherKeys(curve) }
}

function unfitPoints(curve: Curve): Record<string, Buffer> {
  const { name, lengthBytes, numbers } = curve
  const { x, y } = newPeer(curve)
  const field = (value: bigint) => bytesOf(value, lengthBytes)
  const at = (px: Uint8Array, py: Uint8Array) => ecSpki(name, uncompressed(px, py))
  const zero = field(0n)
  const hybridForm = 6 + ((y.at(-1) ?? 0) & 1)
  const offCurve = xOffTheCurve(curve)
  return {
    'a point beside the curve': at(x, field((numberOf(y) + 1n) % numbers.p)),
    'a point whose coordinates are swapped': at(y, x),
    // On the curve with the same a and another b, where its order is two: the smallest subgroup of the invalid curve attack.
    'a point of order two of another curve': at(x, zero),
    'the origin': at(zero, zero),
    'the point at infinity': ecSpki(name, Buffer.of(0)),
    'the point at infinity in the length of others': ecSpki(name, Buffer.concat([Buffer.of(0), x, y])),
    'no point': ecSpki(name, Buffer.alloc(0)),
    'a coordinate that is the prime': at(field(numbers.p), y),
    'coordinates of ones': at(Buffer.alloc(lengthBytes, 0xff), Buffer.alloc(lengthBytes, 0xff)),
    'a compressed point of the twist': ecSpki(name, Buffer.concat([Buffer.of(2), field(offCurve)])),
    'a point of the twist without a y': at(field(offCurve), y),
    'a compressed point whose x is the prime': ecSpki(name, Buffer.concat([Buffer.of(2), field(numbers.p)])),
    'the hybrid form': ecSpki(name, Buffer.concat([Buffer.of(hybridForm), x, y])),
    'the hybrid form with the wrong parity': ecSpki(name, Buffer.concat([Buffer.of(hybridForm ^ 1), x, y])),
    'a form that does not exist': ecSpki(name, Buffer.concat([Buffer.of(5), x, y])),
    'a coordinate too short': at(x, y.subarray(1)),
    'a coordinate too long': at(x, Buffer.concat([Buffer.of(0), y])),
    'a point without its form': ecSpki(name, Buffer.concat([x, y])),
    'a point and something after it': ecSpki(name, Buffer.concat([uncompressed(x, y), Buffer.of(0)])),
    // The field of P-521 leaves seven bits free, so there a coordinate can be given with the prime added.
    ...(name === 'secp521r1' && { 'a coordinate plus the prime': at(field(numberOf(x) + numbers.p), y) }),
  }
}

/** The smallest x with which there is no point, by Euler's criterion. */
function xOffTheCurve({ numbers: { p, a, b } }: Curve): bigint {
  for (let x = 1n; ; x++) {
    if (power((x ** 3n + a * x + b) % p, (p - 1n) / 2n, p) === p - 1n) return x
  }
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let b = base, e = exponent; e > 0n; e >>= 1n, b = (b * b) % modulus) {
    if (e & 1n) result = (result * b) % modulus
  }
  return result
}

function unfitEncodings(curve: Curve): Record<string, Buffer> {
  const { name } = curve
  const { x, y, spki } = newPeer(curve)
  const point = uncompressed(x, y)
  const identifier = objectIdentifier(curveIdentifiers[name])
  const algorithm = sequence(EC_PUBLIC_KEY, identifier)
  const content = spki.subarray(spki[1] === 0x81 ? 3 : 2)
  const pem = `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`
  return {
    'a byte after the key': Buffer.concat([spki, Buffer.of(0)]),
    'a second key after the key': Buffer.concat([spki, spki]),
    'a byte before the key': Buffer.concat([Buffer.of(0), spki]),
    'something after the point in the sequence': sequence(algorithm, bitString(point), nothing),
    'something after the curve': sequence(sequence(EC_PUBLIC_KEY, identifier, nothing), bitString(point)),
    'no curve': sequence(sequence(EC_PUBLIC_KEY), bitString(point)),
    'the curve of the issuer': sequence(sequence(EC_PUBLIC_KEY, nothing), bitString(point)),
    'the curve as text': sequence(sequence(EC_PUBLIC_KEY, tlv(0x0c, Buffer.from(name))), bitString(point)),
    'no point at all': sequence(algorithm),
    'no algorithm': sequence(bitString(point)),
    'the point in an octet string': sequence(algorithm, octetString(point)),
    'the point in an octet string in the bit string': sequence(algorithm, bitString(octetString(point))),
    'unused bits that are not there': sequence(algorithm, tlv(0x03, Buffer.of(7), point)),
    'more unused bits than a byte has': sequence(algorithm, tlv(0x03, Buffer.of(9), point)),
    'a bit string in parts': sequence(
      algorithm,
      tlv(0x23, bitString(point.subarray(0, 9)), bitString(point.subarray(9))),
    ),
    'a set instead of a sequence': tlv(0x31, content),
    'a length in more bytes than it needs': Buffer.concat([
      Buffer.of(0x30, 0x83, 0, 0, content.length),
      content,
    ]),
    'a length of four gigabytes': Buffer.concat([Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff), content]),
    'a length of 2^63 bytes': Buffer.concat([Buffer.of(0x30, 0x88, 0x80), Buffer.alloc(7), content]),
    'a length of 126 bytes': Buffer.concat([Buffer.of(0x30, 0xfe), Buffer.alloc(126, 1), content]),
    'an indefinite length': Buffer.concat([Buffer.of(0x30, 0x80), content, Buffer.of(0, 0)]),
    'an inner length beyond the end': sequence(
      algorithm,
      Buffer.concat([Buffer.of(0x03, 0x84, 0x7f, 0xff, 0xff, 0xff, 0), point]),
    ),
    'sequences within sequences': nested(4000),
    'indefinite sequences within each other': Buffer.alloc(8192, Buffer.of(0x30, 0x80)),
    'as many zeros as are allowed': Buffer.alloc(8192),
    'as many ones as are allowed': Buffer.alloc(8192, 0xff),
    'an identifier without end': sequence(
      sequence(EC_PUBLIC_KEY, tlv(0x06, Buffer.alloc(8000, 0xff))),
      bitString(point),
    ),
    'one zero': Buffer.of(0),
    'the point alone': point,
    'the key in PEM': Buffer.from(pem),
    'the key in base64': Buffer.from(spki.toString('base64')),
    'the key in hexadecimal digits': Buffer.from(spki.toString('hex')),
  }
}

function nested(depth: number): Buffer {
  const starts: Buffer[] = []
  for (let rest = 0; starts.length < depth && rest < 8000;) {
    const start = sequence(Buffer.alloc(rest)).subarray(0, rest < 0x80 ? 2 : rest < 0x100 ? 3 : 4)
    starts.unshift(start)
    rest += start.length
  }
  return Buffer.concat(starts)
}

function otherKeys(curve: Curve): Record<string, Buffer> {
  const { x, y } = newPeer(curve)
  const point = uncompressed(x, y)
  const spkiOf = (key: { publicKey: { export(options: { type: 'spki'; format: 'der' }): Buffer } }) =>
    key.publicKey.export({ type: 'spki', format: 'der' })
  const keys: Record<string, Buffer> = {
    'parameters spelt out': explicit(curve, point, {}),
    'parameters spelt out without a cofactor': explicit(curve, point, { cofactor: undefined }),
    'parameters spelt out with a cofactor of zero': explicit(curve, point, { cofactor: 0n }),
    'parameters spelt out with a negative cofactor': explicit(curve, point, { cofactor: -1n }),
    'parameters spelt out with the order as cofactor': explicit(curve, point, { cofactor: curve.numbers.n }),
    // With the peer's own point as generator its secret would be one: CVE-2020-0601.
    'parameters spelt out with another generator': explicit(curve, point, { generator: point }),
    'parameters spelt out with another b': explicit(curve, point, { b: curve.numbers.b + 1n }),
    'parameters spelt out with another order': explicit(curve, point, { order: 7n }),
    'parameters spelt out with a prime of zero': explicit(curve, point, { prime: 0n }),
    'parameters spelt out with a negative prime': explicit(curve, point, { prime: -curve.numbers.p }),
    'the identifier of ECDH keys': sequence(
      sequence(objectIdentifier('1.3.132.1.12'), objectIdentifier(curveIdentifiers[curve.name])),
      bitString(point),
    ),
    'the identifier of an X25519 key': sequence(sequence(objectIdentifier('1.3.101.110')), bitString(x)),
    'an X25519 key': spkiOf(generateKeyPairSync('x25519')),
    'an Ed25519 key': spkiOf(generateKeyPairSync('ed25519')),
    'an RSA key': spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
    'an ML-KEM key': spkiOf(generateKeyPairSync('ml-kem-512')),
    'a private key': generateKeyPairSync('ec', { namedCurve: curve.name }).privateKey.export({
      type: 'pkcs8',
      format: 'der',
    }),
  }
  for (const name of ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1', 'secp224r1', 'brainpoolP256r1']) {
    if (name === curve.name) continue
    keys[`a key on ${name}`] = spkiOf(generateKeyPairSync('ec', { namedCurve: name }))
    if (!(name in curveIdentifiers)) continue
    keys[`a point that is said to be on ${name}`] = ecSpki(name as NamedCurve, point)
  }
  return keys
}

/** SpecifiedECDomain (SEC 1, section C.2), which RFC 5480 forbids. */
function explicit(
  { numbers, lengthBytes }: Curve,
  point: Buffer,
  changed: { prime?: bigint; b?: bigint; generator?: Buffer; order?: bigint; cofactor?: bigint | undefined },
): Buffer {
  const field = (value: bigint) => octetString(bytesOf(value, lengthBytes))
  const own = uncompressed(bytesOf(numbers.Gx, lengthBytes), bytesOf(numbers.Gy, lengthBytes))
  const cofactor = 'cofactor' in changed ? changed.cofactor : numbers.h
  const parameters = sequence(
    integer(1n),
    sequence(PRIME_FIELD, integer(changed.prime ?? numbers.p)),
    sequence(field(numbers.a), field(changed.b ?? numbers.b)),
    octetString(changed.generator ?? own),
    integer(changed.order ?? numbers.n),
    ...(cofactor === undefined ? [] : [integer(cofactor)]),
  )
  return sequence(sequence(EC_PUBLIC_KEY, parameters), bitString(point))
}
