import assert from 'node:assert/strict'
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  generatePrimeSync,
  type KeyObject,
} from 'node:crypto'
import { test } from 'node:test'
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
} from '../../../test/der.ts'
import { ecPkcs8, ed25519Pkcs8 } from '../../../test/key-encodings.ts'
import { canonicalPrivateKey, type ImportableForm } from './import-private-key.ts'
import { generatePrivateKey, privateKeyBytes } from './key-generation.ts'

const rsa2048 = { type: 'rsa', modulusBits: 2048 } as const
const p256 = { type: 'ec', namedCurve: 'prime256v1' } as const
const forms: readonly ImportableForm[] = [
  rsa2048,
  { type: 'rsa', modulusBits: 3072 },
  { type: 'rsa', modulusBits: 4096 },
  p256,
  { type: 'ec', namedCurve: 'secp384r1' },
  { type: 'ec', namedCurve: 'secp521r1' },
  { type: 'ec', namedCurve: 'secp256k1' },
  { type: 'sm2' },
  { type: 'ed25519' },
]
const nameOf = (form: ImportableForm) => Object.values(form).join(' ')
const canonical = (form: ImportableForm, bytes: Uint8Array) =>
  canonicalPrivateKey(form, createSecretKey(bytes))

const own = new Map(forms.map((form) => [form, privateKeyBytes(generatePrivateKey(form))]))

for (const form of forms) {
  test(`${nameOf(form)}: a key as it is written here stays as it is, and is no key of another form`, () => {
    const bytes = own.get(form) as Buffer
    assert.deepEqual(canonical(form, bytes), bytes)
    for (const other of forms)
      if (other !== form) assert.equal(canonical(other, bytes), undefined, nameOf(other))
  })

  test(`${nameOf(form)}: what is cut, longer or of another encoding is refused`, () => {
    const bytes = own.get(form) as Buffer
    const key = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
    const encrypted = { type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'x' } as const
    const refused: Record<string, Uint8Array> = {
      nothing: Buffer.alloc(0),
      'a byte': Buffer.of(0x30),
      'cut by one': bytes.subarray(0, -1),
      'with a byte after it': Buffer.concat([bytes, Buffer.alloc(1)]),
      'as PEM': Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })),
      'the public key': createPublicKey(key).export({ type: 'spki', format: 'der' }),
      encrypted: key.export(encrypted),
      'of indefinite length': Buffer.concat([Buffer.of(0x30, 0x80), contentOf(bytes), Buffer.alloc(2)]),
      'a length in too many bytes': Buffer.concat([
        Buffer.of(0x30, 0x83, 0),
        bytesOf(BigInt(contentOf(bytes).length), 2),
        contentOf(bytes),
      ]),
    }
    for (const [what, given] of Object.entries(refused)) assert.equal(canonical(form, given), undefined, what)
  })
}

test('attributes beside a key are left behind', () => {
  const bytes = own.get(p256) as Buffer
  const attribute = sequence(objectIdentifier('2.5.29.15'), tlv(0x31, bitString(Buffer.of(0x80))))
  const withAttributes = sequence(contentOf(bytes), tlv(0xa0, attribute))
  assert.deepEqual(canonical(p256, withAttributes), bytes)
})

test('a key on a curve without its public key, or with a compressed one, is written with it', () => {
  const bytes = own.get(p256) as Buffer
  const secret = bytes.subarray(36, 68)
  assert.deepEqual(canonical(p256, ecPkcs8('prime256v1', secret)), bytes)
  const [x, y] = [bytes.subarray(-64, -32), bytes.subarray(-32)]
  const compressed = Buffer.concat([Buffer.of(2 + ((y[31] as number) & 1)), x])
  assert.deepEqual(canonical(p256, p256Key(secret, compressed)), bytes)
})

test('a key on a curve is refused with the public key of another, or with a point that is not on the curve', () => {
  const bytes = own.get(p256) as Buffer
  const secret = bytes.subarray(36, 68)
  const other = privateKeyBytes(generatePrivateKey(p256)).subarray(-65)
  assert.equal(canonical(p256, p256Key(secret, other)), undefined)
  const offCurve = Buffer.from(bytes.subarray(-65))
  offCurve[64] = (offCurve[64] as number) ^ 1
  assert.equal(canonical(p256, p256Key(secret, offCurve)), undefined)
})

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

test('a private number of zero, or of the order of its curve and beyond, is refused', () => {
  for (const secret of [0n, P256_ORDER, P256_ORDER + 1n, (1n << 256n) - 1n]) {
    assert.equal(canonical(p256, ecPkcs8('prime256v1', bytesOf(secret, 32))), undefined, String(secret))
  }
  for (const secret of [1n, P256_ORDER - 1n]) {
    assert.ok(canonical(p256, ecPkcs8('prime256v1', bytesOf(secret, 32))), String(secret))
  }
})

test('a curve that is described instead of named is refused, even when it is the right one', () => {
  const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1', paramEncoding: 'explicit' }).privateKey
  assert.equal(canonical(p256, privateKeyBytes(key)), undefined)
})

test('an Ed25519 key is its seed, of exactly 32 bytes', () => {
  const form = { type: 'ed25519' } as const
  const seed = Buffer.alloc(32, 7)
  assert.deepEqual(canonical(form, ed25519Pkcs8(seed)), ed25519Pkcs8(seed))
  for (const length of [0, 31, 33, 64])
    assert.equal(canonical(form, ed25519Pkcs8(Buffer.alloc(length, 7))), undefined)
})

test('an RSA key may have its primes in any order, and its exponent of either kind', () => {
  const { p, q, e } = numbersOf(generatePrivateKey(rsa2048))
  const swapped = rsaKey({ p: q, q: p, e })
  assert.ok(canonical(rsa2048, swapped))
  const toCarmichael = rsaKey({ p, q, e, d: inverse(e, ((p - 1n) * (q - 1n)) / gcd(p - 1n, q - 1n)) })
  const toEuler = rsaKey({ p, q, e, d: inverse(e, (p - 1n) * (q - 1n)) })
  assert.ok(canonical(rsa2048, toCarmichael))
  assert.ok(canonical(rsa2048, toEuler))
})

test('an RSA key of other primes, exponents or numbers that do not belong together is refused', () => {
  const good = numbersOf(generatePrivateKey(rsa2048))
  const { p, q, e } = good
  assert.ok(canonical(rsa2048, rsaKey({ p, q, e })))
  // Of two primes of 512 bits each, so that it is odd, of the right length, and passes as anything but a prime.
  const composite = productOf1024Bits()
  const whole = rsaNumbers({ p, q, e })
  const refused: Record<string, Buffer> = {
    'a composite in the place of p': rsaKey({ p: composite, q, e }),
    'a composite in the place of q': rsaKey({ p, q: composite, e }),
    'one prime twice': rsaKey({ p, q: p, e }),
    'primes close to each other': rsaKey({ p, q: nextPrime(p), e }),
    'an exponent of 3': rsaKey({ ...primesFor(3n), e: 3n }),
    'an exponent of 1': rsaKey({ p, q, e: 1n }),
    'an even exponent': rsaKey({ p, q, e: 65_538n, d: whole.d }),
    'an exponent as long as the modulus': rsaKey({ p, q, e: whole.d, d: e }),
    'a private exponent of another key': rsaKey({ p, q, e, d: whole.d + 2n }),
    'a private exponent beyond the modulus': rsaKey({
      p,
      q,
      e,
      d: whole.d + (p - 1n) * (q - 1n) * 2n,
    }),
    'another modulus': writtenRsa({ ...whole, n: whole.n + 2n }),
    'another dp': writtenRsa({ ...whole, dp: whole.dp + 1n }),
    'another dq': writtenRsa({ ...whole, dq: whole.dq + 1n }),
    'another coefficient': writtenRsa({ ...whole, qi: whole.qi + 1n }),
    'a coefficient beyond p': writtenRsa({ ...whole, qi: whole.qi + p }),
    'a negative number': writtenRsa({ ...whole, dp: -whole.dp }),
    'a modulus of 2047 bits': rsaKey(shorterModulus(e)),
    'three primes': privateKeyBytes(multiPrime()),
  }
  for (const [what, key] of Object.entries(refused)) assert.equal(canonical(rsa2048, key), undefined, what)
})

test('an RSA key is taken only with an exponent with which signatures can be verified', () => {
  // OpenSSL takes no more than 64 bits with a modulus above 3072 bits.
  for (const [modulusBits, longest] of [
    [3072, (1n << 200n) + 1n],
    [4096, (1n << 63n) + 1n],
  ] as const) {
    assert.ok(canonical({ type: 'rsa', modulusBits }, withExponentFrom(longest, modulusBits)))
  }
  const tooLong = withExponentFrom((1n << 64n) + 1n, 4096)
  assert.equal(canonical({ type: 'rsa', modulusBits: 4096 }, tooLong), undefined)
})

test('an RSA key that is restricted to one scheme is refused', () => {
  const { privateKey } = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
  assert.equal(canonical(rsa2048, privateKeyBytes(privateKey)), undefined)
})

test('keys as long as a request may be are refused without being computed with', () => {
  const started = performance.now()
  const long = (1n << 16_000n) + 1n
  assert.equal(
    canonical(rsa2048, writtenRsa({ ...rsaNumbersOf(own.get(rsa2048) as Buffer), n: long })),
    undefined,
  )
  const { p, q } = rsaNumbersOf(own.get(rsa2048) as Buffer)
  const whole = rsaNumbersOf(own.get(rsa2048) as Buffer)
  assert.equal(canonical(rsa2048, writtenRsa({ ...whole, e: long, p, q })), undefined)
  assert.equal(canonical(rsa2048, tlv(0x30, Buffer.alloc(5000, 0x30))), undefined)
  assert.ok(performance.now() - started < 1000)
})

interface RsaNumbers {
  readonly n: bigint
  readonly e: bigint
  readonly d: bigint
  readonly p: bigint
  readonly q: bigint
  readonly dp: bigint
  readonly dq: bigint
  readonly qi: bigint
}

function numbersOf(key: KeyObject): RsaNumbers {
  const jwk = key.export({ format: 'jwk' }) as Record<keyof RsaNumbers, string>
  const of = (name: keyof RsaNumbers) => numberOf(Buffer.from(jwk[name], 'base64url'))
  const { n, e, d, p, q } = { n: of('n'), e: of('e'), d: of('d'), p: of('p'), q: of('q') }
  return { n, e, d, p, q, dp: of('dp'), dq: of('dq'), qi: of('qi') }
}

const rsaNumbersOf = (bytes: Buffer) =>
  numbersOf(createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }))

function rsaNumbers({ p, q, e, d }: { p: bigint; q: bigint; e: bigint; d?: bigint }): RsaNumbers {
  const exponent = d ?? inverse(e, (p - 1n) * (q - 1n))
  const qi = inverse(q, p)
  return { n: p * q, e, d: exponent, p, q, dp: exponent % (p - 1n), dq: exponent % (q - 1n), qi }
}

const rsaKey = (given: { p: bigint; q: bigint; e: bigint; d?: bigint }) => writtenRsa(rsaNumbers(given))

/** PKCS #8 around RSAPrivateKey (RFC 8017, appendix A.1.2). */
function writtenRsa({ n, e, d, p, q, dp, dq, qi }: RsaNumbers): Buffer {
  const key = sequence(...[0n, n, e, d, p, q, dp, dq, qi].map(integer))
  return sequence(integer(0n), sequence(objectIdentifier('1.2.840.113549.1.1.1'), nothing), octetString(key))
}

function p256Key(secret: Uint8Array, point: Uint8Array): Buffer {
  const algorithm = sequence(objectIdentifier('1.2.840.10045.2.1'), objectIdentifier('1.2.840.10045.3.1.7'))
  const key = sequence(integer(1n), octetString(secret), tlv(0xa1, bitString(point)))
  return sequence(integer(0n), algorithm, octetString(key))
}

function contentOf(bytes: Buffer): Buffer {
  const first = bytes[1] as number
  return bytes.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f))
}

const primeOf = (bits: number) => generatePrimeSync(bits, { bigint: true })

function productOf1024Bits(): bigint {
  for (;;) {
    const product = primeOf(512) * primeOf(512)
    if (product.toString(2).length === 1024 && gcd(65_537n, product - 1n) === 1n) return product
  }
}

function nextPrime(from: bigint): bigint {
  // As close as p and q must not be: within 2^(1024 - 100).
  const near = (from >> 900n) << 900n
  for (let offset = 1n; ; offset += 2n) {
    const candidate = near + offset
    if (candidate !== from && isProbablyPrime(candidate) && gcd(65_537n, candidate - 1n) === 1n)
      return candidate
  }
}

function isProbablyPrime(candidate: bigint): boolean {
  for (const small of [3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n]) if (candidate % small === 0n) return false
  return powerOf(2n, candidate - 1n, candidate) === 1n
}

/** With which 3 can be an exponent. */
function primesFor(e: bigint): { p: bigint; q: bigint } {
  const fitting = () => {
    for (;;) {
      const prime = primeOf(1024)
      if (gcd(e, prime - 1n) === 1n) return prime
    }
  }
  for (;;) {
    const [p, q] = [fitting(), fitting()]
    if ((p * q).toString(2).length === 2048) return { p, q }
  }
}

/** An RSA key whose exponent is that number, or the next one that fits. */
function withExponentFrom(least: bigint, modulusBits: number): Buffer {
  for (;;) {
    const [p, q] = [primeOf(modulusBits / 2), primeOf(modulusBits / 2)]
    if ((p * q).toString(2).length !== modulusBits) continue
    let e = least
    while (gcd(e, (p - 1n) * (q - 1n)) !== 1n) e += 2n
    return rsaKey({ p, q, e })
  }
}

function shorterModulus(e: bigint): { p: bigint; q: bigint; e: bigint } {
  for (;;) {
    const [p, q] = [primeOf(1024), primeOf(1023)]
    if ((p * q).toString(2).length === 2047 && gcd(e, (p - 1n) * (q - 1n)) === 1n) return { p, q, e }
  }
}

/** Node has no word for them; three primes make the version 1, and n more than p times q. */
function multiPrime(): KeyObject {
  const e = 65_537n
  const [p, q, r] = [primeOf(683), primeOf(683), primeOf(682)]
  const n = p * q * r
  const d = inverse(e, (p - 1n) * (q - 1n) * (r - 1n))
  const third = sequence(integer(r), integer(d % (r - 1n)), integer(inverse(p * q, r)))
  const numbers = [1n, n, e, d, p, q, d % (p - 1n), d % (q - 1n), inverse(q, p)].map(integer)
  const key = sequence(...numbers, sequence(third))
  const bytes = sequence(
    integer(0n),
    sequence(objectIdentifier('1.2.840.113549.1.1.1'), nothing),
    octetString(key),
  )
  return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b)
}

/** 1 when there is none, so that a key can be written all the same. */
function inverse(a: bigint, modulus: bigint): bigint {
  let [r0, r1, t0, t1] = [modulus, ((a % modulus) + modulus) % modulus, 0n, 1n]
  while (r1 > 0n) {
    const quotient = r0 / r1
    ;[r0, r1] = [r1, r0 - quotient * r1]
    ;[t0, t1] = [t1, t0 - quotient * t1]
  }
  return r0 === 1n ? ((t0 % modulus) + modulus) % modulus : 1n
}

function powerOf(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus]
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}
