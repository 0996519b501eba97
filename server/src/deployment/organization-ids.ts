import type { RandomSource } from '../crypto/random.ts'

const CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
// The largest multiple of the number of characters that a byte can hold, so that each is as likely as the others.
const BELOW = 252

/** Small letters and digits, as the ids of an organization have them. */
export function lowerCaseId(random: RandomSource, length: number): string {
  let id = ''
  while (id.length < length) {
    for (const byte of random.bytes(length)) {
      if (byte < BELOW && id.length < length) id += CHARACTERS.charAt(byte % CHARACTERS.length)
    }
  }
  return id
}
