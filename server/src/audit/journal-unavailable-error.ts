/** The record cannot be made durable now, so the request that it belongs to must fail. */
export class JournalUnavailableError extends Error {
  constructor(reason: string, cause?: unknown) {
    super(`The journal cannot be written: ${reason}`, cause === undefined ? undefined : { cause })
    this.name = 'JournalUnavailableError'
  }
}
