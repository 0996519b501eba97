import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { PrivateKeyForm } from './key-form.ts'

/** As FIPS 186-5, appendix A.1, has it: e is odd and above 2^16. */
const PUBLIC_EXPONENT = 0x1_0001

export function generatePrivateKey(form: PrivateKeyForm): KeyObject {
  switch (form.type) {
    case 'rsa': {
      const options = { modulusLength: form.modulusBits, publicExponent: PUBLIC_EXPONENT }
      return generateKeyPairSync('rsa', options).privateKey
    }
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: form.namedCurve }).privateKey
    case 'sm2':
      return generateKeyPairSync('ec', { namedCurve: 'SM2' }).privateKey
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey
    // The two have overloads of their own.
    case 'ml-dsa':
      return generateKeyPairSync(form.parameterSet).privateKey
    case 'ml-kem':
      return generateKeyPairSync(form.parameterSet).privateKey
  }
}

/** PKCS #8 in DER; of ML-DSA and ML-KEM the seeds alone (RFC 9881, RFC 9935). The caller wipes it. */
export function privateKeyBytes(privateKey: KeyObject): Buffer {
  return privateKey.export({ type: 'pkcs8', format: 'der' })
}

/** SubjectPublicKeyInfo in DER. */
export function publicKeyBytes(key: KeyObject): Buffer {
  const publicKey = key.type === 'public' ? key : createPublicKey(key)
  return publicKey.export({ type: 'spki', format: 'der' })
}

/** The same of the private key that `privateKeyBytes` gave. */
export function publicKeyOfPrivateKey(pkcs8: Buffer): Buffer {
  return publicKeyBytes(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }))
}
