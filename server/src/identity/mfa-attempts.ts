import { stepOf } from './mfa-totp.ts'

// Three codes are right at any moment, so a million guesses find one for sure. After five wrong ones there is one
// try in each step of thirty seconds: about one per cent a day for who has the access key already.
const FREE_FAILURES = 5
const DEVICES_KEPT = 10_000

/** Wrong codes of each device, on this node: guessing is made slow. */
export interface MfaAttempts {
  /** Whether a code may be tried now. */
  allows(serialNumber: string): boolean
  failed(serialNumber: string): void
  succeeded(serialNumber: string): void
}

export function createMfaAttempts(now: () => number): MfaAttempts {
  const failures = new Map<string, { count: number; step: number }>()
  return {
    allows(serialNumber) {
      const known = failures.get(serialNumber)
      return known === undefined || known.count < FREE_FAILURES || known.step < stepOf(now())
    },
    failed(serialNumber) {
      const count = (failures.get(serialNumber)?.count ?? 0) + 1
      // The one that failed last is the last to be forgotten.
      failures.delete(serialNumber)
      if (failures.size >= DEVICES_KEPT) failures.delete(failures.keys().next().value as string)
      failures.set(serialNumber, { count, step: stepOf(now()) })
    },
    succeeded(serialNumber) {
      failures.delete(serialNumber)
    },
  }
}
