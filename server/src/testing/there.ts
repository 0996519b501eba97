/** What a test has made itself, and so must find. */
export function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('what the test made is not there')
  return value
}
