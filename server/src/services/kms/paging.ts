import { KmsError } from '../../keys/kms-error.ts'

/** One page of a list, and where the next one begins. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: { readonly NextMarker?: string; readonly Truncated: boolean }
}

/**
 * Cuts a page out of rows that were read one beyond it.
 *
 * @param rows at most `limit + 1`, in order
 * @param nameOf what the rows are in order of; the marker of the next page holds the last one's
 */
export function pageOf<T>(
  rows: readonly T[],
  limit: number,
  list: string,
  nameOf: (row: T) => string,
): Page<T> {
  const last = rows[limit - 1]
  if (rows.length <= limit || last === undefined) return { items: rows, next: { Truncated: false } }
  return { items: rows.slice(0, limit), next: { NextMarker: marker(list, nameOf(last)), Truncated: true } }
}

/**
 * The name after which a page begins: that of the marker, or the start.
 *
 * @param list which list it is; another list's marker is not valid here
 * @throws KmsError InvalidMarkerException for anything that `pageOf` did not give out
 */
export function afterMarker(list: string, text: string | undefined): string {
  if (text === undefined) return ''
  // The name may hold line feeds itself (a tag key does), the list's never.
  const name = Buffer.from(text, 'base64url')
    .toString('utf8')
    .slice(list.length + 1)
  // PostgreSQL has no text with U+0000, not even to compare with.
  const given = name !== '' && !name.includes('\0') && marker(list, name) === text
  if (!given) throw new KmsError('InvalidMarkerException')
  return name
}

function marker(list: string, name: string): string {
  return Buffer.from(`${list}\n${name}`, 'utf8').toString('base64url')
}

/** How many items are given when the request does not say, and at most. */
export function pageLimit(asked: number | undefined, bounds: { default: number; max: number }): number {
  return Math.min(asked ?? bounds.default, bounds.max)
}
