import { keyArn, type KmsKey, type MultiRegion } from '../../keys/key.ts'
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
    ...(key.state === 'PendingReplicaDeletion' &&
      key.pendingWindowDays !== undefined && { PendingDeletionWindowInDays: key.pendingWindowDays }),
    ...importedMaterial(key),
    Origin: key.origin,
    KeyManager: key.manager,
    ...deprecatedSpec(key),
    KeySpec: key.spec,
    ...keyAlgorithms(key),
    MultiRegion: key.multiRegion !== undefined,
    ...(key.multiRegion && { MultiRegionConfiguration: multiRegionConfiguration(key, key.multiRegion) }),
    ...(isSymmetricEncryption(key) &&
      key.currentMaterialId !== undefined && { CurrentKeyMaterialId: key.currentMaterialId }),
  }
}

/** Of a key with imported material that is there: when the first of what it needs expires. */
function importedMaterial({
  origin,
  state,
  currentMaterialId,
  validToMs,
}: KmsKey): Pick<KeyMetadata, 'ExpirationModel' | 'ValidTo'> {
  if (origin !== 'EXTERNAL' || currentMaterialId === undefined || state === 'PendingImport') return {}
  return expiration(validToMs)
}

/** Of imported material that is there. */
export function expiration(validToMs: number | undefined): Pick<KeyMetadata, 'ExpirationModel' | 'ValidTo'> {
  if (validToMs === undefined) return { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }
  return { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: new Date(validToMs) }
}

function multiRegionConfiguration(
  key: KmsKey,
  { primaryRegion, replicaRegions }: MultiRegion,
): NonNullable<KeyMetadata['MultiRegionConfiguration']> {
  const inRegion = (region: string) => ({ Arn: keyArn(key.accountId, region, key.keyId), Region: region })
  return {
    MultiRegionKeyType: primaryRegion === key.region ? 'PRIMARY' : 'REPLICA',
    PrimaryKey: inRegion(primaryRegion),
    ReplicaKeys: replicaRegions.map(inRegion),
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
