import type { KeyPairBytes } from '../../crypto/key-engine.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { specs } from '../../keys/specs.ts'
import { requireSealing } from './data-key.ts'
import { encryptionAsked, noEncryptionContext } from './encryption.ts'
import type { KmsContext } from './operation.ts'
import { askedFor, type Recipient } from './recipient.ts'
import type { RequestOf } from './shapes.ts'

/** One new key pair, its private key in the clear and sealed under a KMS key. */
export interface DataKeyPair extends KeyPairBytes {
  readonly privateKeyCiphertext: Buffer
  readonly keyArn: string
  readonly materialId: string
}

/** What GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext do alike. The caller wipes the private key or gives it out. */
export async function makeDataKeyPair(
  request: RequestOf<'GenerateDataKeyPairWithoutPlaintext'>,
  operation: 'GenerateDataKeyPair' | 'GenerateDataKeyPairWithoutPlaintext',
  { caller, access, audit, engine }: KmsContext,
  recipient?: Recipient,
): Promise<DataKeyPair> {
  const asked = askedFor(recipient, encryptionAsked(request, 'SYMMETRIC_DEFAULT'))
  const loaded = await access.forUse(request.KeyId, `kms:${operation}`, {
    ...asked,
    values: { ...asked.values, 'kms:datakeypairspec': request.KeyPairSpec },
  })
  const material = requireSealing(loaded, operation)
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const pair = await engine.generatePair(specs[request.KeyPairSpec].form, caller.accountId)
  try {
    const encryptionContext = request.EncryptionContext ?? noEncryptionContext
    const privateKeyCiphertext = await material.seal(pair.privateKey, encryptionContext)
    audit.note({ keyMaterialId: material.materialId })
    audit.used(loaded.key, material.materialId)
    return { ...pair, privateKeyCiphertext, keyArn: loaded.key.arn, materialId: material.materialId }
  } catch (error) {
    pair.privateKey.fill(0)
    throw error
  }
}
