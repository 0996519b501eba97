import { createHmac, type KeyObject } from 'node:crypto'
import { authenticatedTables, type AuthenticatedTable } from './authenticated-tables.ts'

const LABEL = 'keywright row 1'

/**
 * HMAC-SHA-256 over a row: label, table, then each column that is not null as name, type and value,
 * in the order of authenticated-tables.ts. Every string and value is preceded by its length in four
 * bytes, so no two rows share an encoding.
 *
 * Columns go by name and null ones are left out: a later migration can add a column that starts out
 * null without touching the rows that exist, and yet null and not-null never look alike.
 *
 * @throws TypeError for a missing column, a number that is not a safe integer, ill-formed text (which
 *   would reach the database as another text), text with U+0000 (which PostgreSQL cannot hold), or any other type
 */
export function rowMac(
  key: KeyObject,
  table: AuthenticatedTable,
  row: Readonly<Record<string, unknown>>,
): Buffer {
  const hmac = createHmac('sha256', key)
  hmac.update(encodeRow(table, row))
  return hmac.digest()
}

/** The bytes that the HMAC covers. */
export function encodeRow(table: AuthenticatedTable, row: Readonly<Record<string, unknown>>): Buffer {
  const parts: Part[] = [LABEL, table]
  const facts = authenticatedTables[table]
  for (const column of facts.key) addColumn(parts, table, column, row[column])
  for (const column of facts.columns) addColumn(parts, table, column, row[column])

  let lengthBytes = 0
  for (const part of parts) lengthBytes += 4 + byteLength(part)
  const encoded = Buffer.allocUnsafe(lengthBytes)
  let at = 0
  for (const part of parts) {
    at = encoded.writeUInt32BE(byteLength(part), at)
    if (typeof part === 'string') at += encoded.write(part, at, 'utf8')
    else if (typeof part === 'bigint') at = encoded.writeBigInt64BE(part, at)
    else {
      encoded.set(part, at)
      at += part.length
    }
  }
  return encoded
}

type Part = string | bigint | Uint8Array

function byteLength(part: Part): number {
  if (typeof part === 'string') return Buffer.byteLength(part, 'utf8')
  return typeof part === 'bigint' ? 8 : part.length
}

function addColumn(parts: Part[], table: string, column: string, value: unknown): void {
  if (value === null) return
  if (typeof value === 'string' && value.isWellFormed() && !value.includes('\0'))
    parts.push(column, 'text', value)
  else if (typeof value === 'number' && Number.isSafeInteger(value))
    parts.push(column, 'integer', BigInt(value))
  else if (value instanceof Uint8Array) parts.push(column, 'blob', value)
  else throw new TypeError(`${table}.${column} holds something that no row can hold`)
}
