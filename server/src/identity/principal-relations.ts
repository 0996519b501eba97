import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { Db } from '../store/db.ts'
import type { Database } from '../store/schema.ts'
import type { PrincipalRow } from '../store/rows/identity-rows.ts'
import type { StoredPrincipal } from './principal.ts'
import { ROWS_PER_PAGE } from './row-pages.ts'

/** Which principals name a group or a policy: what no row of the group or policy itself says. */
export interface PrincipalRelations {
  /** The users of a group. */
  members(db: Db, accountId: string, groupId: string): Promise<StoredPrincipal[]>
  /** Those that have a managed policy attached, or as their boundary. */
  holders(db: Db, accountId: string, policyArn: string): Promise<StoredPrincipal[]>
  /** How often each managed policy is attached in an account, and how often it is a boundary; by ARN. */
  policyUsage(
    db: Db,
    accountId: string,
  ): Promise<ReadonlyMap<string, { readonly attached: number; readonly boundary: number }>>
}

/** @param stored reads a row, which it checks */
export function principalRelations(stored: (row: PrincipalRow) => StoredPrincipal): PrincipalRelations {
  /** Rows in which a column may name `text`: the pattern finds a few too many, the caller looks closely. */
  async function naming(
    db: Db,
    accountId: string,
    column: 'group_ids' | 'attached_policies',
    text: string,
  ): Promise<StoredPrincipal[]> {
    const pattern = `%"${text.replace(/[^A-Za-z0-9/:+=,.@-]/g, '%')}"%`
    const found: StoredPrincipal[] = []
    const rows = pages(db, accountId, (eb) =>
      column === 'group_ids'
        ? eb(column, 'like', pattern)
        : eb.or([eb(column, 'like', pattern), eb('boundary_arn', '=', text)]),
    )
    for await (const one of rows) found.push(one)
    return found
  }

  /** Those that have any managed policy. */
  function holding(db: Db, accountId: string): AsyncGenerator<StoredPrincipal> {
    return pages(db, accountId, (eb) =>
      eb.or([eb('attached_policies', '<>', '[]'), eb('boundary_arn', 'is not', null)]),
    )
  }

  /** Page by page, so that other requests have their turn. */
  async function* pages(
    db: Db,
    accountId: string,
    which: (eb: ExpressionBuilder<Database, 'principals'>) => Expression<SqlBool>,
  ): AsyncGenerator<StoredPrincipal> {
    for (let after = ''; ;) {
      const rows = await db
        .selectFrom('principals')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('principal_id', '>', after)
        .where(which)
        .orderBy('principal_id')
        .limit(ROWS_PER_PAGE)
        .execute()
      yield* rows.map(stored)
      const last = rows.at(-1)
      if (last === undefined || rows.length < ROWS_PER_PAGE) return
      after = last.principal_id
    }
  }

  return {
    async members(db, accountId, groupId) {
      const found = await naming(db, accountId, 'group_ids', groupId)
      return found.filter(({ principal }) => principal.groupIds.includes(groupId))
    },
    async holders(db, accountId, policyArn) {
      const found = await naming(db, accountId, 'attached_policies', policyArn)
      return found.filter(
        ({ principal }) =>
          principal.boundaryArn === policyArn || principal.attachedPolicies.includes(policyArn),
      )
    },
    async policyUsage(db, accountId) {
      const usage = new Map<string, { attached: number; boundary: number }>()
      const of = (arn: string) => {
        const known = usage.get(arn) ?? { attached: 0, boundary: 0 }
        usage.set(arn, known)
        return known
      }
      for await (const { principal } of holding(db, accountId)) {
        for (const arn of principal.attachedPolicies) of(arn).attached++
        if (principal.boundaryArn !== undefined) of(principal.boundaryArn).boundary++
      }
      return usage
    },
  }
}
