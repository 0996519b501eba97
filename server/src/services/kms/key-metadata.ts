import type { KmsKey } from '../../keys/key.ts'
import { isSymmetricEncryption } from '../../keys/key-type.ts'
import { algorithmsOf, factsOf, type CustomerMasterKeySpec, type KeyUsage } from '../../keys/specs.ts'
import type { KeyMetadata } from './shapes.ts'

/** A key as CreateKey and DescribeKey show it. */
export function keyMetadata(key: KmsKey): KeyMetadata {
  return {
    AWSAccountId: key.accountId,
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: new Date(key.createdAtMs),
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: key.state,
    ...(key.deletionAtMs !== undefined && { DeletionDate: new Date(key.deletionAtMs) }),
    Origin: key.origin,
    KeyManager: key.manager,
    ...deprecatedSpec(key),
    KeySpec: key.spec,
    ...keyAlgorithms(key),
    MultiRegion: key.multiRegion,
    ...(isSymmetricEncryption(key) && { CurrentKeyMaterialId: key.currentMaterialId }),
  }
}

/** Under the deprecated name, which has no word for what came after it. */
export function deprecatedSpec({ spec }: Pick<KmsKey, 'spec'>): Pick<KeyMetadata, 'CustomerMasterKeySpec'> {
  const isNamed = factsOf(spec).customerMasterKeySpec === true
  return isNamed ? { CustomerMasterKeySpec: spec as CustomerMasterKeySpec } : {}
}

const algorithmMembers = {
  ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
  SIGN_VERIFY: 'SigningAlgorithms',
  GENERATE_VERIFY_MAC: 'MacAlgorithms',
  KEY_AGREEMENT: 'KeyAgreementAlgorithms',
  ENCAPSULATE_DECAPSULATE: 'EncapsulationAlgorithms',
} as const satisfies Record<KeyUsage, keyof KeyMetadata>

/** The algorithms of a key under the name that goes with its usage. */
export function keyAlgorithms({ spec, usage }: Pick<KmsKey, 'spec' | 'usage'>) {
  return { [algorithmMembers[usage]]: algorithmsOf(spec, usage) }
}
