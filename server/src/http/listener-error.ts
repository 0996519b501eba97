/** Why the service cannot listen, in one line that says what to do about it. */
export class ListenerError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ListenerError'
  }
}
