import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
  type KeyObject,
  type SignKeyObjectInput,
} from 'node:crypto'
import type { PrivateKeyForm } from '../server/src/crypto/key-form.ts'
import type { MacHash, OaepScheme, SignatureScheme } from '../server/src/crypto/schemes.ts'
import { sealOnce } from './seal.ts'

/** A call of `node:crypto`, in words that another process can be given. */
export type CryptoCall =
  | { readonly name: 'seal' }
  | { readonly name: 'sign' | 'verify'; readonly form: PrivateKeyForm; readonly scheme: SignatureScheme }
  | { readonly name: 'mac'; readonly hash: MacHash; readonly keyBytes: number }
  | { readonly name: 'encrypt' | 'decrypt'; readonly form: PrivateKeyForm; readonly scheme: OaepScheme }
  | { readonly name: 'agree' | 'encapsulate' | 'decapsulate'; readonly form: PrivateKeyForm }
  | { readonly name: 'generate'; readonly form: PrivateKeyForm }

/** What is signed, encrypted and so on, everywhere in the bench. */
export const MESSAGE_BYTES = 32

/**
 * The call with everything ready that the server keeps, too: keys are `KeyObject`s. What comes with each request is read each
 * time: the public key of the other side in a key agreement.
 */
export function cryptoCall(call: CryptoCall): () => void {
  const message = randomBytes(MESSAGE_BYTES)
  switch (call.name) {
    case 'seal':
      return sealOnce()
    case 'sign': {
      const { hash, options } = signing(call.scheme, keyPair(call.form).privateKey)
      return () => {
        sign(hash, message, options)
      }
    }
    case 'verify': {
      const { privateKey, publicKey } = keyPair(call.form)
      const signer = signing(call.scheme, privateKey)
      const { hash, options } = signing(call.scheme, publicKey)
      const signature = sign(signer.hash, message, signer.options)
      return () => {
        verify(hash, message, options, signature)
      }
    }
    case 'mac': {
      const key = createSecretKey(randomBytes(call.keyBytes))
      return () => {
        createHmac(call.hash, key).update(message).digest()
      }
    }
    case 'encrypt': {
      const options = oaep(call.scheme, keyPair(call.form).publicKey)
      return () => {
        publicEncrypt(options, message)
      }
    }
    case 'decrypt': {
      const { privateKey, publicKey } = keyPair(call.form)
      const ciphertext = publicEncrypt(oaep(call.scheme, publicKey), message)
      const options = oaep(call.scheme, privateKey)
      return () => {
        privateDecrypt(options, ciphertext)
      }
    }
    case 'agree': {
      const { privateKey } = keyPair(call.form)
      const key = keyPair(call.form).publicKey.export({ type: 'spki', format: 'der' })
      return () => {
        diffieHellman({ privateKey, publicKey: createPublicKey({ key, type: 'spki', format: 'der' }) })
      }
    }
    case 'encapsulate': {
      const { publicKey } = keyPair(call.form)
      return () => {
        encapsulate(publicKey)
      }
    }
    case 'decapsulate': {
      const { privateKey, publicKey } = keyPair(call.form)
      const { ciphertext } = encapsulate(publicKey)
      return () => {
        decapsulate(privateKey, ciphertext)
      }
    }
    case 'generate':
      return () => {
        const { privateKey, publicKey } = keyPair(call.form)
        privateKey.export({ type: 'pkcs8', format: 'der' })
        publicKey.export({ type: 'spki', format: 'der' })
      }
  }
}

export function keyPair(form: PrivateKeyForm): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (form.type) {
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: form.modulusBits })
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: form.namedCurve })
    case 'sm2':
      return generateKeyPairSync('ec', { namedCurve: 'SM2' })
    case 'ed25519':
      return generateKeyPairSync('ed25519')
    case 'ml-dsa':
    case 'ml-kem':
      return newPostQuantumPair(form.parameterSet)
  }
}

function newPostQuantumPair(
  parameterSet: Extract<PrivateKeyForm, { parameterSet: string }>['parameterSet'],
): { privateKey: KeyObject; publicKey: KeyObject } {
  // One overload for each name: a union of names fits none of them.
  return generateKeyPairSync(parameterSet as 'ml-dsa-44')
}

function signing(
  scheme: SignatureScheme,
  key: KeyObject,
): { hash: string | undefined; options: SignKeyObjectInput } {
  switch (scheme.type) {
    case 'rsa-pss': {
      const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants
      return { hash: scheme.hash, options: { key, padding, saltLength } }
    }
    case 'rsa-pkcs1-v1.5':
      return { hash: scheme.hash, options: { key, padding: constants.RSA_PKCS1_PADDING } }
    case 'ecdsa':
      return { hash: scheme.hash, options: { key, dsaEncoding: 'der' } }
    case 'sm2dsa':
      return { hash: 'sm3', options: { key } }
    case 'ed25519':
    case 'ed25519ph':
    case 'ml-dsa':
      return { hash: undefined, options: { key } }
  }
}

function oaep({ hash }: OaepScheme, key: KeyObject) {
  return { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }
}
