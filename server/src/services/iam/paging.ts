import { IamError } from './iam-error.ts'

const DEFAULT_ITEMS = 100

export interface PageRequest {
  readonly Marker?: string
  readonly MaxItems?: number
}

/** Where a page begins and how many items it may have. */
export interface PageBounds {
  /** What the items are in order of; the page begins after it. */
  readonly after: string
  readonly limit: number
}

/** @throws IamError ValidationError for a marker that was not given out */
export function pageBounds({ Marker, MaxItems }: PageRequest): PageBounds {
  return { after: Marker === undefined ? '' : nameIn(Marker), limit: MaxItems ?? DEFAULT_ITEMS }
}

export interface Page<T> {
  readonly items: readonly T[]
  /** The members of the answer that say how to go on. */
  readonly rest: { readonly IsTruncated: boolean; readonly Marker?: string }
}

/**
 * Cuts a page out of items that were read one beyond it.
 *
 * @param items at most `limit + 1`, in order
 */
export function pageOf<T>(items: readonly T[], limit: number, nameOf: (item: T) => string): Page<T> {
  const last = items[limit - 1]
  if (items.length <= limit || last === undefined) return { items, rest: { IsTruncated: false } }
  return { items: items.slice(0, limit), rest: { IsTruncated: true, Marker: markerOf(nameOf(last)) } }
}

/** A page out of a list that is there as a whole. */
export function pageWithin<T>(
  items: readonly T[],
  request: PageRequest,
  nameOf: (item: T) => string,
): Page<T> {
  const { after, limit } = pageBounds(request)
  const sorted = items.toSorted((a, b) => compare(nameOf(a), nameOf(b)))
  const following = sorted.filter((item) => after === '' || compare(nameOf(item), after) > 0)
  return pageOf(following.slice(0, limit + 1), limit, nameOf)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function markerOf(name: string): string {
  return Buffer.from(`after ${name}`, 'utf8').toString('base64url')
}

function nameIn(marker: string): string {
  const name = Buffer.from(marker, 'base64url').toString('utf8').slice('after '.length)
  if (name === '' || name.includes('\0') || markerOf(name) !== marker) {
    throw new IamError('ValidationError', 'Invalid Marker.')
  }
  return name
}
