import type { KmsKey, StoredKey } from '../keys/key.ts'
import type { RotationType } from '../keys/key-rotation.ts'
import type { Keys } from '../keys/keys.ts'
import { AWAITS_LINKED } from '../keys/material-version.ts'
import { rotationRecord } from '../schedule/rotation-record.ts'
import type { Db } from '../store/db.ts'
import type { LinkedMoveRow } from '../store/rows/link-rows.ts'
import type { Transition } from '../store/store.ts'
import { saidIn, type Channels } from './channels.ts'
import type { LinkedIntents } from './linked-replicas.ts'
import { recordLinkEvent } from './service-event.ts'
import { contentDigest, type SetDocument } from './set-document.ts'

type Content = Omit<SetDocument, 'sequence' | 'after'>

/** What a set does next once linked deployments hold what it has: new material comes into use, a primary key moves. */
export interface SetProgress {
  /** What one deployment is to know of a set, without the bytes of its material. */
  contentFor(db: Db, author: StoredKey, deploymentId: string): Promise<Content>
  /** Takes the steps for which every other deployment is ready. */
  advance(tx: Transition, author: StoredKey): Promise<void>
  /**
   * The key that was to become the primary key is deleted over there, so it never will be: the one that gave the part up
   * has it again.
   */
  takeBack(tx: Transition, keyId: string, deploymentId: string, gone: readonly string[]): Promise<void>
}

export function createSetProgress(parts: {
  keys: Keys
  channels: Channels
  intents: LinkedIntents
  now: () => number
}): SetProgress {
  const { keys, channels, intents, now } = parts

  async function contentFor(db: Db, { key }: StoredKey, deploymentId: string): Promise<Content> {
    const shared = await keys.sets.sharedState(db, key)
    return {
      accountId: key.accountId,
      keyId: key.keyId,
      spec: key.spec,
      usage: key.usage,
      origin: key.origin,
      primaryRegion: shared.multiRegion.primaryRegion,
      replicaRegions: shared.multiRegion.replicaRegions,
      rotation: shared.rotation,
      currentMaterialId: shared.currentMaterialId,
      materials: shared.materials.map(({ facts }) => ({ facts, wrapped: Buffer.alloc(0) })),
      newReplicas: await intents.replicas(db, key.keyId, deploymentId),
    }
  }

  async function advance(tx: Transition, author: StoredKey): Promise<void> {
    const waiting = await waitingFor(tx.db, author)
    const move = await intents.move(tx.db, author.key.keyId)
    if (waiting.length === 0 && (await completeRotation(tx, author))) return
    if (move === undefined) return
    if (move.phase === 'PREPARING') {
      if (waiting.length === 0) await giveUp(tx, author, move)
      return
    }
    const taken =
      move.phase === 'TAKEN' || waiting.includes(move.deployment_id)
        ? move
        : await takenOver(tx, author, move)
    if (waiting.length === 0 && taken.phase === 'TAKEN') await intents.endMove(tx, taken)
  }

  /** The deployments that have not acknowledged all that there is to know. */
  async function waitingFor(db: Db, author: StoredKey): Promise<string[]> {
    const waiting: string[] = []
    for (const { deploymentId } of await channels.peersOf(db, author.key)) {
      const row = await channels.read(db, author.key.keyId, deploymentId)
      const content = contentDigest(await contentFor(db, author, deploymentId))
      const isHeld =
        row !== undefined &&
        row.sent_content === content &&
        saidIn(row).at(-1)?.sequence === row.acknowledged &&
        row.trouble === null
      if (!isHeld) waiting.push(deploymentId)
    }
    return waiting
  }

  /** Material that all of them hold encrypts from now on. */
  async function completeRotation(tx: Transition, { key }: StoredKey): Promise<boolean> {
    const rows = await keys.materials.rows(tx.db, key)
    const row = rows.find(({ pending_state }) => pending_state === AWAITS_LINKED)
    const stored = await keys.read(tx.db, key.region, key.keyId)
    if (row === undefined || stored === undefined) return false
    const rotatedAtMs = now()
    const type = row.rotation_type as RotationType
    await keys.materials.update(tx, row, { pending_state: null, rotated_at: rotatedAtMs })
    const { rotation } = stored.key
    const rotated = await keys.change(tx, stored, {
      currentMaterialId: row.material_id,
      ...(type === 'AUTOMATIC' && rotation && { rotation: { ...rotation, fromMs: rotatedAtMs } }),
    })
    await keys.sets.share(tx, rotated)
    const facts = { before: stored.key, rotated, rotationType: type, clockMs: rotatedAtMs }
    tx.record((changePosition) => rotationRecord({ ...facts, changePosition }))
    return true
  }

  /** From here on this deployment has no primary key of the set, and the other one has none yet. */
  async function giveUp(tx: Transition, author: StoredKey, move: LinkedMoveRow): Promise<void> {
    const { multiRegion, region } = author.key
    if (multiRegion?.primaryRegion !== region) return
    const { to_region: primaryRegion, deployment_id: deploymentId } = move
    if (!multiRegion.replicaRegions.includes(primaryRegion)) {
      // Deleted over there meanwhile: the primary key stays where it is.
      await intents.endMove(tx, move)
      await keys.change(tx, author, { state: 'Enabled' })
      return
    }
    const replicaRegions = [...multiRegion.replicaRegions.filter((other) => other !== primaryRegion), region]
    const key = await keys.sets.tell(tx, author, { primaryRegion, replicaRegions: replicaRegions.sort() })
    await intents.advanceMove(tx, move, 'GIVEN UP')
    recordMove(tx, key, deploymentId)
  }

  function recordMove(tx: Transition, key: KmsKey, deploymentId: string): void {
    const primaryRegion = key.multiRegion?.primaryRegion ?? key.region
    recordLinkEvent(tx, {
      operation: 'UpdatePrimaryRegion',
      key,
      deploymentId,
      clockMs: now(),
      additional: { primaryRegion },
    })
  }

  async function takenOver(tx: Transition, author: StoredKey, move: LinkedMoveRow): Promise<LinkedMoveRow> {
    const stored = await keys.read(tx.db, author.key.region, author.key.keyId)
    if (stored?.key.state === 'Updating') await keys.change(tx, stored, { state: 'Enabled' })
    return await intents.advanceMove(tx, move, 'TAKEN')
  }

  async function takeBack(tx: Transition, keyId: string, deploymentId: string, gone: readonly string[]) {
    const move = await intents.move(tx.db, keyId)
    const isOver = move?.phase === 'GIVEN UP' && move.deployment_id === deploymentId
    if (!isOver || !gone.includes(move.to_region)) return
    const stored = await keys.read(tx.db, move.from_region, keyId)
    if (stored?.key.multiRegion?.primaryRegion !== move.to_region) return
    const { replicaRegions } = stored.key.multiRegion
    const { from_region: primaryRegion } = move
    await intents.endMove(tx, move)
    const key = await keys.sets.tell(tx, stored, {
      primaryRegion,
      replicaRegions: replicaRegions.filter((region) => region !== primaryRegion && !gone.includes(region)),
    })
    const told = await keys.read(tx.db, primaryRegion, keyId)
    if (told?.key.state === 'Updating') await keys.change(tx, told, { state: 'Enabled' })
    recordMove(tx, key, deploymentId)
  }

  return { contentFor, advance, takeBack }
}
