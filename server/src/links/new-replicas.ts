import type { Accounts } from '../identity/accounts.ts'
import { UnknownPrincipalError, type PrincipalBinding } from '../identity/principal-binding.ts'
import { partitionOf } from '../arn.ts'
import { keyArn, type StoredKey } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import { requireRoomForKey, type ResourceQuotas } from '../keys/resource-quotas.ts'
import { requireTags } from '../keys/tags.ts'
import { KmsError } from '../keys/kms-error.ts'
import { MalformedPolicyError, parsePolicy, type PolicyDocument } from '../policy/document.ts'
import type { Db } from '../store/db.ts'
import type { Transition } from '../store/store.ts'
import type { DocumentReplica, SetDocument } from './set-document.ts'

/** Why a replica cannot be made, in AWS's words. */
export interface ReplicaRefusal {
  readonly replicaRegion: string
  /** An error's name. */
  readonly name: string
  readonly reason: string
}

type Wanted = Pick<SetDocument, 'accountId' | 'keyId'> & {
  readonly newReplicas: readonly DocumentReplica[]
}

/** Replicas that another deployment asks for: within the bounds of this one. */
export interface NewReplicas {
  refusal(db: Db, wanted: Wanted): Promise<ReplicaRefusal | undefined>
  /** Creating, without material. */
  create(tx: Transition, document: SetDocument, replica: DocumentReplica): Promise<StoredKey>
}

export function createNewReplicas(parts: {
  keys: Keys
  accounts: Accounts
  binding: PrincipalBinding
  resourceQuotas: ResourceQuotas
}): NewReplicas {
  const { keys, accounts, binding, resourceQuotas } = parts

  async function refusal(db: Db, { accountId, keyId, newReplicas }: Wanted) {
    for (const { region, policy, tags } of newReplicas) {
      const refused = (name: string, reason: string) => ({ replicaRegion: region, name, reason })
      const account = await accounts.load(accountId)
      if (account === undefined || account.value.quarantine !== undefined) {
        return refused(
          'UnsupportedOperationException',
          `Account ${accountId} cannot have keys in ReplicaRegion ${region}.`,
        )
      }
      if ((await keys.read(db, region, keyId)) !== undefined) {
        const arn = keyArn(accountId, region, keyId)
        return refused('AlreadyExistsException', `Key '${arn}' already exists.`)
      }
      try {
        await requireRoomForKey(db, { accountId, region }, resourceQuotas)
        requireTags(tags)
        await bindingsOf(db, parsePolicy(policy, 'resource'), region)
      } catch (error) {
        if (error instanceof KmsError) return refused(error.name, error.message)
        if (error instanceof MalformedPolicyError) {
          return refused('MalformedPolicyDocumentException', error.message)
        }
        if (!(error instanceof UnknownPrincipalError)) throw error
        return refused(
          'MalformedPolicyDocumentException',
          'Policy contains a statement with one or more invalid principals.',
        )
      }
    }
    return undefined
  }

  const bindingsOf = (db: Db, document: PolicyDocument, region: string) =>
    binding.bindPrincipals(db, document, partitionOf(region))

  async function create(
    tx: Transition,
    document: SetDocument,
    { region, policy, description, tags }: DocumentReplica,
  ): Promise<StoredKey> {
    const { accountId, keyId, spec, usage, origin, primaryRegion, replicaRegions, rotation } = document
    await keys.create(
      tx,
      {
        keyId,
        accountId,
        region,
        spec,
        usage,
        origin,
        description,
        policy,
        policyBindings: await bindingsOf(tx.db, parsePolicy(policy, 'resource'), region),
        tags,
        multiRegion: { primaryRegion, replicaRegions: [...replicaRegions].sort() },
        ...(rotation && { rotation }),
        state: 'Creating',
      },
      undefined,
    )
    const stored = await keys.read(tx.db, region, keyId)
    if (stored === undefined) throw new Error('a key that was just made is not there')
    return stored
  }

  return { refusal, create }
}
