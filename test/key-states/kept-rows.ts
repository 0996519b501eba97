import { keyEntityId } from '../../server/src/keys/key.ts'
import { aliasEntityId } from '../../server/src/keys/aliases.ts'
import { regions, type HeldServer } from '../held-server.ts'

/**
 * Remembers every row about a key in all Regions, and gives back what puts them into the database again, so that the next
 * operation finds the key as the last one did.
 */
export async function keepRows(server: HeldServer, keyId: string): Promise<() => Promise<void>> {
  const { db } = server.opened.store
  const [keys, materials, aliases, grants] = [
    await db.selectFrom('kms_keys').selectAll().where('key_id', '=', keyId).execute(),
    await db.selectFrom('key_materials').selectAll().where('key_id', '=', keyId).execute(),
    await db.selectFrom('aliases').selectAll().where('key_id', '=', keyId).execute(),
    await db.selectFrom('grants').selectAll().where('key_id', '=', keyId).execute(),
  ]
  return () =>
    server.change(async (tx) => {
      for (const table of ['kms_keys', 'key_materials', 'aliases', 'grants'] as const)
        await tx.db.deleteFrom(table).where('key_id', '=', keyId).execute()
      for (const row of keys) await tx.db.insertInto('kms_keys').values(row).execute()
      for (const row of materials) await tx.db.insertInto('key_materials').values(row).execute()
      for (const row of aliases) await tx.db.insertInto('aliases').values(row).execute()
      for (const row of grants) await tx.db.insertInto('grants').values(row).execute()
      for (const region of regions) tx.changed('key', keyEntityId(region, keyId))
      for (const { account_id: accountId, region, name } of aliases)
        tx.changed('alias', aliasEntityId({ accountId, region, name }))
      for (const { region, grantee_id } of grants) {
        tx.changed('grants', `${region}/${keyId}/${grantee_id}`)
        tx.changed('grant', `${region}/${keyId}/${grantee_id}/*`)
      }
    })
}
