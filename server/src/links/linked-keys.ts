import type { KmsKey, StoredKey } from '../keys/key.ts'
import { KmsError } from '../keys/kms-error.ts'
import type { Transition } from '../store/store.ts'
import { LinkUnreachable, type AskLink } from './link-client.ts'
import type { LinkedIntents } from './linked-replicas.ts'
import type { Keys } from '../keys/keys.ts'
import type { Channels } from './channels.ts'
import type { RegionLink, RegionLinks } from './region-links.ts'
import { shownReason, text, type DocumentReplica } from './set-document.ts'

/** What the operations of KMS need of Regions that other deployments serve. */
export interface LinkedKeys {
  ofRegion(region: string): Promise<RegionLink | undefined>
  /**
   * Whether a replica could be made there now.
   *
   * @throws KmsError what that deployment says, or KMSInternalException when it does not answer
   */
  requireReplica(link: RegionLink, key: KmsKey, replica: DocumentReplica): Promise<void>
  /** Makes a replica there: asked for with this transition, there when the other side has taken it. */
  addReplica(tx: Transition, link: RegionLink, primary: StoredKey, replica: DocumentReplica): Promise<void>
  /** Whether the primary key could move there now. @throws KmsError */
  requireSuccessor(link: RegionLink, key: KmsKey, region: string): Promise<void>
  movePrimary(tx: Transition, link: RegionLink, primary: StoredKey, region: string): Promise<void>
}

/** Errors that the other side may have us raise. */
const namesTaken = [
  'AlreadyExistsException',
  'LimitExceededException',
  'MalformedPolicyDocumentException',
  'TagException',
  'UnsupportedOperationException',
  'KMSInvalidStateException',
  'DisabledException',
] as const

export function createLinkedKeys(parts: {
  links: RegionLinks
  channels: Channels
  intents: LinkedIntents
  keys: Keys
  ask: AskLink
}): LinkedKeys {
  const { links, channels, intents, keys, ask } = parts

  async function require(link: RegionLink, kind: string, body: Record<string, unknown>): Promise<void> {
    let answer: Readonly<Record<string, unknown>>
    try {
      answer = await ask(link, kind, body)
    } catch (cause) {
      if (!(cause instanceof LinkUnreachable)) throw cause
      throw new KmsError(
        'KMSInternalException',
        'The Region cannot be reached at the moment. Try again later.',
        { cause },
      )
    }
    if (text(answer['status'], /^(ready|refused)$/) === 'ready') return
    const name = namesTaken.find((known) => known === answer['name'])
    throw new KmsError(name ?? 'UnsupportedOperationException', shownReason(answer['reason']))
  }

  return {
    ofRegion: (region) => links.ofRegion(region),

    async requireReplica(link, { accountId, keyId, origin, arn }, replica) {
      if (origin !== 'AWS_KMS') {
        throw new KmsError(
          'UnsupportedOperationException',
          `${arn} origin is ${origin} which is not valid for a replica in ${replica.region}, a Region of a linked deployment.`,
        )
      }
      await require(link, 'replica wanted', { accountId, keyId, newReplicas: [replica] })
    },

    async addReplica(tx, link, primary, replica) {
      const { multiRegion } = primary.key
      if (multiRegion === undefined) throw new Error(`${primary.key.arn} is a key of one Region`)
      await intents.addReplica(tx, primary.key, link.deploymentId, replica)
      await keys.sets.tell(tx, primary, {
        primaryRegion: multiRegion.primaryRegion,
        replicaRegions: [...multiRegion.replicaRegions, replica.region].sort(),
      })
    },

    async requireSuccessor(link, key, region) {
      const { accountId, keyId, multiRegion } = key
      await require(link, 'primary wanted', {
        accountId,
        keyId,
        region,
        regions: [key.region, ...(multiRegion?.replicaRegions ?? [])].filter((other) => other !== region),
      })
    },

    async movePrimary(tx, link, primary, region) {
      if ((await intents.move(tx.db, primary.key.keyId)) !== undefined) {
        throw new KmsError('KMSInvalidStateException', `${primary.key.arn} is updating.`)
      }
      const key = await keys.change(tx, primary, { state: 'Updating' })
      await intents.beginMove(tx, key, link.deploymentId, region)
      await channels.changed(tx, key)
    },
  }
}
