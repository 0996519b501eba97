import { createHmac } from 'node:crypto'
import { seedOf } from '../base32-seed.ts'

const STEP_MS = 30_000

/**
 * An authenticator app with one device in it: it knows of the server what its user typed, the seed, and nothing else.
 *
 * @see RFC 4648 section 6; RFC 4226 section 5.3; RFC 6238 section 4
 */
export interface Authenticator {
  /** The codes of this moment's step and of the one before, oldest first. */
  two(): [string, string]
  /** A code that was not used yet: of this step or, when that was used, of the next, which a server takes for a clock in a hurry. */
  next(): string
}

export function authenticator(base32Seed: string): Authenticator {
  const seed = seedOf(base32Seed)
  let used = 0
  const current = () => Math.floor(Date.now() / STEP_MS)
  return {
    two() {
      used = current()
      return [codeOf(seed, used - 1), codeOf(seed, used)]
    },
    next() {
      used = Math.max(used + 1, current())
      return codeOf(seed, used)
    },
  }
}

function codeOf(seed: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', seed).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 0xf
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
