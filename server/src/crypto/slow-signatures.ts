import type { KeyObject } from 'node:crypto'
import { signWithNoble, verifyWithNoble } from './noble-signatures.ts'
import type { SignatureScheme, SignedInput } from './schemes.ts'
import * as native from './signatures.ts'
import { signSm2, verifySm2 } from './sm2.ts'

// Every scheme; for threads only, as what signatures.ts leaves takes milliseconds of JavaScript.

export function sign(
  privateKey: KeyObject,
  scheme: SignatureScheme,
  input: SignedInput,
  message: Uint8Array,
): Buffer {
  if (native.isNative(scheme, input)) return native.sign(privateKey, scheme, input, message)
  if (scheme.type === 'sm2dsa') return signSm2(privateKey, message)
  return signWithNoble(privateKey, scheme, message)
}

export function verify(
  publicKey: KeyObject,
  scheme: SignatureScheme,
  input: SignedInput,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (native.isNative(scheme, input)) return native.verify(publicKey, scheme, input, message, signature)
  if (scheme.type === 'sm2dsa') return verifySm2(publicKey, message, signature)
  return verifyWithNoble(publicKey, scheme, message, signature)
}
