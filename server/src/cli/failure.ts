/** A command cannot do what it was asked; the message says why in one line. */
export class CommandError extends Error {
  override name = 'CommandError'
}

/** What went wrong, in one line for an operator: no stack, no control characters. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error))
  // An AggregateError of the network has no message of its own.
  const own =
    error.message === '' && error instanceof AggregateError ? String(error.errors[0]) : error.message
  return oneLine(own === '' ? error.name : own)
}

/** The stack and the causes, for whoever set the log level to debug. */
export function failureStack(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${failureStack(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}

/** Text from elsewhere, made safe for one line of a terminal. */
export function oneLine(text: string): string {
  const joined = text.trim().replaceAll(/\s*[\r\n]+\s*/g, ' ')
  return joined.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 2000)
}
