import type { KMS } from '@aws-sdk/client-kms'
import type { HeldServer, TestRegion } from '../held-server.ts'
import { importMaterial, type Importable } from '../imported-material.ts'
import { grantOn, REPLICA, type Subject } from './key-in-each-state.ts'
import { usesOf, type Use } from './typed-use.ts'

/** One way to call one operation. */
interface Case {
  /** `ReEncrypt to` is one of two of ReEncrypt. */
  readonly name: string
  readonly operation: string
  /** Whether the key is another one after it. */
  readonly changes: boolean
  call(): Promise<unknown>
  /** What AWS says of a key that the operation is not for; undefined of one that it is for. */
  readonly notFor: string | undefined
}

const anotherRegion: TestRegion = 'us-west-2'

/** Every operation that can be asked of this key. */
export function casesOf(server: HeldServer, subject: Subject, other: Use['other']): Case[] {
  const kms = server.kms(subject.region)
  const { KeyId, made, kind } = subject
  const cases: Case[] = Object.entries(usesOf[kind.name]).map(([name, call]) => ({
    name,
    operation: name.split(' ', 1)[0] ?? name,
    changes: false,
    call: () => call(kms, { KeyId, made, other }),
    notFor: undefined,
  }))
  for (const [name, call] of Object.entries(management(server, kms, subject)))
    cases.push({
      name,
      operation: name,
      changes: !/^(Describe|Get|List)/.test(name),
      call,
      notFor: notFor(name, subject),
    })
  return cases
}

function management(
  server: HeldServer,
  kms: KMS,
  { KeyId, arn, alias, GrantId, Policy, importable, kind }: Subject,
): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    CreateGrant: () => kms.createGrant(grantOn(server, KeyId)),
    DescribeKey: () => kms.describeKey({ KeyId }),
    GetKeyLastUsage: () => kms.getKeyLastUsage({ KeyId }),
    GetKeyPolicy: () => kms.getKeyPolicy({ KeyId }),
    PutKeyPolicy: () => kms.putKeyPolicy({ KeyId, Policy }),
    ListKeyPolicies: () => kms.listKeyPolicies({ KeyId }),
    ListGrants: () => kms.listGrants({ KeyId }),
    RevokeGrant: () => kms.revokeGrant({ KeyId, GrantId }),
    RetireGrant: () => kms.retireGrant({ KeyId: arn, GrantId }),
    ListResourceTags: () => kms.listResourceTags({ KeyId }),
    ListAliases: () => kms.listAliases({ KeyId }),
    DeleteAlias: () => kms.deleteAlias({ AliasName: alias }),
    CreateAlias: () => kms.createAlias({ AliasName: `${alias}-second`, TargetKeyId: KeyId }),
    UpdateAlias: () => kms.updateAlias({ AliasName: alias, TargetKeyId: KeyId }),
    TagResource: () => kms.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
    UntagResource: () => kms.untagResource({ KeyId, TagKeys: ['a'] }),
    UpdateKeyDescription: () => kms.updateKeyDescription({ KeyId, Description: 'another' }),
    EnableKey: () => kms.enableKey({ KeyId }),
    DisableKey: () => kms.disableKey({ KeyId }),
    ScheduleKeyDeletion: () => kms.scheduleKeyDeletion({ KeyId }),
    CancelKeyDeletion: () => kms.cancelKeyDeletion({ KeyId }),
    EnableKeyRotation: () => kms.enableKeyRotation({ KeyId }),
    DisableKeyRotation: () => kms.disableKeyRotation({ KeyId }),
    RotateKeyOnDemand: () => kms.rotateKeyOnDemand({ KeyId }),
    GetKeyRotationStatus: () => kms.getKeyRotationStatus({ KeyId }),
    ListKeyRotations: () => kms.listKeyRotations({ KeyId }),
    GetParametersForImport: () =>
      kms.getParametersForImport({
        KeyId,
        WrappingAlgorithm: kind.KeySpec.startsWith('RSA') ? 'RSA_AES_KEY_WRAP_SHA_256' : 'RSAES_OAEP_SHA_256',
        WrappingKeySpec: 'RSA_2048',
      }),
    ImportKeyMaterial: () => importMaterial(kms, importable ?? ofNoKey(KeyId)),
    DeleteImportedKeyMaterial: () => kms.deleteImportedKeyMaterial({ KeyId }),
    ReplicateKey: () => kms.replicateKey({ KeyId, ReplicaRegion: anotherRegion }),
    UpdatePrimaryRegion: () => kms.updatePrimaryRegion({ KeyId, PrimaryRegion: REPLICA }),
  }
}

/** What a client can send for a key that gave it nothing to import with. */
function ofNoKey(KeyId: string): Importable {
  const nothing = Buffer.alloc(256, 1)
  return { KeyId, ImportToken: nothing, EncryptedKeyMaterial: nothing, material: nothing }
}

const automatic = new Set(['EnableKeyRotation', 'DisableKeyRotation'])
const rotating = new Set([...automatic, 'RotateKeyOnDemand'])
const importing = new Set(['GetParametersForImport', 'ImportKeyMaterial', 'DeleteImportedKeyMaterial'])
const moving = new Set(['ReplicateKey', 'UpdatePrimaryRegion'])

function notFor(operation: string, { kind, origin, place, arn }: Subject): string | undefined {
  const isSymmetric = kind.name === 'symmetric'
  if ((rotating.has(operation) || operation === 'ListKeyRotations') && !isSymmetric)
    return `${arn} key spec is ${kind.KeySpec} which is not valid for this operation.`
  const wrongOrigin =
    (automatic.has(operation) && origin === 'EXTERNAL') || (importing.has(operation) && origin === 'AWS_KMS')
  if (wrongOrigin) return `${arn} origin is ${origin} which is not valid for this operation.`
  const wrongPlace =
    (rotating.has(operation) && place === 'replica') || (moving.has(operation) && place !== 'primary')
  return wrongPlace ? `${arn} is not a multi-region primary key.` : undefined
}
