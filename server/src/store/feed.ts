import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'
import { StoreError } from './store-errors.ts'

/** What changed; a change has the id that is said here. */
export type EntityKind =
  /** One: `1`. */
  | 'deployment'
  /** By its twelve digits: the account, its root user's quarantine, its place in the organization. */
  | 'account'
  /** By access key id. */
  | 'access-key'
  /** By `keyEntityId`; the names of its aliases are part of it. */
  | 'key'
  /** By `aliasEntityId`. */
  | 'alias'
  /** A user, group or role, by its unique id. */
  | 'principal'
  /** Which unique id a name has now: `<account>/<kind>/<name in lower case>`; an instance profile is a kind here too. */
  | 'principal-name'
  /** By ARN. */
  | 'managed-policy'
  /** By serial number. */
  | 'mfa-device'
  /** By ARN. */
  | 'oidc-provider'
  /** The grants of one grantee on one key, of which some came or went: `<region>/<key id>/<grantee id>`. */
  | 'grants'
  /** Beside each of those, which: `<region>/<key id>/<grantee id>/<grant id>`, or `*` in its place for all of them. */
  | 'grant'
  /** One: `1`. */
  | 'organization'
  /** By id. */
  | 'organization-policy'
  /** By the fingerprint of its certificate. */
  | 'service-principal'
  /** A linked deployment, by its id; what a multi-Region set and one have told each other counts as well. */
  | 'region-link'

export interface FeedChange {
  readonly position: number
  readonly kind: EntityKind
  readonly id: string
}

/** Every committed change, numbered without gaps in the order of the commits. */
export interface Feed {
  /** Every change through this position has reached the listeners. */
  readonly applied: number
  /** The position of the newest committed change. */
  head(): Promise<number>
  /** Applies every change that had committed when this was called, maybe more; returns the position reached. */
  catchUp(): Promise<number>
  /** Listeners run synchronously and must not throw; one change may reach them twice. */
  onChange(listener: (change: FeedChange) => void): void
}

export interface LocalFeed extends Feed {
  /** Goes on at a later position, which the caller has made the head; what is between was never in this database. */
  skipTo(position: number): void
  /** Applies a change that this process has just committed, and those of others before it. */
  applyOwn(position: number, changes: readonly FeedChange[]): Promise<void>
}

const POSITIONS_PER_PAGE = 1000

/** Starts at the head: whoever opens a store has nothing cached that an older change could concern. */
export async function openFeed(db: Kysely<Database>): Promise<LocalFeed> {
  const listeners: ((change: FeedChange) => void)[] = []
  let applied = await readHead(db)
  let running: Promise<number> | undefined
  let following: Promise<number> | undefined

  const announce = (changes: readonly FeedChange[]) => {
    for (const change of changes) {
      for (const listener of listeners) listener(change)
    }
  }

  const applyToHead = async () => {
    for (;;) {
      const from = applied
      const { head, changes } = await readPage(db, from)
      if (head < from) {
        throw new StoreError('The database went back to an earlier state: restart every node that uses it')
      }
      const end = Math.min(head, from + POSITIONS_PER_PAGE)
      // Changes of our own may have been applied while the page was read: `applied` is looked at each time, and may be
      // beyond the head that was read.
      while (applied < end) {
        const next = changes.get(applied + 1)
        if (!next) throw new StoreError(`The change feed lacks position ${applied + 1}: restart this node`)
        announce(next)
        applied++
      }
      if (applied >= head) return applied
    }
  }

  const catchUp = (): Promise<number> => {
    if (!running) {
      running = applyToHead().finally(() => {
        running = undefined
      })
      return running
    }
    // What is running may have read the head before the caller's change committed, so it is followed by another.
    following ??= running
      .catch(() => 0)
      .then(() => {
        following = undefined
        return catchUp()
      })
    return following
  }

  return {
    get applied() {
      return applied
    },
    head: () => readHead(db),
    catchUp,
    onChange(listener) {
      listeners.push(listener)
    },
    skipTo(position) {
      applied = Math.max(applied, position)
    },
    async applyOwn(position, changes) {
      if (position <= applied) return
      announce(changes)
      if (position === applied + 1) applied = position
      else await catchUp()
    },
  }
}

export async function readHead(db: Kysely<Database>): Promise<number> {
  const { position } = await db
    .selectFrom('feed_head')
    .select('position')
    .where('id', '=', 1)
    .executeTakeFirstOrThrow(headIsLost)
  return position
}

function headIsLost(): StoreError {
  return new StoreError('The database has lost the head of its change feed: restore a backup')
}

/** One statement, so that head and changes are of one moment. */
async function readPage(
  db: Kysely<Database>,
  applied: number,
): Promise<{ head: number; changes: Map<number, FeedChange[]> }> {
  const rows = await db
    .selectFrom('feed_head')
    .leftJoin('feed', (join) =>
      join.on('feed.position', '>', applied).on('feed.position', '<=', applied + POSITIONS_PER_PAGE),
    )
    .select(['feed_head.position as head', 'feed.position', 'feed.kind', 'feed.entity_id'])
    .where('feed_head.id', '=', 1)
    .orderBy('feed.position')
    .orderBy('feed.ordinal')
    .execute()

  const changes = new Map<number, FeedChange[]>()
  for (const { position, kind, entity_id } of rows) {
    if (position === null) continue
    const change = { position, kind: kind as EntityKind, id: entity_id as string }
    const others = changes.get(position)
    if (others) others.push(change)
    else changes.set(position, [change])
  }
  const head = rows[0]?.head
  if (head === undefined) throw headIsLost()
  return { head, changes }
}
