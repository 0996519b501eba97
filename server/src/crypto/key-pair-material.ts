import type { KeyObject } from 'node:crypto'
import { agree } from './key-agreement.ts'
import { decapsulateSecret, encapsulateSecret } from './key-encapsulation.ts'
import type { PrivateKeyForm } from './key-form.ts'
import { publicKeyBytes } from './key-generation.ts'
import type {
  AgreementMaterial,
  DecryptionMaterial,
  EncapsulationMaterial,
  SigningMaterial,
} from './material.ts'
import { placesOf } from './places.ts'
import { decryptOaep, encryptOaep } from './rsa-oaep.ts'
import { isNative, sign, verify } from './signatures.ts'
import type { SlowThreads } from './slow-threads.ts'

/** A key pair in this process, and the threads for what is slow with it. */
export interface KeyPair {
  readonly materialId: string
  readonly form: PrivateKeyForm
  /** The account whose turn it is in a thread when nobody else asks. */
  readonly owner: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly threads: SlowThreads['privateKeys']
}

export function signingMaterial(keyPair: KeyPair): SigningMaterial {
  const { form, owner, privateKey, publicKey, threads } = keyPair
  const places = placesOf(form)
  return {
    use: 'sign',
    ...namesOf(keyPair),
    async sign(scheme, input, message, askedBy = owner) {
      if (places.use === 'here' && isNative(scheme, input)) return sign(privateKey, scheme, input, message)
      return threads.run(askedBy, 'sign', privateKey, scheme, input, message)
    },
    async verify(scheme, input, message, signature, askedBy = owner) {
      if (places.verify === 'here' && isNative(scheme, input)) {
        return verify(publicKey, scheme, input, message, signature)
      }
      return threads.run(askedBy, 'verify', publicKey, scheme, input, message, signature)
    },
  }
}

export function decryptionMaterial(keyPair: KeyPair): DecryptionMaterial {
  const { form, owner, privateKey, publicKey, threads } = keyPair
  const { use: place } = placesOf(form)
  return {
    use: 'decrypt',
    ...namesOf(keyPair),
    encrypt: async (scheme, plaintext) => encryptOaep(publicKey, scheme, plaintext),
    async decrypt(scheme, ciphertext, askedBy = owner) {
      if (place === 'here') return decryptOaep(privateKey, scheme, ciphertext)
      return threads.run(askedBy, 'decryptOaep', privateKey, scheme, ciphertext)
    },
  }
}

export function agreementMaterial(keyPair: KeyPair): AgreementMaterial {
  const { form, owner, privateKey, threads } = keyPair
  const { use: place } = placesOf(form)
  return {
    use: 'agree',
    ...namesOf(keyPair),
    async agree(peerPublicKey, askedBy = owner) {
      if (place === 'here') return agree(privateKey, peerPublicKey)
      return threads.run(askedBy, 'agree', privateKey, peerPublicKey)
    },
  }
}

/** ML-KEM is fast. */
export function encapsulationMaterial(keyPair: KeyPair): EncapsulationMaterial {
  const { privateKey, publicKey } = keyPair
  return {
    use: 'encapsulate',
    ...namesOf(keyPair),
    encapsulate: async () => encapsulateSecret(publicKey),
    decapsulate: async (ciphertext) => decapsulateSecret(privateKey, ciphertext),
  }
}

function namesOf({ materialId, publicKey }: KeyPair) {
  return { materialId, publicKey: publicKeyBytes(publicKey) }
}
