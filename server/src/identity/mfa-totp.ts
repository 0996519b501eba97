import { createHmac } from 'node:crypto'

/** Of a virtual device: SHA-1, 30 seconds, 6 digits, which is what every authenticator app can do. */
const STEP_MS = 30_000
const DIGITS = 6

/** A clock may be one step off on either side. */
const STEPS_OFF = 1

/** A code is of one step: how many there were since the epoch. */
export function stepOf(timeMs: number): number {
  return Math.floor(timeMs / STEP_MS)
}

/** @see RFC 4226 section 5.3; RFC 6238 section 4 */
export function codeOfStep(seed: Uint8Array, step: number, digits = DIGITS): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', seed).update(counter).digest()
  const offset = mac.readUInt8(mac.length - 1) & 0xf
  const truncated = mac.readUInt32BE(offset) & 0x7fffffff
  return (truncated % 10 ** digits).toString().padStart(digits, '0')
}

/**
 * The step of which this is the code: the newest in the window that is later than what was accepted before.
 *
 * @param lastStep undefined when no code was accepted yet
 */
export function stepOfCode(
  seed: Uint8Array,
  code: string,
  nowMs: number,
  lastStep: number | undefined,
): number | undefined {
  const now = stepOf(nowMs)
  let found: number | undefined
  for (let step = now - STEPS_OFF; step <= now + STEPS_OFF; step++) {
    // All are computed whatever fits, so the time tells nothing.
    const fits = equalCodes(codeOfStep(seed, step), code)
    if (fits && step > (lastStep ?? -1)) found = step
  }
  return found
}

/** The second step of two codes that follow each other, as whoever enables a device shows that it runs. */
export function stepOfConsecutiveCodes(
  seed: Uint8Array,
  codes: readonly [string, string],
  nowMs: number,
  lastStep: number | undefined,
): number | undefined {
  const now = stepOf(nowMs)
  let found: number | undefined
  for (let second = now - STEPS_OFF; second <= now + STEPS_OFF; second++) {
    const fits = [
      equalCodes(codeOfStep(seed, second - 1), codes[0]),
      equalCodes(codeOfStep(seed, second), codes[1]),
    ]
    if (fits.every(Boolean) && second - 1 > (lastStep ?? -1)) found = second
  }
  return found
}

function equalCodes(expected: string, given: string): boolean {
  if (given.length !== expected.length) return false
  let difference = 0
  for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ given.charCodeAt(i)
  return difference === 0
}
