import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { AlgorithmSpec, ImportKeyMaterialCommandInput, KeySpec, KMS } from '@aws-sdk/client-kms'
import { wrapMaterial } from './wrap-material.ts'

/** Material of one's own, wrapped for one key, with the token that lets it in within a day. */
export interface Importable {
  readonly KeyId: string
  readonly ImportToken: Uint8Array | undefined
  readonly EncryptedKeyMaterial: Uint8Array
  /** The same in the clear. */
  readonly material: Buffer
}

/** Asks for what is needed to import material of the key's spec, and wraps it: new material unless some is given. */
export async function newImportable(
  kms: KMS,
  KeyId: string,
  spec: KeySpec,
  material: Buffer = newMaterial(spec),
): Promise<Importable> {
  const WrappingAlgorithm: AlgorithmSpec = spec.startsWith('RSA')
    ? 'RSA_AES_KEY_WRAP_SHA_256'
    : 'RSAES_OAEP_SHA_256'
  const { ImportToken, PublicKey } = await kms.getParametersForImport({
    KeyId,
    WrappingAlgorithm,
    WrappingKeySpec: 'RSA_2048',
  })
  const EncryptedKeyMaterial = wrapMaterial(PublicKey ?? Buffer.of(), WrappingAlgorithm, material)
  return { KeyId, ImportToken, EncryptedKeyMaterial, material }
}

/** Material that stays unless `more` says when it expires. */
export function importMaterial(
  kms: KMS,
  { KeyId, ImportToken, EncryptedKeyMaterial }: Importable,
  more: Partial<ImportKeyMaterialCommandInput> = {},
) {
  const ExpirationModel = more.ValidTo === undefined ? 'KEY_MATERIAL_DOES_NOT_EXPIRE' : 'KEY_MATERIAL_EXPIRES'
  return kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel, ...more })
}

function newMaterial(spec: KeySpec): Buffer {
  const pkcs8 = { type: 'pkcs8', format: 'der' } as const
  switch (spec) {
    case 'RSA_2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pkcs8)
    case 'ECC_NIST_P256':
      return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export(pkcs8)
    case 'ML_KEM_512':
      return generateKeyPairSync('ml-kem-512').privateKey.export(pkcs8)
    default:
      return randomBytes(32)
  }
}
