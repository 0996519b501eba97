import { invalid } from './operation.ts'

const DEFAULT_PAGE = 100

/** One page of what is there as a whole; a token is the place to go on from. */
export function pageOf<Item>(
  all: readonly Item[],
  { maxResults = DEFAULT_PAGE, nextToken }: { readonly maxResults?: number; readonly nextToken?: string },
): { readonly items: readonly Item[]; readonly nextToken: string | undefined } {
  const start = nextToken === undefined ? 0 : Number(decodeToken(nextToken, /^\d{1,9}$/)[0])
  const end = start + maxResults
  return { items: all.slice(start, end), nextToken: end < all.length ? encodeToken(String(end)) : undefined }
}

/** Opaque to clients; it says nothing that its reader may not know. */
export function encodeToken(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url')
}

/** @throws AwsError ValidationException */
export function decodeToken(token: string, form: RegExp): RegExpExecArray {
  const found = token.length > 1024 ? null : form.exec(Buffer.from(token, 'base64url').toString('utf8'))
  if (found === null) throw invalid('The pagination token is not valid.')
  return found
}
