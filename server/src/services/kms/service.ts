import { MaterialUnavailable, TooManyWaiting } from '../../crypto/material.ts'
import type { KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { PendingDeletionError } from '../../keys/usable.ts'
import type { Call, Service, ServiceOperation } from '../call.ts'
import { cancelKeyDeletion } from './cancel-key-deletion.ts'
import { membersInChina } from './china-shapes.ts'
import { createAlias } from './create-alias.ts'
import { createKey } from './create-key.ts'
import { decapsulate } from './decapsulate.ts'
import { decrypt } from './decrypt.ts'
import { deleteAlias } from './delete-alias.ts'
import { deriveSharedSecret } from './derive-shared-secret.ts'
import { describeKey } from './describe-key.ts'
import { disableKeyRotation } from './disable-key-rotation.ts'
import { disableKey } from './disable-key.ts'
import { enableKeyRotation } from './enable-key-rotation.ts'
import { enableKey } from './enable-key.ts'
import { encapsulate } from './encapsulate.ts'
import { encrypt } from './encrypt.ts'
import { generateDataKeyPairWithoutPlaintext } from './generate-data-key-pair-without-plaintext.ts'
import { generateDataKeyPair } from './generate-data-key-pair.ts'
import { generateDataKeyWithoutPlaintext } from './generate-data-key-without-plaintext.ts'
import { generateDataKey } from './generate-data-key.ts'
import { generateMac } from './generate-mac.ts'
import { generateRandom } from './generate-random.ts'
import { getKeyLastUsage } from './get-key-last-usage.ts'
import { getKeyPolicy } from './get-key-policy.ts'
import { getKeyRotationStatus } from './get-key-rotation-status.ts'
import { getPublicKey } from './get-public-key.ts'
import { grantHandlers, writingGrantOperations } from './grant-handlers.ts'
import { importHandlers, writingImportOperations } from './import-handlers.ts'
import { listAliases } from './list-aliases.ts'
import { listKeyRotations } from './list-key-rotations.ts'
import { listKeyPolicies } from './list-key-policies.ts'
import { listKeys } from './list-keys.ts'
import { listResourceTags } from './list-resource-tags.ts'
import { operationNames } from './operation-names.ts'
import { CallContext, type Operation } from './operation.ts'
import type { KmsParts } from './parts.ts'
import { putKeyPolicy } from './put-key-policy.ts'
import { reEncrypt } from './re-encrypt.ts'
import { replicateKey } from './replicate-key.ts'
import { rotateKeyOnDemand } from './rotate-key-on-demand.ts'
import { scheduleKeyDeletion } from './schedule-key-deletion.ts'
import { operations, type OperationName, type RequestOf } from './shapes.ts'
import { sign } from './sign.ts'
import { tagResource } from './tag-resource.ts'
import { untagResource } from './untag-resource.ts'
import { updateAlias } from './update-alias.ts'
import { updateKeyDescription } from './update-key-description.ts'
import { updatePrimaryRegion } from './update-primary-region.ts'
import { verifyMac } from './verify-mac.ts'
import { verify } from './verify.ts'

/** Each operation of the shape table, with what does it. */
const handlers: { readonly [Name in OperationName]: Operation<Name> } = {
  ...grantHandlers,
  ...importHandlers,
  CancelKeyDeletion: cancelKeyDeletion,
  CreateAlias: createAlias,
  CreateKey: createKey,
  Decapsulate: decapsulate,
  Decrypt: decrypt,
  DeleteAlias: deleteAlias,
  DeriveSharedSecret: deriveSharedSecret,
  DescribeKey: describeKey,
  DisableKey: disableKey,
  DisableKeyRotation: disableKeyRotation,
  EnableKey: enableKey,
  EnableKeyRotation: enableKeyRotation,
  Encapsulate: encapsulate,
  Encrypt: encrypt,
  GenerateDataKey: generateDataKey,
  GenerateDataKeyPair: generateDataKeyPair,
  GenerateDataKeyPairWithoutPlaintext: generateDataKeyPairWithoutPlaintext,
  GenerateDataKeyWithoutPlaintext: generateDataKeyWithoutPlaintext,
  GenerateMac: generateMac,
  GenerateRandom: generateRandom,
  GetKeyLastUsage: getKeyLastUsage,
  GetKeyPolicy: getKeyPolicy,
  GetKeyRotationStatus: getKeyRotationStatus,
  GetPublicKey: getPublicKey,
  ListAliases: listAliases,
  ListKeyPolicies: listKeyPolicies,
  ListKeyRotations: listKeyRotations,
  ListKeys: listKeys,
  ListResourceTags: listResourceTags,
  PutKeyPolicy: putKeyPolicy,
  ReEncrypt: reEncrypt,
  ReplicateKey: replicateKey,
  RotateKeyOnDemand: rotateKeyOnDemand,
  ScheduleKeyDeletion: scheduleKeyDeletion,
  Sign: sign,
  TagResource: tagResource,
  UntagResource: untagResource,
  UpdateAlias: updateAlias,
  UpdateKeyDescription: updateKeyDescription,
  UpdatePrimaryRegion: updatePrimaryRegion,
  Verify: verify,
  VerifyMac: verifyMac,
}

/** Operations that CloudTrail records as changing something. */
const writing: ReadonlySet<OperationName> = new Set([
  ...writingGrantOperations,
  ...writingImportOperations,
  'CancelKeyDeletion',
  'CreateAlias',
  'CreateKey',
  'DeleteAlias',
  'DisableKey',
  'DisableKeyRotation',
  'EnableKey',
  'EnableKeyRotation',
  'PutKeyPolicy',
  'ReplicateKey',
  'RotateKeyOnDemand',
  'ScheduleKeyDeletion',
  'TagResource',
  'UntagResource',
  'UpdateAlias',
  'UpdateKeyDescription',
  'UpdatePrimaryRegion',
])

/**
 * Of those that answer nothing, whose records have the key's ARN in `responseElements` all the same.
 *
 * @see KMS Developer Guide, "Examples of AWS KMS log entries": since December 2022, of these and no others
 */
const recordingKey: ReadonlySet<OperationName> = new Set([
  'CreateAlias',
  'DeleteAlias',
  'DisableKey',
  'EnableKey',
  'EnableKeyRotation',
  'UpdateAlias',
  'UpdatePrimaryRegion',
])

/** AWS KMS: everything that a request to it needs. */
export function kmsService(parts: KmsParts): Service {
  const bind = <Name extends OperationName>(name: Name): ServiceOperation => {
    const handler: Operation<Name> = handlers[name]
    const admit = parts.throttle?.(name)
    const operation: ServiceOperation = {
      name,
      input: operations[name].input,
      output: operations[name].output,
      readOnly: !writing.has(name),
      ...(recordingKey.has(name) && { recordsKey: true }),
      ...(admit && { admit }),
      run: (request, call) =>
        handler(request as RequestOf<Name>, new CallContext(call, parts)).catch((error: unknown) => {
          if (error instanceof PendingDeletionError) tellPendingDeletion(error.key, name, call, parts)
          return asAwsSays(error)
        }),
    }
    const input = membersInChina(operation.input)
    return input === operation.input ? operation : { ...operation, inChina: { ...operation, input } }
  }
  return {
    signingName: 'kms',
    protocol: { type: 'json', targetPrefix: 'TrentService' },
    eventSource: 'kms.amazonaws.com',
    operations: new Map(supportedOperations.map((name) => [name, bind(name)])),
    operationNames: new Set(operationNames),
  }
}

/** What this release does; the rest of `operationNames` is not supported yet. */
export const supportedOperations = Object.keys(handlers) as OperationName[]

/** Once the refusal has its record: until then the request may still be decided again. */
function tellPendingDeletion(key: KmsKey, operation: string, call: Call, parts: KmsParts): void {
  const { accountId: callerAccountId } = call.caller
  call.audit.afterwards((eventId) => {
    parts.pendingDeletions?.refused({ key, operation, eventId, callerAccountId })
  })
}

/** AWS has a word for material that is out of reach for a while, and one for too much work. */
function asAwsSays(error: unknown): never {
  if (error instanceof MaterialUnavailable)
    throw new KmsError('KeyUnavailableException', undefined, { cause: error })
  if (error instanceof TooManyWaiting) throw new KmsError('ThrottlingException')
  throw error
}
