import type { Kysely } from 'kysely'
import type { AuthenticatedRows } from './authenticated-rows.ts'
import type { Engine } from './engine.ts'
import { rerun } from './rerun.ts'
import type { Database } from './schema.ts'
import type { OutboxRecord } from './transition.ts'

const IDS_PER_STATEMENT = 1000

export async function pendingOutbox(
  db: Kysely<Database>,
  rows: AuthenticatedRows,
  limit: number,
): Promise<OutboxRecord[]> {
  const found = await db
    .selectFrom('outbox')
    .selectAll()
    .orderBy('position')
    .orderBy('event_id')
    .limit(limit)
    .execute()
  return found.map((row) => {
    const { event_id: eventId, record, position } = rows.check('outbox', row)
    return { eventId, record, position }
  })
}

export async function removeOutbox(engine: Engine, eventIds: readonly string[]): Promise<void> {
  if (eventIds.length === 0) return
  await rerun(() =>
    engine.looseTransaction(async (db) => {
      for (let from = 0; from < eventIds.length; from += IDS_PER_STATEMENT) {
        const ids = eventIds.slice(from, from + IDS_PER_STATEMENT)
        await db.deleteFrom('outbox').where('event_id', 'in', ids).execute()
      }
    }),
  )
}
