import type { KmsKey } from '../../keys/key.ts'
import { specs } from '../../keys/specs.ts'
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
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    EncryptionAlgorithms: specs[key.spec].usages.ENCRYPT_DECRYPT.encryptionAlgorithms,
    MultiRegion: key.multiRegion,
    CurrentKeyMaterialId: key.currentMaterialId,
  }
}
