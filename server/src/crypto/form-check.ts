import { createPrivateKey } from 'node:crypto'
import type { KeyForm } from './key-form.ts'

/** Whether these bytes are a key of that form, as they are stored: raw, or PKCS #8 in DER. */
export function isOfForm(form: KeyForm, bytes: Buffer): boolean {
  if (form.type === 'secret') return bytes.length === form.lengthBytes
  // OpenSSL does not load these keys through the runtime; the engine that uses them refuses what is none.
  if (form.type === 'sm2') return true
  try {
    const key = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
    switch (form.type) {
      case 'rsa':
        return type === 'rsa' && details?.modulusLength === form.modulusBits
      case 'ec':
        return type === 'ec' && details?.namedCurve === form.namedCurve
      case 'ed25519':
        return type === 'ed25519'
      case 'ml-dsa':
      case 'ml-kem':
        return type === form.parameterSet
    }
  } catch {
    return false
  }
}
