import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import type { AlgorithmSpec } from '@aws-sdk/client-kms'

/** Algorithms that the SDK names and the service takes. */
export const wrappingAlgorithms = [
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
] as const satisfies readonly AlgorithmSpec[]

export const wrappingKeySpecs = ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const

/** As who imports material wraps it: under the public key (SubjectPublicKeyInfo in DER) that the service gave. */
export function wrapMaterial(publicKey: Uint8Array, algorithm: AlgorithmSpec, material: Uint8Array): Buffer {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  const oaepHash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
  const underRsa = (bytes: Uint8Array) =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes)
  if (algorithm.startsWith('RSAES_OAEP')) return underRsa(material)
  const aesKey = randomBytes(32)
  return Buffer.concat([underRsa(aesKey), underAes(aesKey, material)])
}

/** RFC 5649. */
export function underAes(aesKey: Uint8Array, material: Uint8Array): Buffer {
  const cipher = createCipheriv('id-aes256-wrap-pad', aesKey, Buffer.from('a65959a6', 'hex'))
  return Buffer.concat([cipher.update(material), cipher.final()])
}
