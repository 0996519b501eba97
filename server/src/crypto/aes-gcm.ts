import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'

export const NONCE_BYTES = 12
export const TAG_BYTES = 16

const OPTIONS = { authTagLength: TAG_BYTES } as const

/**
 * AES-256-GCM with a 96-bit nonce and a 128-bit tag. Whoever calls makes sure that a nonce is never used twice
 * under one key. The parts of the additional data are authenticated as one string, in the order given; they must be
 * put together so that no other parts give the same string. Body and tag are written to `target` from `offset` on.
 *
 * @see NIST SP 800-38D, section 7.1
 */
export function sealAesGcm(
  key: KeyObject | Uint8Array,
  nonce: Uint8Array,
  additionalData: readonly Uint8Array[],
  plaintext: Uint8Array,
  target: Buffer,
  offset: number,
): void {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, OPTIONS)
  for (const part of additionalData) cipher.setAAD(part)
  const body = cipher.update(plaintext)
  cipher.final()
  body.copy(target, offset)
  cipher.getAuthTag().copy(target, offset + body.length)
}

/** The plaintext, or undefined when the tag is not authentic. Nothing of a plaintext that fails leaves here. */
export function openAesGcm(
  key: KeyObject | Uint8Array,
  nonce: Uint8Array,
  additionalData: readonly Uint8Array[],
  body: Uint8Array,
  tag: Uint8Array,
): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, OPTIONS)
  for (const part of additionalData) decipher.setAAD(part)
  decipher.setAuthTag(tag)
  const plaintext = decipher.update(body)
  try {
    decipher.final()
    return plaintext
  } catch {
    plaintext.fill(0)
    return undefined
  }
}
