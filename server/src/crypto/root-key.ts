import type { KeyObject } from 'node:crypto'
import { deriveCounterHmacSha512, deriveKey } from './kdf.ts'
import { systemRandom, type RandomSource } from './random.ts'
import { unwrapKey, wrapKey } from './wrap.ts'

/**
 * The key at the top, controlled by the operator. It does one thing, wrapping the keys below it; asynchronous,
 * because it may be in an HSM or a cloud KMS.
 */
export interface RootKey {
  /**
   * 16 hexadecimal digits that name the key in the database and in messages. Whoever guesses a key or passphrase can
   * check the guess with it, as with any wrapped key; it gives away nothing else.
   */
  readonly id: string
  wrap(plaintext: Uint8Array, identity: Uint8Array): Promise<Buffer>
  /** Rejects with WrapError when the bytes, the identity or the root key are not the right ones. */
  unwrap(wrapped: Uint8Array, identity: Uint8Array): Promise<Buffer>
}

/**
 * Where root keys come from. Outside a rotation there is one; while one is under way there are two, oldest first, and
 * the database, which names the root key that its domain keys are wrapped under, decides which of them is in force.
 */
export interface RootKeyProvider {
  /** What an operator would call it: `file`, `passphrase`. */
  readonly name: string
  /** Rejects with RootKeyError. */
  load(): Promise<readonly RootKey[]>
}

/** What is wrong with a root key and what to do about it, in one line, for whoever starts the service. */
export class RootKeyError extends Error {
  override readonly name = 'RootKeyError'
  readonly code: 'MISSING' | 'EXISTS' | 'UNSAFE' | 'MALFORMED' | 'PASSPHRASE' | 'ROTATION' | 'INPUT_OUTPUT'

  constructor(code: RootKeyError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const ID_LABEL = 'keywright/root-key/id'
const WRAP_LABEL = 'keywright/root-key/wrap'

/** A root key of 32 bytes in this process. Its id and the key that wraps are both derived, for separate purposes. */
export function localRootKey(key: KeyObject, random: RandomSource = systemRandom): RootKey {
  const wrappingKey = deriveKey(key, WRAP_LABEL)
  return {
    id: deriveCounterHmacSha512(key, ID_LABEL, new Uint8Array(0), 8).toString('hex'),
    wrap: async (plaintext, identity) => wrapKey(wrappingKey, plaintext, identity, random),
    unwrap: async (wrapped, identity) => unwrapKey(wrappingKey, wrapped, identity),
  }
}
