import type { KeyObject } from 'node:crypto'
import type { RandomSource } from '../crypto/random.ts'
import type { RequestPrincipal } from '../policy/request.ts'
import type { Db } from '../store/db.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Store, Transition } from '../store/store.ts'
import {
  accountOf,
  constraintToText,
  granteeEntityId,
  grantFromRow,
  ownIds,
  type Grant,
  type StoredGrant,
} from './grant.ts'
import { GrantCache } from './grant-cache.ts'
import type { GrantIndex, GrantUse } from './grant-index.ts'
import { makeGrantToken, readGrantToken, type GrantName } from './grant-tokens.ts'
import type { KmsKey } from './key.ts'
import { requireRoomForGrant, type ResourceQuotas } from './resource-quotas.ts'

/** A request for which no policy speaks and against which nothing does: may a grant allow it? */
export interface GrantQuestion extends Partial<GrantUse> {
  readonly key: Pick<KmsKey, 'region' | 'keyId'>
  /** Such as `kms:Decrypt`. */
  readonly action: string
  readonly principal: RequestPrincipal
}

/** A grant that allows it. */
export interface GrantMatch {
  readonly grantId: string
  /**
   * Whom it names. What is granted to an account, its root user may do; others in it may when an identity policy of theirs
   * allows the action too, as with an account in a key policy. The caller of `match` looks after that.
   */
  readonly grantee: 'principal' | 'account'
}

/** The part of a call that grants need: to remember what the answer rests on. */
interface Dependent {
  use<T>(entry: CacheEntry<T>): T
}

export type NewGrant = Omit<Grant, 'createdAtMs' | 'accountId' | 'region' | 'keyId'>

/** Grants in the store and, for use, in the cache. */
export interface Grants {
  /** The first grant that helps; at once when all that it takes is cached. One to the principal comes before one to its account. */
  match(call: Dependent, question: GrantQuestion): GrantMatch | undefined | Promise<GrantMatch | undefined>
  /** The rule of a request alone: every token that it shows is one of ours. @throws KmsError InvalidGrantTokenException */
  requireTokens(tokens: readonly string[] | undefined): void
  newToken(grant: GrantName): string
  /** @throws KmsError InvalidGrantTokenException */
  readToken(token: string): GrantName
  read(db: Db, name: GrantName): Promise<StoredGrant | undefined>
  /** Those of one key with this name. */
  named(db: Db, key: KmsKey, name: string): Promise<Grant[]>
  /** One page of a key's grants in order of their ids, after `afterGrantId`. */
  list(query: GrantList): Promise<Grant[]>
  /** One page of the grants in a Region that a principal may retire, in order of their ids. */
  listRetirable(query: {
    region: string
    retiringId: string
    afterGrantId: string
    limit: number
  }): Promise<Grant[]>
  /** One page of a principal's grants on whatever keys, sessions of its own included, after `after`. */
  listOfGrantee(query: { granteeId: string; after?: Grant | undefined; limit: number }): Promise<Grant[]>
  count(db: Db, key: Pick<KmsKey, 'region' | 'keyId'>): Promise<number>
  /** @throws KmsError LimitExceededException when the key has as many as it may have */
  requireRoom(tx: Transition, key: KmsKey): Promise<void>
  create(tx: Transition, key: KmsKey, grant: NewGrant): Promise<Grant>
  remove(tx: Transition, stored: StoredGrant): Promise<void>
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

interface GrantList {
  readonly key: Pick<KmsKey, 'region' | 'keyId'>
  readonly grantId?: string | undefined
  readonly granteeId?: string | undefined
  readonly afterGrantId: string
  readonly limit: number
}

export function createGrants(parts: {
  store: Store
  /** Authenticates grant tokens. */
  tokenKey: KeyObject
  random: RandomSource
  now: () => number
  quotas: ResourceQuotas
  cacheLimit: number
}): Grants {
  const { store, tokenKey, random, now, quotas } = parts
  const cache = new GrantCache({ store, limit: parts.cacheLimit })

  const match: Grants['match'] = (call, question) => {
    const { key, principal } = question
    const granteeIds = granteeIdsOf(principal)
    for (let at = 0; at < granteeIds.length; at++) {
      const granteeId = granteeIds[at] as string
      const entry = cache.find({ region: key.region, keyId: key.keyId, granteeId })
      if (entry === undefined) return matchFrom(call, question, granteeIds, at)
      const found = matchIn(call.use(entry), question, granteeId)
      if (found !== undefined) return found
    }
    return undefined
  }

  async function matchFrom(
    call: Dependent,
    question: GrantQuestion,
    granteeIds: readonly string[],
    from: number,
  ): Promise<GrantMatch | undefined> {
    const { region, keyId } = question.key
    for (const granteeId of granteeIds.slice(from)) {
      const found = matchIn(call.use(await cache.get({ region, keyId, granteeId })), question, granteeId)
      if (found !== undefined) return found
    }
    return undefined
  }

  async function read(db: Db, { region, keyId, grantId }: GrantName): Promise<StoredGrant | undefined> {
    const row = await db
      .selectFrom('grants')
      .selectAll()
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .where('grant_id', '=', grantId)
      .executeTakeFirst()
    return row && { row, grant: grantFromRow(store.rows.check('grants', row)) }
  }

  const named: Grants['named'] = async (db, { region, keyId }, name) => {
    const rows = await db
      .selectFrom('grants')
      .selectAll()
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .where('name', '=', name)
      .execute()
    return rows.map((row) => grantFromRow(store.rows.check('grants', row)))
  }

  const list: Grants['list'] = async ({ key, grantId, granteeId, afterGrantId, limit }) => {
    let query = store.db
      .selectFrom('grants')
      .selectAll()
      .where('region', '=', key.region)
      .where('key_id', '=', key.keyId)
      .where('grant_id', '>', afterGrantId)
    if (grantId !== undefined) query = query.where('grant_id', '=', grantId)
    if (granteeId !== undefined) query = query.where('grantee_id', '=', granteeId)
    const rows = await query.orderBy('grant_id').limit(limit).execute()
    return rows.map((row) => grantFromRow(store.rows.check('grants', row)))
  }

  const listRetirable: Grants['listRetirable'] = async ({ region, retiringId, afterGrantId, limit }) => {
    const rows = await store.db
      .selectFrom('grants')
      .selectAll()
      .where('retiring_id', '=', retiringId)
      .where('region', '=', region)
      .where('grant_id', '>', afterGrantId)
      .orderBy('grant_id')
      .limit(limit)
      .execute()
    return rows.map((row) => grantFromRow(store.rows.check('grants', row)))
  }

  const listOfGrantee: Grants['listOfGrantee'] = async ({ granteeId, after, limit }) => {
    let query = store.db
      .selectFrom('grants')
      .selectAll()
      // `;` follows `:`, which stands before the name of a role's session.
      .where((eb) =>
        eb.or([
          eb('grantee_id', '=', granteeId),
          eb.and([eb('grantee_id', '>=', `${granteeId}:`), eb('grantee_id', '<', `${granteeId};`)]),
        ]),
      )
    if (after !== undefined) {
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(
          refTuple('grantee_id', 'region', 'key_id', 'grant_id'),
          '>',
          tuple(after.grantee.id, after.region, after.keyId, after.grantId),
        ),
      )
    }
    const rows = await query
      .orderBy('grantee_id')
      .orderBy('region')
      .orderBy('key_id')
      .orderBy('grant_id')
      .limit(limit)
      .execute()
    return rows.map((row) => grantFromRow(store.rows.check('grants', row)))
  }

  async function count(db: Db, { region, keyId }: Pick<KmsKey, 'region' | 'keyId'>): Promise<number> {
    const { count: rows } = await db
      .selectFrom('grants')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .executeTakeFirstOrThrow()
    return Number(rows)
  }

  async function requireRoom(tx: Transition, key: KmsKey): Promise<void> {
    requireRoomForGrant(await count(tx.db, key), quotas)
  }

  async function create(tx: Transition, key: KmsKey, grant: NewGrant): Promise<Grant> {
    const row = await store.rows.insert(tx, 'grants', {
      region: key.region,
      key_id: key.keyId,
      grant_id: grant.grantId,
      account_id: key.accountId,
      name: grant.name ?? null,
      grantee: grant.grantee.name,
      grantee_id: grant.grantee.id,
      retiring: grant.retiring?.name ?? null,
      retiring_id: grant.retiring?.id ?? null,
      issuing_account: grant.issuingAccount,
      operations: JSON.stringify(grant.operations),
      constraints: grant.constraint === undefined ? null : constraintToText(grant.constraint),
      source_arn: grant.sourceArn ?? null,
      created_at: now(),
    })
    const made = grantFromRow(row)
    announce(tx, made)
    return made
  }

  async function remove(tx: Transition, { grant, row }: StoredGrant): Promise<void> {
    await store.rows.remove(tx, 'grants', row)
    announce(tx, grant)
  }

  return {
    match,
    requireTokens: (tokens) => {
      if (tokens !== undefined) for (const token of tokens) readGrantToken(tokenKey, token)
    },
    newToken: (grant) => makeGrantToken(tokenKey, random, grant),
    readToken: (token) => readGrantToken(tokenKey, token),
    read,
    named,
    list,
    listRetirable,
    listOfGrantee,
    count,
    requireRoom,
    create,
    remove,
    cache,
  }
}

/** Takes away every grant of a key that is being destroyed. Their rows allow nothing any more, authentic or not. */
export async function destroyGrants(
  tx: Transition,
  { region, keyId }: Pick<KmsKey, 'region' | 'keyId'>,
): Promise<void> {
  const ofKey = tx.db.selectFrom('grants').where('region', '=', region).where('key_id', '=', keyId)
  // A replica may come back under the same key id, so nobody may remember them.
  for (const { grantee_id } of await ofKey.select('grantee_id').distinct().execute()) {
    tx.changed('grants', granteeEntityId(region, keyId, grantee_id))
    tx.changed('grant', `${granteeEntityId(region, keyId, grantee_id)}/*`)
  }
  await tx.db.deleteFrom('grants').where('region', '=', region).where('key_id', '=', keyId).execute()
}

function announce(tx: Transition, { region, keyId, grantee, grantId }: Grant): void {
  tx.changed('grants', granteeEntityId(region, keyId, grantee.id))
  tx.changed('grant', `${granteeEntityId(region, keyId, grantee.id)}/${grantId}`)
}

/** Its own ids before its account's. */
function granteeIdsOf(principal: RequestPrincipal): readonly string[] {
  const own = ownIds(principal)
  const account = accountOf(principal)
  return account === undefined ? own : [...own, account]
}

function matchIn(index: GrantIndex, question: GrantQuestion, granteeId: string): GrantMatch | undefined {
  if (index.size === 0) return undefined
  const { action, encryptionContext, sourceArn, newGrant, principal } = question
  const grantId = index.find({ action, encryptionContext, sourceArn, newGrant })
  if (grantId === undefined) return undefined
  return { grantId, grantee: granteeId === accountOf(principal) ? 'account' : 'principal' }
}
