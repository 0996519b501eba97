import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto'

/** What work in memory is held against: AES-256-GCM over 32 bytes, one call of the function that is returned. */
export function sealOnce(): () => void {
  const key = createSecretKey(randomBytes(32))
  const nonce = randomBytes(12)
  const plaintext = randomBytes(32)
  return () => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    cipher.update(plaintext)
    cipher.final()
    cipher.getAuthTag()
  }
}

/** How long one of `times` runs in a row takes. */
export function nanoseconds(run: () => void, times: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < times; i++) run()
  return Number(process.hrtime.bigint() - start) / times
}

/** What was taken in each round, in seals of the same round. */
export function inSeals(takenNs: readonly number[], sealNs: readonly number[]): number[] {
  return takenNs.map((ns, round) => ns / (sealNs[round] ?? NaN))
}
