import type { DecryptionMaterial } from '../../crypto/material.ts'
import {
  asymmetricEncryptionAlgorithms,
  type AsymmetricEncryptionAlgorithm,
  type EncryptionAlgorithm,
} from '../../keys/algorithms.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { factsOf, type KeySpec } from '../../keys/specs.ts'

/**
 * Whether the key takes a plaintext of this length, which the standard algorithms bound below what Encrypt's shape does.
 *
 * @throws KmsError ValidationException
 */
export function requirePlaintextFits(
  spec: KeySpec,
  algorithm: EncryptionAlgorithm,
  plaintext: Uint8Array,
): void {
  const maxBytes = maxPlaintextBytes(spec, algorithm)
  if (plaintext.length <= maxBytes) return
  throw new KmsError(
    'ValidationException',
    `Algorithm ${algorithm} and key spec ${spec} cannot encrypt data larger than ${maxBytes} bytes.`,
  )
}

/** Encrypts to the public key of an RSA key. The caller has asked `requirePlaintextFits`. */
export function encryptTo(
  material: DecryptionMaterial,
  algorithm: EncryptionAlgorithm,
  plaintext: Uint8Array,
): Promise<Buffer> {
  return material.encrypt(schemeOf(algorithm), plaintext)
}

/**
 * Opens a ciphertext that was made with the public key, here or elsewhere. Every way in which that can fail looks the same.
 *
 * @throws KmsError InvalidCiphertextException
 */
export async function decryptWith(
  material: DecryptionMaterial,
  algorithm: EncryptionAlgorithm,
  ciphertext: Uint8Array | undefined,
  askedBy: string,
): Promise<Buffer> {
  const plaintext = ciphertext && (await material.decrypt(schemeOf(algorithm), ciphertext, askedBy))
  if (plaintext === undefined) throw new KmsError('InvalidCiphertextException')
  return plaintext
}

function maxPlaintextBytes(spec: KeySpec, algorithm: EncryptionAlgorithm): number {
  const { form } = factsOf(spec)
  if (form.type !== 'rsa') throw new Error(`${spec} is no RSA key`)
  return form.modulusBits / 8 - asymmetricEncryptionAlgorithms[asymmetric(algorithm)].overheadBytes
}

function schemeOf(algorithm: EncryptionAlgorithm) {
  return asymmetricEncryptionAlgorithms[asymmetric(algorithm)].scheme
}

/** An RSA key has its own algorithms only, which `requireUsable` has seen to. */
function asymmetric(algorithm: EncryptionAlgorithm): AsymmetricEncryptionAlgorithm {
  if (algorithm === 'SYMMETRIC_DEFAULT' || algorithm === 'SM2PKE') {
    throw new Error(`${algorithm} is no algorithm of RSA keys`)
  }
  return algorithm
}
