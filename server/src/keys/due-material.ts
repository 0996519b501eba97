import type { Store } from '../store/store.ts'

/** Material that has expired, as the database has it, authentic or not. */
export interface DueMaterial {
  readonly region: string
  readonly keyId: string
  readonly materialId: string
  readonly atMs: number
}

/** One page of what has expired, oldest first, after `after`. The rows are not checked: whoever acts on one reads it. */
export async function dueExpiries(
  { db }: Store,
  nowMs: number,
  limit: number,
  after?: DueMaterial,
): Promise<DueMaterial[]> {
  let query = db
    .selectFrom('key_materials')
    .select(['region', 'key_id', 'material_id', 'valid_to'])
    .where('valid_to', '<=', nowMs)
  if (after !== undefined) {
    const { atMs, region, keyId, materialId } = after
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(
        refTuple('valid_to', 'region', 'key_id', 'material_id'),
        '>',
        tuple(atMs, region, keyId, materialId),
      ),
    )
  }
  const rows = await query
    .orderBy('valid_to')
    .orderBy('region')
    .orderBy('key_id')
    .orderBy('material_id')
    .limit(limit)
    .execute()
  return rows.map(({ region, key_id, material_id, valid_to }) => {
    return { region, keyId: key_id, materialId: material_id, atMs: Number(valid_to) }
  })
}

/** When the next material after that time expires. */
export async function nextExpiry({ db }: Store, afterMs: number): Promise<number | undefined> {
  const row = await db
    .selectFrom('key_materials')
    .select('valid_to')
    .where('valid_to', '>', afterMs)
    .orderBy('valid_to')
    .limit(1)
    .executeTakeFirst()
  return row?.valid_to ?? undefined
}
