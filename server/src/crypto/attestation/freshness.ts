import { AttestationError } from './attestation-error.ts'

/** How far our clock may be behind that of whoever states a time. */
export const CLOCK_ALLOWANCE_MS = 30_000

// AWS names no period. Its SDK asks for a new document for each request, and a signature of SigV4 is as old as this at most.
const MAX_AGE_MS = 5 * 60_000

/** A document is accepted for five minutes, so that one that was taken from somebody is soon of no use. */
export function requireFresh(timestampMs: number, nowMs: number): void {
  if (timestampMs > nowMs + CLOCK_ALLOWANCE_MS) throw new AttestationError('it is from the future')
  if (nowMs - timestampMs > MAX_AGE_MS) throw new AttestationError('it is more than five minutes old')
}
