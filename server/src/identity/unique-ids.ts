import type { RandomSource } from '../crypto/random.ts'
import { BASE32 } from './base32.ts'

/** What a unique id begins with says what it is of. */
export type UniqueIdPrefix =
  /** Long-lived access keys; temporary ones hold their account (session-tokens.ts). */
  | 'AKIA'
  /** User, group, role, managed policy, instance profile. */
  | 'AIDA'
  | 'AGPA'
  | 'AROA'
  | 'ANPA'
  | 'AIPA'

/** An id as AWS makes them: access keys have twenty characters, everything else twenty-one. It says nothing but its kind. */
export function newUniqueId(prefix: UniqueIdPrefix, random: RandomSource): string {
  const characters = prefix === 'AKIA' ? 16 : 17
  return prefix + Array.from(random.bytes(characters), (byte) => BASE32[byte % 32]).join('')
}
