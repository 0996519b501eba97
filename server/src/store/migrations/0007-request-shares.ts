import type { Migration } from './migration.ts'

/** What each node lately took of the request quotas, so that the others leave it room. */
export const requestShares: Migration = {
  number: 7,
  name: 'request-shares',
  tables: [
    {
      name: 'request_shares',
      columns: { node: 'text', seen_at: 'integer', taken: 'text' },
      primaryKey: ['node'],
    },
  ],
}
