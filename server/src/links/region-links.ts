import type { RegionLinkRow } from '../store/rows/link-rows.ts'
import { DuplicateRowError, type Store, type Transition } from '../store/store.ts'
import type { Db } from '../store/db.ts'
import {
  certificateFingerprint,
  parseIdentity,
  RegionLinkError,
  type DeploymentIdentity,
} from './identity-file.ts'

/** Another deployment whose Regions are joined to this one's. */
export interface RegionLink {
  readonly deploymentId: string
  /** Where it listens for us: https, host and port. */
  readonly url: string
  readonly identity: DeploymentIdentity
  /** Those of its Regions that are joined. */
  readonly regions: readonly string[]
  readonly createdAtMs: number
}

/** How things stand with one; for showing only. */
export interface RegionLinkState {
  readonly seenAtMs: number | undefined
  readonly failingSinceMs: number | undefined
  readonly failure: string | undefined
}

export interface RegionLinks {
  /** Always from the store. */
  list(db?: Db): Promise<RegionLink[]>
  find(deploymentId: string, db?: Db): Promise<RegionLink | undefined>
  /** Which deployment a Region is of. */
  ofRegion(region: string, db?: Db): Promise<RegionLink | undefined>
  /** Whose certificate it is, by `certificateFingerprint`. */
  ofCertificate(fingerprint: string): Promise<RegionLink | undefined>
  /** @throws RegionLinkError */
  add(
    tx: Transition,
    link: { identityText: string; url: string; regions?: readonly string[] | undefined },
  ): Promise<RegionLink>
  remove(tx: Transition, deploymentId: string): Promise<void>
  state(deploymentId: string): Promise<RegionLinkState>
  noteSeen(deploymentId: string, atMs: number): Promise<void>
  /** @returns whether this began now */
  noteFailure(deploymentId: string, atMs: number, failure: string): Promise<boolean>
}

const LONGEST_FAILURE = 300
// What is shown need not be newer than this, and each note is a write.
const SEEN_AGAIN_MS = 30_000

const IDENTITIES_KEPT = 100

export function createRegionLinks({ store, now }: { store: Store; now: () => number }): RegionLinks {
  // Reading one takes a quarter of a millisecond, and each change of a multi-Region key asks.
  const identities = new Map<string, DeploymentIdentity>()

  function identityIn(text: string): DeploymentIdentity {
    const known = identities.get(text)
    if (known !== undefined) return known
    const identity = parseIdentity(text)
    if (identities.size < IDENTITIES_KEPT) identities.set(text, identity)
    return identity
  }

  async function list(db: Db = store.db): Promise<RegionLink[]> {
    const rows = await db.selectFrom('region_links').selectAll().orderBy('deployment_id').execute()
    return rows.map(fromRow)
  }

  function fromRow(row: RegionLinkRow): RegionLink {
    store.rows.check('region_links', row)
    return {
      deploymentId: row.deployment_id,
      url: row.url,
      identity: identityIn(row.identity),
      regions: JSON.parse(row.regions) as string[],
      createdAtMs: row.created_at,
    }
  }

  async function read(deploymentId: string, db: Db): Promise<RegionLinkRow | undefined> {
    return await db
      .selectFrom('region_links')
      .selectAll()
      .where('deployment_id', '=', deploymentId)
      .executeTakeFirst()
  }

  async function find(deploymentId: string, db: Db = store.db): Promise<RegionLink | undefined> {
    const row = await read(deploymentId, db)
    return row && fromRow(row)
  }

  async function stateRow(deploymentId: string) {
    return await store.db
      .selectFrom('region_link_states')
      .selectAll()
      .where('deployment_id', '=', deploymentId)
      .executeTakeFirst()
  }

  async function writeState(
    deploymentId: string,
    state: { seen_at: number | null; failing_since: number | null; failure: string | null },
  ): Promise<void> {
    await store.transition(async (tx) => {
      tx.unrecorded = 'how things stand with a linked deployment; shown to operators'
      await tx.db
        .insertInto('region_link_states')
        .values({ deployment_id: deploymentId, ...state })
        .onConflict((conflict) => conflict.column('deployment_id').doUpdateSet(state))
        .execute()
    })
  }

  return {
    list,
    find,
    ofRegion: async (region, db) => (await list(db)).find(({ regions }) => regions.includes(region)),
    ofCertificate: async (fingerprint) =>
      (await list()).find(({ identity }) => certificateFingerprint(identity.certificate) === fingerprint),

    async add(tx, { identityText, url, regions }) {
      const identity = parseIdentity(identityText)
      const joined = regions ?? identity.regions
      const strange = joined.find((region) => !identity.regions.includes(region))
      if (strange !== undefined) {
        throw new RegionLinkError(`${strange} is not a Region of that deployment`)
      }
      try {
        const row = await store.rows.insert(tx, 'region_links', {
          deployment_id: identity.deploymentId,
          url,
          identity: identityText,
          regions: JSON.stringify(joined),
          created_at: now(),
        })
        tx.changed('region-link', identity.deploymentId)
        return fromRow(row)
      } catch (cause) {
        if (!(cause instanceof DuplicateRowError)) throw cause
        throw new RegionLinkError(
          `deployment ${identity.deploymentId} is linked already: keywright region unlink ${identity.deploymentId} first`,
          { cause },
        )
      }
    },

    async remove(tx, deploymentId) {
      const row = await read(deploymentId, tx.db)
      if (row === undefined) throw new RegionLinkError(`there is no link with deployment ${deploymentId}`)
      await store.rows.remove(tx, 'region_links', row)
      await tx.db.deleteFrom('region_link_states').where('deployment_id', '=', deploymentId).execute()
      tx.changed('region-link', deploymentId)
    },

    async state(deploymentId) {
      const row = await stateRow(deploymentId)
      return {
        seenAtMs: row?.seen_at ?? undefined,
        failingSinceMs: row?.failing_since ?? undefined,
        failure: row?.failure ?? undefined,
      }
    },

    async noteSeen(deploymentId, atMs) {
      const row = await stateRow(deploymentId)
      const isFresh =
        row !== undefined && row.failing_since === null && atMs - (row.seen_at ?? 0) < SEEN_AGAIN_MS
      if (isFresh) return
      await writeState(deploymentId, { seen_at: atMs, failing_since: null, failure: null })
    },

    async noteFailure(deploymentId, atMs, failure) {
      const row = await stateRow(deploymentId)
      const text = failure.slice(0, LONGEST_FAILURE)
      const begins = (row?.failing_since ?? null) === null
      if (begins || row?.failure !== text) {
        await writeState(deploymentId, {
          seen_at: row?.seen_at ?? null,
          failing_since: row?.failing_since ?? atMs,
          failure: text,
        })
      }
      return begins
    },
  }
}
