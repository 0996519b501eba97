import { createSecretKey } from 'node:crypto'
import { argon2id, type Argon2Parameters } from './argon2.ts'
import type { RandomSource } from './random.ts'
import { localRootKey, RootKeyError, type RootKey } from './root-key.ts'

/** How a passphrase becomes a root key. It is not secret and is kept in the database, which is not trusted. */
export interface PassphraseDescriptor extends Argon2Parameters {
  readonly kdf: 'argon2id'
  /** 16 bytes in base64. */
  readonly salt: string
}

const SALT_BYTES = 16
const KEY_BYTES = 32
const MIN_PASSPHRASE_BYTES = 12
const MAX_PASSPHRASE_BYTES = 1024

// RFC 9106, section 4: the second recommended option (64 MiB, 3 passes, 4 lanes) is the least that is accepted, so that
// whoever can write the database cannot make the passphrase cheaper to guess; the upper ends keep a start from taking
// all memory or minutes.
const BOUNDS: Readonly<Record<keyof Argon2Parameters, readonly [number, number]>> = {
  memoryKiB: [65_536, 1_048_576],
  passes: [3, 10],
  parallelism: [4, 16],
}

export function newPassphraseDescriptor(random: RandomSource): PassphraseDescriptor {
  return {
    kdf: 'argon2id',
    salt: random.bytes(SALT_BYTES).toString('base64'),
    memoryKiB: BOUNDS.memoryKiB[0],
    passes: BOUNDS.passes[0],
    parallelism: BOUNDS.parallelism[0],
  }
}

/**
 * Reads a descriptor from where it was kept.
 * @throws RootKeyError MALFORMED for anything but the five members within their bounds
 */
export function parsePassphraseDescriptor(value: unknown): PassphraseDescriptor {
  if (typeof value !== 'object' || value === null) throw unacceptable('it is not an object')
  const members: Readonly<Record<string, unknown>> = { ...value }
  if (Object.keys(members).length !== 5) throw unacceptable('it has other members than it should')
  const { kdf, salt } = members
  if (kdf !== 'argon2id') throw unacceptable('its function is not argon2id')
  if (typeof salt !== 'string' || !isBase64OfLength(salt, SALT_BYTES))
    throw unacceptable('its salt is not 16 bytes')
  return {
    kdf,
    salt,
    memoryKiB: bounded(members, 'memoryKiB'),
    passes: bounded(members, 'passes'),
    parallelism: bounded(members, 'parallelism'),
  }
}

/**
 * The root key that belongs to a passphrase; the buffer is wiped, whatever happens. Any passphrase gives some key: that it
 * is the right one is seen by its id.
 *
 * The bytes count exactly as they are given, less one line ending, which editors and `echo` put at the end of a file. They are
 * not normalized: that would need a character set, and a passphrase may be any bytes.
 *
 * Rejects with RootKeyError: PASSPHRASE below 12 or above 1024 bytes, MALFORMED for a descriptor out of bounds.
 */
export async function deriveRootKey(passphrase: Buffer, descriptor: PassphraseDescriptor): Promise<RootKey> {
  try {
    const { salt, ...parameters } = parsePassphraseDescriptor(descriptor)
    const bytes = withoutLineEnding(passphrase)
    if (bytes.length < MIN_PASSPHRASE_BYTES || bytes.length > MAX_PASSPHRASE_BYTES) {
      throw new RootKeyError(
        'PASSPHRASE',
        `the passphrase must have ${MIN_PASSPHRASE_BYTES} to ${MAX_PASSPHRASE_BYTES} bytes: choose another`,
      )
    }
    const derived = await argon2id(bytes, Buffer.from(salt, 'base64'), parameters, KEY_BYTES).catch(
      (cause: unknown) => {
        const need = `make ${parameters.memoryKiB} KiB of memory available`
        throw new RootKeyError('PASSPHRASE', `the passphrase could not be made a key: ${need}`, { cause })
      },
    )
    const rootKey = localRootKey(createSecretKey(derived))
    derived.fill(0)
    return rootKey
  } finally {
    passphrase.fill(0)
  }
}

function withoutLineEnding(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}

function bounded(members: Readonly<Record<string, unknown>>, name: keyof Argon2Parameters): number {
  const value = members[name]
  const [least, most] = BOUNDS[name]
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw unacceptable(`its ${name} is not between ${least} and ${most}`)
  }
  return value
}

function isBase64OfLength(text: string, lengthBytes: number): boolean {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === lengthBytes && bytes.toString('base64') === text
}

function unacceptable(why: string): RootKeyError {
  return new RootKeyError(
    'MALFORMED',
    `the stored passphrase descriptor is not acceptable, ${why}: restore the database from a backup`,
  )
}
