import { createHash } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'

/** RFC 8032, section 5.1, step by step, so that a signature can be made wrong in one place and fit in all others. */

const { Point } = ed25519
const ORDER = Point.CURVE().n
const PRIME = Point.CURVE().p

export type Variant = 'ed25519' | 'ed25519ph' | 'ed25519ctx'

const sha512 = (...parts: readonly Uint8Array[]) => createHash('sha512').update(Buffer.concat(parts)).digest()

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

function toLittleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
}

/** dom2 (section 2), empty for the pure variant. */
function domain(variant: Variant, context: Buffer): Buffer {
  if (variant === 'ed25519') return Buffer.alloc(0)
  const flag = variant === 'ed25519ph' ? 1 : 0
  return Buffer.concat([
    Buffer.from('SigEd25519 no Ed25519 collisions'),
    Buffer.of(flag, context.length),
    context,
  ])
}

export interface Signer {
  readonly seed: Buffer
  readonly variant: Variant
}

interface Choices {
  /** The discrete logarithm of R. */
  readonly nonce?: bigint
  /** What is written for R, and hashed. */
  readonly encodedR?: Buffer
  readonly context?: Buffer
  /** Multiplies what is taken of the private key. */
  readonly factor?: bigint
}

export function signByTheBook({ seed, variant }: Signer, message: Buffer, choices: Choices = {}): Buffer {
  const expanded = sha512(seed)
  const secret = Buffer.from(expanded.subarray(0, 32))
  secret[0] = (secret[0] ?? 0) & 0xf8
  secret[31] = ((secret[31] ?? 0) & 0x7f) | 0x40
  const a = littleEndian(secret) % ORDER
  const nonce = choices.nonce ?? 0x1234_5678_9abc_def0n
  const publicKey = Buffer.from(Point.BASE.multiply(a).toBytes())
  const R = choices.encodedR ?? Buffer.from(Point.BASE.multiply(nonce).toBytes())
  const input = variant === 'ed25519ph' ? sha512(message) : message
  const k = littleEndian(sha512(domain(variant, choices.context ?? Buffer.alloc(0)), R, publicKey, input))
  return Buffer.concat([R, toLittleEndian((nonce + k * a * (choices.factor ?? 1n)) % ORDER)])
}

/** What a signature must not be taken for, by what is wrong with it. */
export function malformed(signer: Signer, message: Buffer): Readonly<Record<string, Buffer>> {
  const right = signByTheBook(signer, message)
  const [R, S] = [right.subarray(0, 32), littleEndian(right.subarray(32))]
  const withS = (value: bigint) => Buffer.concat([R, toLittleEndian(value)])
  const withR = (encodedR: Buffer, nonce = 0n) => signByTheBook(signer, message, { nonce, encodedR })
  const identity = (y: bigint, sign: 0 | 1) => toLittleEndian(y | (BigInt(sign) << 255n))
  const pad = (length: number) => Buffer.concat([right, Buffer.alloc(length - right.length)])
  const all: Record<string, Buffer> = {
    'S of zero': withS(0n),
    'S of the order': withS(ORDER),
    'S of the order less one': withS(ORDER - 1n),
    'S negated': withS(ORDER - S),
    'S of ones': withS((1n << 256n) - 1n),
    // The equation holds for each of these; only their encoding is another.
    'R is zero, and y the prime and one': withR(identity(PRIME + 1n, 0)),
    'R is zero, and x is minus zero': withR(identity(1n, 1)),
    'R is zero, and both': withR(identity(PRIME + 1n, 1)),
    'R with the sign of x changed': withR(flipped(R, 255), 0x1234_5678_9abc_def0n),
    'R that is no point': withR(toLittleEndian(2n)),
    'R of ones': withR(Buffer.alloc(32, 0xff)),
    'R of another nonce': withR(R, 5n),
    'the private key doubled': signByTheBook(signer, message, { factor: 2n }),
    'R and S changed for each other': Buffer.concat([right.subarray(32), R]),
    zeros: Buffer.alloc(64),
    ones: Buffer.alloc(64, 0xff),
    'R alone': R,
    'a byte missing': right.subarray(0, 63),
    'a byte too many': pad(65),
    'zeros after it, as many as are allowed': pad(6144),
    'a byte before it': Buffer.concat([Buffer.of(0), right]),
    'twice itself': Buffer.concat([right, right]),
    'its base64': Buffer.from(right.toString('base64')),
    'a context of one byte': signByTheBook(
      { ...signer, variant: signer.variant === 'ed25519' ? 'ed25519ctx' : signer.variant },
      message,
      { context: Buffer.of(0) },
    ),
    'the variant with an empty context': signByTheBook({ ...signer, variant: 'ed25519ctx' }, message),
    'the other variant': signByTheBook(
      { ...signer, variant: signer.variant === 'ed25519' ? 'ed25519ph' : 'ed25519' },
      message,
    ),
  }
  for (let times = 1n; S + times * ORDER < 1n << 256n; times++) {
    all[`S and the order ${times} times`] = withS(S + times * ORDER)
  }
  return all
}

/** A bit of the little-endian number that the bytes are. */
export function flipped(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return changed
}

/** What anyone can make of a signature without its key. */
export function derived(signature: Buffer): Readonly<Record<string, Buffer>> {
  const [R, S] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))]
  return {
    'S and the order': Buffer.concat([R, toLittleEndian(S + ORDER)]),
    'S and eight times the order': Buffer.concat([R, toLittleEndian(S + 8n * ORDER)]),
    'S negated': Buffer.concat([R, toLittleEndian(ORDER - S)]),
    'R negated': flipped(signature, 255),
    'both negated': flipped(Buffer.concat([R, toLittleEndian(ORDER - S)]), 255),
    'R a small point': Buffer.concat([toLittleEndian(1n), signature.subarray(32)]),
    'a byte missing': signature.subarray(0, 63),
    'a byte too many': Buffer.concat([signature, Buffer.of(0)]),
    'filled up to 6144 bytes': Buffer.concat([signature, Buffer.alloc(6080)]),
    'one byte': Buffer.of(0),
    zeros: Buffer.alloc(64),
  }
}
