import { setImmediate as nextTurn } from 'node:timers/promises'
import { unwrapFromLink } from '../crypto/link-wrapping.ts'
import { WrapError } from '../crypto/wrap.ts'
import type { KmsKey, StoredKey } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import type { SharedState } from '../keys/multi-region.ts'
import { regionName } from '../regions.ts'
import type { LinkedSetRow } from '../store/rows/link-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import type { RateLimitedLog } from '../telemetry/rate-limited-log.ts'
import { NOTHING_SAID, regionsIn, type Channels, type Said } from './channels.ts'
import { createKeysHere, primaryOf } from './keys-here.ts'
import type { LinkIdentities } from './link-identity.ts'
import { MessageError, type Message } from './messages.ts'
import type { NewReplicas } from './new-replicas.ts'
import type { RegionLink } from './region-links.ts'
import { recordLinkEvent } from './service-event.ts'
import {
  contentDigest,
  digestOf,
  documentFromBody,
  keyIdForm,
  list,
  MOST_REGIONS,
  text,
  type SetDocument,
} from './set-document.ts'
import type { SetChecks } from './set-checks.ts'
import type { SetProgress } from './set-progress.ts'

/** Takes what the deployment of a set's primary key says of it, or refuses it; never overwrites what contradicts it. */
export interface SetHearer {
  set(link: RegionLink, body: Message['body']): Promise<Message['body']>
  /** Replicas over there are deleted. */
  gone(link: RegionLink, body: Message['body']): Promise<Message['body']>
}

// Some three milliseconds.
const OPENED_AT_ONCE = 16

export function createSetHearer(parts: {
  store: Store
  keys: Keys
  identities: LinkIdentities
  channels: Channels
  checks: SetChecks
  newReplicas: NewReplicas
  progress: SetProgress
  ownRegions: ReadonlySet<string>
  now: () => number
  limited: RateLimitedLog
}): SetHearer {
  const { store, keys, identities, channels, checks, newReplicas, progress, ownRegions, now, limited } = parts
  const keysHere = createKeysHere(keys, ownRegions)

  async function set(link: RegionLink, body: Message['body']): Promise<Message['body']> {
    const document = read(body)
    // One set that is not understood, of a newer version perhaps, says nothing of the others.
    if (typeof document === 'string') return { status: 'refused', reason: document }
    const own = await identities.own()
    const heard: Said = {
      sequence: document.sequence,
      digest: digestOf({
        from: link.deploymentId,
        to: own.deploymentId,
        sequence: document.sequence,
        after: document.after,
        content: contentDigest(document),
      }),
    }
    const materials = await open(document, link, own)
    try {
      return await store.transition(async (tx) => {
        tx.unrecorded = 'a linked deployment said nothing new'
        const row = await channels.read(tx.db, document.keyId, link.deploymentId)
        const taken = takenIn(row)
        if (taken.sequence === heard.sequence && taken.digest === heard.digest) {
          return { status: 'held', ...heard }
        }
        const follows =
          document.after.sequence === taken.sequence &&
          document.after.digest === taken.digest &&
          heard.sequence > taken.sequence
        if (!follows) return { status: 'elsewhere', ...taken }
        return await take(tx, { link, document, materials, row, heard })
      })
    } finally {
      for (const bytes of materials.bytes.values()) bytes.fill(0)
    }
  }

  /** What is told of material in the clear, or why it cannot be. */
  async function open(
    document: SetDocument,
    link: RegionLink,
    own: Awaited<ReturnType<LinkIdentities['own']>>,
  ): Promise<Opened> {
    const { accountId, keyId, materials } = document
    const bytes = new Map<string, Buffer>()
    for (const [at, { facts, wrapped }] of materials.entries()) {
      // A fifth of a millisecond each, and whoever sends decides how many there are.
      if (at % OPENED_AT_ONCE === OPENED_AT_ONCE - 1) await nextTurn()
      const about = {
        from: link.deploymentId,
        to: own.deploymentId,
        accountId,
        keyId,
        materialId: facts.material_id,
        purpose: 'material',
      } as const
      let opened: Buffer
      try {
        opened = unwrapFromLink(own.wrapping, wrapped, about)
      } catch (error) {
        if (!(error instanceof WrapError)) throw error
        return { bytes, trouble: 'its material does not open with the key of this deployment' }
      }
      bytes.set(facts.material_id, opened)
      const trouble = checks.unfit(document, facts.material_id, opened)
      if (trouble !== undefined) return { bytes, trouble }
    }
    return { bytes, trouble: undefined }
  }

  interface Opened {
    readonly bytes: ReadonlyMap<string, Buffer>
    readonly trouble: string | undefined
  }

  interface Heard {
    readonly link: RegionLink
    readonly document: SetDocument
    readonly materials: Opened
    readonly row: LinkedSetRow | undefined
    readonly heard: Said
  }

  async function take(tx: Transition, about: Heard): Promise<Message['body']> {
    const { link, document, materials, row, heard } = about
    const local = await keysHere(tx.db, document.keyId)
    if (await checks.isEarly(tx.db, { link, document, local })) return { status: 'later' }
    const gone = regionsIn(row?.gone_regions ?? null)
    // It will not say so again once it knows that the last key is gone.
    if (local.length === 0 && gone.length > 0 && document.newReplicas.length === 0) return { status: 'later' }
    const reason =
      materials.trouble ??
      (await checks.contradiction(tx.db, { link, document, materials: materials.bytes, local, gone }))
    if (reason !== undefined) return await refuse(tx, about, local, reason)
    const refusal = await newReplicas.refusal(tx.db, document)
    if (refusal !== undefined) return { status: 'refused', ...refusal }

    const shared = sharedState(document, materials.bytes)
    for (const replica of document.newReplicas) {
      const made = await newReplicas.create(tx, document, replica)
      await keys.sets.agree(tx, shared, made, { state: 'Enabled' })
    }
    for (const stored of local) {
      const isPrimary = stored.key.region === document.primaryRegion
      const agreed = await keys.sets.agree(tx, shared, stored, isPrimary ? takesOver(stored.key) : {})
      if (isPrimary) await channels.changed(tx, agreed)
    }
    const opened = await channels.open(tx, document, link.deploymentId)
    await channels.change(tx, opened, {
      received: heard.sequence,
      received_digest: heard.digest,
      trouble: null,
      trouble_since: null,
    })
    await recordTaken(tx, link, document)
    return { status: 'held', ...heard }
  }

  async function refuse(
    tx: Transition,
    { link, row, document }: Heard,
    local: readonly StoredKey[],
    reason: string,
  ): Promise<Message['body']> {
    const [first] = local
    const { deploymentId } = link
    limited.warn(
      'linked set refused',
      { keyId: document.keyId, deploymentId, reason },
      'what a linked deployment says of a multi-Region key was refused',
    )
    // Nothing is kept of keys that are not here, and only how a trouble begins: a deployment that says nonsense fills nothing.
    if (first === undefined || (row !== undefined && row.trouble !== null)) {
      return { status: 'refused', reason }
    }
    const opened = row ?? (await channels.open(tx, first.key, deploymentId))
    await channels.change(tx, opened, { trouble: reason, trouble_since: now() })
    recordLinkEvent(tx, {
      operation: 'MultiRegionKeyDiverged',
      key: first.key,
      deploymentId,
      clockMs: now(),
      additional: { reason },
    })
    return { status: 'refused', reason }
  }

  /** One that is to be deleted stays so; as a primary key it waits for its replicas. */
  function takesOver(key: KmsKey) {
    if (key.state !== 'PendingDeletion' || key.pendingWindowDays === undefined) return {}
    return {
      state: 'PendingReplicaDeletion',
      deletion: { atMs: null, windowDays: key.pendingWindowDays },
    } as const
  }

  async function recordTaken(tx: Transition, { deploymentId }: RegionLink, { keyId }: SetDocument) {
    const [first] = await keysHere(tx.db, keyId)
    if (first === undefined) return
    recordLinkEvent(tx, {
      operation: 'SynchronizeMultiRegionKey',
      key: first.key,
      deploymentId,
      clockMs: now(),
    })
  }

  async function gone(link: RegionLink, body: Message['body']): Promise<Message['body']> {
    const keyId = text(body['keyId'], keyIdForm)
    const regions = list(body['regions'], MOST_REGIONS).map((region) => text(region, regionName))
    if (!regions.every((region) => link.regions.includes(region))) {
      throw new MessageError('it speaks of Regions that are not its own')
    }
    await store.transition(async (tx) => {
      tx.unrecorded = 'a replica in a linked deployment was known to be deleted'
      await progress.takeBack(tx, keyId, link.deploymentId, regions)
      for (const region of regions) {
        const primary = primaryOf(await keysHere(tx.db, keyId))
        if (primary?.key.multiRegion?.replicaRegions.includes(region) !== true) continue
        await keys.sets.leave(tx, { ...primary.key, region })
        recordLinkEvent(tx, {
          operation: 'ReplicaDeleted',
          key: primary.key,
          deploymentId: link.deploymentId,
          clockMs: now(),
          additional: { replicaRegion: region },
        })
      }
    })
    return { status: 'held' }
  }

  return { set, gone }
}

function read(body: Message['body']): SetDocument | string {
  try {
    return documentFromBody(body)
  } catch (error) {
    if (error instanceof MessageError) return error.message
    throw error
  }
}

function takenIn(row: LinkedSetRow | undefined): Said {
  if (row === undefined || row.received === 0) return NOTHING_SAID
  return { sequence: row.received, digest: row.received_digest ?? '' }
}

function sharedState(document: SetDocument, opened: ReadonlyMap<string, Buffer>): SharedState {
  const { primaryRegion, replicaRegions, rotation, currentMaterialId, materials } = document
  return {
    multiRegion: { primaryRegion, replicaRegions: [...replicaRegions].sort() },
    rotation,
    currentMaterialId,
    materials: materials.map(({ facts }) => ({
      facts,
      bytes: () => Promise.resolve(copyOf(opened.get(facts.material_id))),
    })),
  }
}

/** Whoever gets it wipes it. */
function copyOf(bytes: Buffer | undefined): Buffer | undefined {
  return bytes && Buffer.from(bytes)
}
