import { setImmediate as nextTurn } from 'node:timers/promises'
import { wrapForLink } from '../crypto/link-wrapping.ts'
import type { KmsKey, StoredKey } from '../keys/key.ts'
import { AWAITS_LINKED } from '../keys/material-version.ts'
import type { Keys } from '../keys/keys.ts'
import type { LinkedSetRow } from '../store/rows/link-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { NOTHING_SAID, regionsIn, saidIn, saidToText, type Channels, type Said } from './channels.ts'
import type { AskLink } from './link-client.ts'
import type { LinkIdentities } from './link-identity.ts'
import type { LinkedIntents } from './linked-replicas.ts'
import type { RegionLink, RegionLinks } from './region-links.ts'
import { recordLinkEvent } from './service-event.ts'
import {
  contentDigest,
  digestOf,
  documentToBody,
  integer,
  shownReason,
  text,
  type SetDocument,
} from './set-document.ts'
import type { SetProgress } from './set-progress.ts'

/** Tells linked deployments what sets of this one's have in common, until they have acknowledged all of it. */
export interface SetTeller {
  /** Says what is to be said of one set to one deployment. @throws LinkUnreachable */
  tell(keyId: string, deploymentId: string): Promise<void>
  /** Notes, once, that it could not be told; new material that waits for it is spoken of. */
  noteDelay(keyId: string, deploymentId: string, reason: string): Promise<void>
}

// What was said last and not acknowledged, and the newest of what was: more is there only to recognise a database
// that was put back.
const SAID_KEPT = 32
// Some three milliseconds.
const WRAPPED_AT_ONCE = 16
const MOST_EXCHANGES = 6
const AGAIN_MS = 5_000
const TROUBLE_AGAIN_MS = 300_000
const AGREED = { attempts: 0, trouble: null, trouble_since: null } as const

export function createSetTeller(parts: {
  store: Store
  keys: Keys
  links: RegionLinks
  identities: LinkIdentities
  channels: Channels
  intents: LinkedIntents
  progress: SetProgress
  ask: AskLink
  now: () => number
  log: Log
}): SetTeller {
  const { store, keys, links, identities, channels, intents, progress, ask, now, log } = parts

  async function tell(keyId: string, deploymentId: string): Promise<void> {
    const link = await links.find(deploymentId)
    for (let exchanges = 0; exchanges < MOST_EXCHANGES; exchanges++) {
      if (!(await tellOnce(keyId, deploymentId, link))) return
    }
    await withChannel(keyId, deploymentId, 'more is to be said later', async (tx, row) => {
      await channels.change(tx, row, { due_at: now() + AGAIN_MS })
    })
  }

  /** @returns whether there may be more to say */
  async function tellOnce(
    keyId: string,
    deploymentId: string,
    link: RegionLink | undefined,
  ): Promise<boolean> {
    if (link === undefined) {
      await withChannel(keyId, deploymentId, 'the deployment is not linked any more', async (tx, row) => {
        await channels.change(tx, row, { due_at: null })
      })
      return false
    }
    const row = await channels.read(store.db, keyId, deploymentId)
    if (row === undefined) return false
    if (row.gone_regions !== null) return await tellGone(row, link)
    const prepared = await prepare(keyId, link)
    if (prepared === undefined) return false
    const answer = await ask(link, 'set', documentToBody(prepared.document))
    return await heard(prepared, link, answer)
  }

  async function tellGone(row: LinkedSetRow, link: RegionLink): Promise<boolean> {
    const regions = regionsIn(row.gone_regions)
    await ask(link, 'gone', { accountId: row.account_id, keyId: row.key_id, regions })
    await withChannel(
      row.key_id,
      row.deployment_id,
      'the deletion of replicas was told',
      async (tx, latest) => {
        const left = regionsIn(latest.gone_regions).filter((region) => !regions.includes(region))
        await channels.change(tx, latest, {
          gone_regions: left.length > 0 ? JSON.stringify(left) : null,
          attempts: 0,
          ...(left.length === 0 && latest.region === null && { due_at: null }),
        })
      },
    )
    return true
  }

  /** What is to be said now, written down before it is said; undefined when all was said and acknowledged. */
  async function prepare(keyId: string, link: RegionLink): Promise<Prepared | undefined> {
    const own = await identities.own()
    return await store.transition(async (tx) => {
      tx.unrecorded = 'what a linked deployment is told of a set'
      const row = await channels.read(tx.db, keyId, link.deploymentId)
      if (row === undefined) return undefined
      const author = row.region === null ? undefined : await authorOf(tx, row.region, keyId)
      if (author === undefined) {
        await channels.change(tx, row, { due_at: null, region: null })
        return undefined
      }
      const peers = await channels.peersOf(tx.db, author.key)
      if (!peers.some(({ deploymentId }) => deploymentId === link.deploymentId)) {
        return await rest(tx, row, author)
      }
      const content = await progress.contentFor(tx.db, author, link.deploymentId)
      const contentHash = contentDigest(content)
      const said = saidIn(row)
      const acknowledged = acknowledgedIn(row, said)
      const last = said.at(-1)
      if (last !== undefined && last.sequence === row.acknowledged && row.sent_content === contentHash) {
        return await rest(tx, row, author)
      }
      const say = (sequence: number): Said => ({
        sequence,
        digest: digestOf({
          from: own.deploymentId,
          to: link.deploymentId,
          sequence,
          after: acknowledged,
          content: contentHash,
        }),
      })
      const again = last && say(last.sequence)
      const isAgain = again?.digest === last?.digest
      const saying = again !== undefined && isAgain ? again : say((last?.sequence ?? 0) + 1)
      if (!isAgain || last === undefined) {
        await channels.change(tx, row, {
          sent: saidToText(kept([...said, saying], row.acknowledged)),
          sent_content: contentHash,
        })
      }
      const document = { ...content, ...(await wrapped(tx, author, link)), ...saying, after: acknowledged }
      return { keyId, said: saying, document, replicas: content.newReplicas.map(({ region }) => region) }
    })
  }

  /** Nothing is left to be said there; what waited for it goes on. */
  async function rest(tx: Transition, row: LinkedSetRow, author: StoredKey): Promise<undefined> {
    await channels.change(tx, row, { due_at: null, ...AGREED })
    await progress.advance(tx, author)
    return undefined
  }

  /** With the bytes of the material, which only the other side can open. */
  async function wrapped(
    tx: Transition,
    author: StoredKey,
    link: RegionLink,
  ): Promise<Pick<SetDocument, 'materials'>> {
    const { accountId, keyId } = author.key
    const { materials } = await keys.sets.sharedState(tx.db, author.key)
    const own = await identities.own()
    const done: { facts: (typeof materials)[number]['facts']; wrapped: Buffer }[] = []
    for (const { facts, bytes } of materials) {
      if (done.length % WRAPPED_AT_ONCE === WRAPPED_AT_ONCE - 1) await nextTurn()
      const plain = await bytes()
      if (plain === undefined) throw new Error(`${author.key.arn} lacks material that its set has`)
      try {
        done.push({
          facts,
          wrapped: wrapForLink(link.identity.wrappingKey, plain, {
            from: own.deploymentId,
            to: link.deploymentId,
            accountId,
            keyId,
            materialId: facts.material_id,
            purpose: 'material',
          }),
        })
      } finally {
        plain.fill(0)
      }
    }
    return { materials: done }
  }

  /** Our key that speaks for its set: the primary key, or the one that was until another deployment has taken over. */
  async function authorOf(tx: Transition, region: string, keyId: string): Promise<StoredKey | undefined> {
    const stored = await keys.read(tx.db, region, keyId)
    if (stored?.key.multiRegion === undefined) return undefined
    if (stored.key.multiRegion.primaryRegion === region) return stored
    const move = await intents.move(tx.db, keyId)
    return move?.from_region === region && move.phase !== 'PREPARING' ? stored : undefined
  }

  async function heard(
    { keyId, said, replicas }: Prepared,
    link: RegionLink,
    answer: Readonly<Record<string, unknown>>,
  ): Promise<boolean> {
    const status = text(answer['status'], /^(held|elsewhere|refused|later)$/)
    if (status === 'later') {
      await withChannel(keyId, link.deploymentId, 'it is to be told later', async (tx, row) => {
        await channels.change(tx, row, { due_at: now() + AGAIN_MS })
      })
      return false
    }
    if (status === 'refused') return await refused(keyId, link, answer)
    const sequence = integer(answer['sequence'], 0)
    const digest = text(answer['digest'], /^([0-9a-f]{64})?$/)
    return await withChannel(keyId, link.deploymentId, 'what a linked deployment holds', async (tx, row) => {
      const known = [NOTHING_SAID, ...saidIn(row)].find((each) => each.sequence === sequence)
      if (known?.digest !== digest || (status === 'held' && sequence !== said.sequence)) {
        await noteTrouble(
          tx,
          row,
          'it holds a state that this deployment never told it: the database of one of the two was put back to an earlier state, or edited',
        )
        return false
      }
      await channels.change(tx, row, {
        acknowledged: sequence,
        ...AGREED,
      })
      if (status === 'held') for (const region of replicas) await intents.removeReplica(tx, keyId, region)
      return true
    })
  }

  async function refused(
    keyId: string,
    link: RegionLink,
    answer: Readonly<Record<string, unknown>>,
  ): Promise<boolean> {
    const reason = shownReason(answer['reason'])
    const region = answer['replicaRegion']
    return await withChannel(
      keyId,
      link.deploymentId,
      'what a linked deployment refuses',
      async (tx, row) => {
        const author = row.region === null ? undefined : await keys.read(tx.db, row.region, keyId)
        const isReplica =
          typeof region === 'string' &&
          (await intents.replicas(tx.db, keyId, link.deploymentId)).some((each) => each.region === region)
        // Of what is no longer so it was right to refuse it.
        if (!isReplica && author !== undefined && (await hasChanged(tx, row, author))) return true
        if (!isReplica || author === undefined) {
          await noteTrouble(tx, row, `it refuses: ${reason}`)
          return false
        }
        // Refused for good before there was a key: the set is without it.
        await intents.removeReplica(tx, keyId, region)
        await keys.sets.leave(tx, { ...author.key, region })
        const { key } = author
        recordLinkEvent(tx, {
          operation: 'ReplicaRefused',
          key,
          deploymentId: link.deploymentId,
          clockMs: now(),
          additional: { replicaRegion: region, reason },
        })
        return true
      },
    )
  }

  /** Whether something else is to be said by now than what was. */
  async function hasChanged(tx: Transition, row: LinkedSetRow, author: StoredKey): Promise<boolean> {
    const peers = await channels.peersOf(tx.db, author.key)
    if (!peers.some(({ deploymentId }) => deploymentId === row.deployment_id)) return true
    const content = await progress.contentFor(tx.db, author, row.deployment_id)
    return contentDigest(content) !== row.sent_content
  }

  async function noteTrouble(tx: Transition, row: LinkedSetRow, reason: string): Promise<void> {
    const isNew = row.trouble !== reason
    await channels.change(tx, row, {
      trouble: reason,
      trouble_since: row.trouble_since ?? now(),
      due_at: now() + TROUBLE_AGAIN_MS,
    })
    const author = row.region === null ? undefined : await keys.read(tx.db, row.region, row.key_id)
    if (!isNew || author === undefined) return
    const { deployment_id: deploymentId, key_id: keyId } = row
    log.error({ keyId, deploymentId, reason }, 'a multi-Region key diverges from a linked deployment')
    recordLinkEvent(tx, {
      operation: 'MultiRegionKeyDiverged',
      key: author.key,
      deploymentId,
      clockMs: now(),
      additional: { reason },
    })
  }

  async function noteDelay(keyId: string, deploymentId: string, reason: string): Promise<void> {
    await withChannel(keyId, deploymentId, 'a linked deployment cannot be told', async (tx, row) => {
      if (row.attempts > 0) return
      await channels.change(tx, row, { attempts: 1 })
      const key = row.region === null ? undefined : await awaitingKey(tx, row.region, keyId)
      if (key === undefined) return
      log.warn({ keyId, deploymentId, reason }, 'the rotation of a key waits for a linked deployment')
      recordLinkEvent(tx, {
        operation: 'RotateKeyDelayed',
        key,
        deploymentId,
        clockMs: now(),
        additional: { reason: reason.slice(0, 300) },
      })
    })
  }

  /** The key, when it has material that waits for linked deployments. */
  async function awaitingKey(tx: Transition, region: string, keyId: string): Promise<KmsKey | undefined> {
    const stored = await keys.read(tx.db, region, keyId)
    const rows = stored === undefined ? [] : await keys.materials.rows(tx.db, stored.key)
    return rows.some(({ pending_state }) => pending_state === AWAITS_LINKED) ? stored?.key : undefined
  }

  async function withChannel<T>(
    keyId: string,
    deploymentId: string,
    unrecorded: string,
    work: (tx: Transition, row: LinkedSetRow) => Promise<T>,
  ): Promise<T | false> {
    return await store.transition(async (tx) => {
      tx.unrecorded = unrecorded
      const row = await channels.read(tx.db, keyId, deploymentId)
      return row === undefined ? false : await work(tx, row)
    })
  }

  return { tell, noteDelay }
}

interface Prepared {
  readonly keyId: string
  readonly said: Said
  readonly document: SetDocument
  /** Of the replicas that the other side makes with it. */
  readonly replicas: readonly string[]
}

function acknowledgedIn(row: LinkedSetRow, said: readonly Said[]): Said {
  return said.find(({ sequence }) => sequence === row.acknowledged) ?? NOTHING_SAID
}

/** The newest, and whatever the other side last took. */
function kept(said: readonly Said[], acknowledged: number): Said[] {
  const newest = said.slice(-SAID_KEPT)
  const base = said.find(({ sequence }) => sequence === acknowledged)
  return base === undefined || newest.includes(base) ? newest : [base, ...newest]
}
