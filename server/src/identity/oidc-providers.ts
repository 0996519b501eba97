import { iamArn } from '../arn.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { OidcProviderRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { tagsFromText, tagsToText, type Tag } from './principal.ts'
import type { Db } from '../store/db.ts'

/** An issuer of web identity tokens that an account trusts. */
export interface OidcProvider {
  readonly arn: string
  readonly accountId: string
  /** Without `https://`, as it stands in its ARN and before its condition keys; the issuer is `https://` and this. */
  readonly url: string
  /** The audiences for which tokens are taken. */
  readonly clientIds: readonly string[]
  /** Kept and shown; whom we connect to is decided by certificate authorities. */
  readonly thumbprints: readonly string[]
  readonly tags: readonly Tag[]
  readonly createdAtMs: number
}

export interface StoredOidcProvider {
  readonly provider: OidcProvider
  readonly row: OidcProviderRow
}

export type OidcProviderChange = Partial<Pick<OidcProvider, 'clientIds' | 'thumbprints' | 'tags'>>

export interface OidcProviders {
  load(arn: string): Promise<CacheEntry<OidcProvider> | undefined>
  read(db: Db, arn: string): Promise<StoredOidcProvider | undefined>
  /** All of an account, by ARN: there are at most a hundred. */
  list(db: Db, accountId: string): Promise<OidcProvider[]>
  /** @throws DuplicateRowError */
  create(tx: Transition, provider: Omit<OidcProvider, 'createdAtMs'>): Promise<OidcProvider>
  update(tx: Transition, stored: StoredOidcProvider, change: OidcProviderChange): Promise<void>
  remove(tx: Transition, stored: StoredOidcProvider): Promise<void>
}

/** `arn:aws:iam::111122223333:oidc-provider/idp.example.com/realm` */
export function oidcProviderArn(accountId: string, url: string, partition: string): string {
  return iamArn({
    partition,
    accountId,
    resource: `oidc-provider/${url}`,
  })
}

export function createOidcProviders(parts: {
  store: Store
  now: () => number
  cacheLimit: number
}): OidcProviders {
  const { store, now } = parts
  const cache = new CoherentCache<OidcProvider>({
    feed: store.feed,
    kind: 'oidc-provider',
    limit: parts.cacheLimit,
    load: async (arn) => (await read(store.db, arn))?.provider,
  })

  function fromRow(row: OidcProviderRow): OidcProvider {
    store.rows.check('oidc_providers', row)
    return {
      arn: row.arn,
      accountId: row.account_id,
      url: row.url,
      clientIds: JSON.parse(row.client_ids) as string[],
      thumbprints: JSON.parse(row.thumbprints) as string[],
      tags: tagsFromText(row.tags),
      createdAtMs: row.created_at,
    }
  }

  async function read(db: Db, arn: string): Promise<StoredOidcProvider | undefined> {
    const row = await db.selectFrom('oidc_providers').selectAll().where('arn', '=', arn).executeTakeFirst()
    return row && { row, provider: fromRow(row) }
  }

  return {
    load: (arn) => cache.get(arn),
    read,
    async list(db, accountId) {
      const rows = await db
        .selectFrom('oidc_providers')
        .selectAll()
        .where('account_id', '=', accountId)
        .orderBy('arn')
        .execute()
      return rows.map(fromRow)
    },
    async create(tx, { arn, accountId, url, clientIds, thumbprints, tags }) {
      const row = await store.rows.insert(tx, 'oidc_providers', {
        arn,
        account_id: accountId,
        url,
        client_ids: JSON.stringify(clientIds),
        thumbprints: JSON.stringify(thumbprints),
        tags: tagsToText(tags),
        created_at: now(),
      })
      tx.changed('oidc-provider', row.arn)
      return fromRow(row)
    },
    async update(tx, { row }, { clientIds, thumbprints, tags }) {
      await store.rows.update(tx, 'oidc_providers', row, {
        ...(clientIds && { client_ids: JSON.stringify(clientIds) }),
        ...(thumbprints && { thumbprints: JSON.stringify(thumbprints) }),
        ...(tags && { tags: tagsToText(tags) }),
      })
      tx.changed('oidc-provider', row.arn)
    },
    async remove(tx, { row }) {
      await store.rows.remove(tx, 'oidc_providers', row)
      tx.changed('oidc-provider', row.arn)
    },
  }
}
