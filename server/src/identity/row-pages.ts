import { sql, type RawBuilder, type SqlBool } from 'kysely'

// A page of rows whose HMACs are checked in one turn takes a few milliseconds at most.
export const ROWS_PER_PAGE = 100

/** Which rows: those of one account, after a name, at or below a path. */
export interface NamedRows {
  readonly accountId: string
  readonly pathPrefix?: string | undefined
  /** The name key (in lower case) after which the list goes on. */
  readonly after?: string
  readonly limit: number
}

/**
 * Reads at most `limit` rows in the order of their `name_key`, a page at a time, so that other requests have their turn.
 *
 * @param read the next `count` rows after a name key
 */
export async function inPages<T extends { readonly row: { readonly name_key: string } }>(
  { after = '', limit }: Pick<NamedRows, 'after' | 'limit'>,
  read: (after: string, count: number) => Promise<readonly T[]>,
): Promise<T[]> {
  const found: T[] = []
  for (let from = after; found.length < limit;) {
    const count = Math.min(ROWS_PER_PAGE, limit - found.length)
    const rows = await read(from, count)
    found.push(...rows)
    const last = rows.at(-1)
    if (last === undefined || rows.length < count) break
    from = last.row.name_key
  }
  return found
}

/** The rows of a page, where each is of an account and has a name and a path; `order by name_key` puts them in order. */
export function onPage({ accountId, pathPrefix = '/' }: NamedRows, after: string): RawBuilder<SqlBool> {
  // `like` would take some characters of the prefix for a pattern.
  return sql<SqlBool>`account_id = ${accountId} and name_key > ${after}
    and substr(path, 1, ${sql.lit(pathPrefix.length)}) = ${pathPrefix}`
}
