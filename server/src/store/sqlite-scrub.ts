/** What the SQLite thread does so that erased bytes are in no file. */

import { open } from 'node:fs/promises'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PIECE_BYTES, searchFor } from './byte-search.ts'

/** The tables that hold wrapped keys, and in what order their rows fill the indexes fastest: by primary key. */
const SECRET_TABLES = {
  key_materials: 'region, key_id, material_id',
  domain_keys: 'account_id, region, number',
  system_keys: 'name',
}

// Some 1 ms of this thread, between which it answers others.
const CHUNK_BYTES = 256 * 1024

/**
 * Writes every committed page into the database file and cuts the WAL to nothing, so that pages from before are nowhere.
 *
 * @returns false when another process reads, and so needs the WAL
 */
export function emptyWal(database: DatabaseSync, busyTimeoutMs: number): boolean {
  // Waiting here would hold everybody up.
  database.exec('pragma busy_timeout = 0')
  try {
    return database.prepare('pragma wal_checkpoint(truncate)').get()?.['busy'] === 0
  } finally {
    database.exec(`pragma busy_timeout = ${busyTimeoutMs}`)
  }
}

/** Whether the file holds any of the wanted bytes. Other work goes on in between; pages are written in place, so none escapes. */
export async function fileHolds(path: string, wanted: readonly Uint8Array[]): Promise<boolean> {
  const search = searchFor(wanted)
  const chunk = Buffer.alloc(CHUNK_BYTES)
  const file = await open(path, 'r')
  try {
    for (let at = 0; ; at += CHUNK_BYTES - PIECE_BYTES) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, at)
      if (search.isIn(chunk.subarray(0, bytesRead))) return true
      if (bytesRead < CHUNK_BYTES) return false
      await nextTurn()
    }
  } finally {
    await file.close()
  }
}

/**
 * Writes the tables of secrets anew, in one transaction. `secure_delete` overwrites what is deleted where it stands, and pages
 * that are given up; but a row that once moved to another page when the tree was balanced can leave a copy behind in the
 * unused part of its first one (SQLite 3.53, some 1 of 2000 rows). Emptying a table gives up all its pages. For 100,000 keys
 * it takes a second, in which changes wait (2 cores, 2026-11).
 */
export function rewriteSecrets(database: DatabaseSync): void {
  database.exec('begin immediate')
  try {
    const there = database.prepare("select name from main.sqlite_master where type = 'table'").all()
    for (const [table, order] of Object.entries(SECRET_TABLES)) {
      if (!there.some(({ name }) => name === table)) continue
      database.exec(
        `create temp table kept as select * from main.${table} order by ${order};
         delete from main.${table};
         insert into main.${table} select * from temp.kept order by rowid;
         drop table temp.kept`,
      )
    }
    database.exec('commit')
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}
