import { DatabaseError, type DatabaseErrorKind } from './store-errors.ts'

// SQLSTATE, PostgreSQL's documentation, appendix A. A class (two characters) stands for all of its codes.
const KINDS: Readonly<Record<string, DatabaseErrorKind>> = {
  '40001': 'conflict', // serialization_failure; CockroachDB's restart errors have it too
  '40P01': 'conflict', // deadlock_detected
  '55P03': 'conflict', // lock_not_available
  '23505': 'duplicate', // unique_violation
  '42P07': 'duplicate', // duplicate_table
  '40003': 'unavailable', // statement_completion_unknown
  '25P03': 'unavailable', // idle_in_transaction_session_timeout
  '57': 'unavailable', // operator intervention: shutdown, crash, starting up, statement_timeout
  '53': 'unavailable', // insufficient resources
  '58': 'unavailable', // system error
  '08': 'unavailable', // connection exception
  '28': 'unavailable', // invalid authorization
  '3D': 'unavailable', // invalid catalog name
  XX001: 'corrupt',
  XX002: 'corrupt',
}

const SYSTEM_ERROR = /^E[A-Z_]+$/

/**
 * An error of the driver in words of ours. The server's own words may quote values, the driver's the URL
 * with its password: only codes and names of the schema are passed on.
 */
export function postgresError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error
  const { code, severity, table, constraint } = error as Partial<Record<string, unknown>>
  if (typeof code === 'string' && severity !== undefined) {
    const kind = KINDS[code] ?? KINDS[code.slice(0, 2)] ?? 'other'
    const where = [table, constraint].filter((name) => typeof name === 'string').join(', ')
    const about = where === '' ? '' : `, ${where}`
    const reason = REASONS[code]
    if (reason) return new DatabaseError(kind, code, `PostgreSQL: ${reason} (${code})`)
    return new DatabaseError(kind, code, `PostgreSQL refused a statement (${code}${about})`)
  }
  if (typeof code === 'string' && SYSTEM_ERROR.test(code)) {
    return new DatabaseError('unavailable', code, `The database cannot be reached (${code})`)
  }
  // What is left is the driver's: a connection that ended or a time that ran out, told in prose.
  return new DatabaseError(
    'unavailable',
    'CONNECTION',
    'The connection to the database was lost or timed out',
  )
}

const REASONS: Readonly<Record<string, string>> = {
  '28P01': 'the password of the database URL is wrong',
  '28000': 'the user of the database URL may not log in',
  '3D000': 'the database of the database URL does not exist',
  '42501': 'the user of the database URL lacks a privilege',
  '53300': 'too many connections',
  '57014': 'a statement took too long',
  '57P01': 'the server is shutting down',
  '57P02': 'the server crashed',
  '57P03': 'the server is starting or stopping',
  XX001: 'the data are damaged, restore a backup',
  XX002: 'an index is damaged, restore a backup',
}
