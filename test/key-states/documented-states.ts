/** The states of KMS keys, without Unavailable, which is only for keys in custom key stores. */
export const keyStates = [
  'Enabled',
  'Disabled',
  'PendingDeletion',
  'PendingReplicaDeletion',
  'PendingImport',
  'Creating',
  'Updating',
] as const
export type State = (typeof keyStates)[number]

/** ok; D = DisabledException; K = KMSInvalidStateException; U = UnsupportedOperationException, for keys it is not for. */
export type Answer = 'ok' | 'D' | 'K' | 'U'

/** What an operation may answer in each state; where AWS names more than one, ours is among them. */
type States = Readonly<Record<State, readonly Answer[]>>

/**
 * One row of the documentation's table. PendingReplicaDeletion is the column of PendingDeletion there, so it need not be said.
 *
 * @param cells Enabled, Disabled, PendingDeletion, PendingImport, Creating, Updating
 */
function row(...cells: readonly string[]): States {
  const [
    Enabled = [],
    Disabled = [],
    PendingDeletion = [],
    PendingImport = [],
    Creating = [],
    Updating = [],
  ] = cells.map((cell) => cell.split('/') as Answer[])
  return {
    Enabled,
    Disabled,
    PendingDeletion,
    PendingReplicaDeletion: PendingDeletion,
    PendingImport,
    Creating,
    Updating,
  }
}

const always = row('ok', 'ok', 'ok', 'ok', 'ok', 'ok')
const use = row('ok', 'D', 'D/K', 'K', 'K', 'ok')
const change = row('ok', 'ok', 'K', 'ok', 'ok', 'ok')
const onOff = row('ok', 'ok', 'K', 'K', 'K', 'K')
const automaticRotation = row('ok/U', 'D/U', 'K/U', 'U', 'K', 'ok/U')

/**
 * What each operation on a key does in each state of the key, as AWS documents it.
 *
 * @see AWS KMS Developer Guide, "Key states of AWS KMS keys", read 2026-11. Encapsulate, Decapsulate and GetKeyLastUsage are
 * younger than the page; they are taken to be like DeriveSharedSecret and DescribeKey.
 */
export const documented: Readonly<Record<string, States>> = {
  Encrypt: use,
  Decrypt: use,
  ReEncrypt: use,
  GenerateDataKey: use,
  GenerateDataKeyWithoutPlaintext: use,
  GenerateDataKeyPair: use,
  GenerateDataKeyPairWithoutPlaintext: use,
  Sign: use,
  Verify: use,
  GenerateMac: use,
  VerifyMac: use,
  DeriveSharedSecret: use,
  Encapsulate: use,
  Decapsulate: use,
  CreateGrant: use,
  GetPublicKey: row('ok', 'ok', 'D/K', 'ok', 'K', 'ok'),

  DescribeKey: always,
  GetKeyLastUsage: always,
  GetKeyPolicy: always,
  PutKeyPolicy: always,
  ListKeyPolicies: always,
  ListGrants: always,
  RevokeGrant: always,
  RetireGrant: always,
  ListResourceTags: always,
  ListAliases: always,
  DeleteAlias: always,

  CreateAlias: change,
  // Of the key that is to have the alias; of the one that had it, always.
  UpdateAlias: change,
  TagResource: change,
  UntagResource: change,
  UpdateKeyDescription: change,

  EnableKey: onOff,
  DisableKey: onOff,
  ScheduleKeyDeletion: row('ok', 'ok', 'K', 'ok', 'ok', 'K'),
  CancelKeyDeletion: row('K', 'K', 'ok', 'K', 'K', 'K'),

  EnableKeyRotation: automaticRotation,
  DisableKeyRotation: automaticRotation,
  // The page says K of PendingImport without a word of asymmetric and HMAC keys, for which it is in no state.
  RotateKeyOnDemand: row('ok/U', 'D/U', 'K/U', 'K/U', 'K', 'ok/U'),
  // The page says U of PendingImport; "Rotate AWS KMS keys" says that the answer for imported material is always no.
  GetKeyRotationStatus: row('ok/U', 'ok/U', 'ok/U', 'ok/U', 'ok/U', 'ok/U'),
  ListKeyRotations: row('ok/U', 'ok/U', 'ok/U', 'ok/U', 'ok/U', 'ok/U'),

  GetParametersForImport: row('ok/U', 'ok/U', 'K/U', 'ok', 'K', 'K'),
  ImportKeyMaterial: row('ok/U', 'ok/U', 'K/U', 'ok', 'K', 'ok/U'),
  DeleteImportedKeyMaterial: row('ok/U', 'ok/U', 'ok/U', 'ok', 'K', 'K'),

  // U: of keys that are not the primary one of a set ("Multi-Region keys in AWS KMS").
  ReplicateKey: row('ok/U', 'D/U', 'D/K/U', 'K/U', 'K', 'K'),
  UpdatePrimaryRegion: row('ok/U', 'D/U', 'D/K/U', 'K/U', 'K', 'ok/U'),
}

/** Operations that are on no key of which the state would matter. */
export const withoutKey: ReadonlySet<string> = new Set([
  'CreateKey',
  'GenerateRandom',
  'ListKeys',
  'ListRetirableGrants',
])
