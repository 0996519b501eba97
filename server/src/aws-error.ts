/**
 * An error that a client is meant to see: AWS's name for it and AWS's words. Anything else that is
 * thrown is ours to know, and the client sees only that the service failed.
 */
export class AwsError extends Error {
  /** AWS's error name, as it stands in `__type`. */
  readonly code: string
  readonly httpStatus: number

  /** @param options `cause` is for the operator's log */
  constructor(code: string, message: string, httpStatus = 400, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AwsError'
    this.code = code
    this.httpStatus = httpStatus
  }
}
