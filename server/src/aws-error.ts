/**
 * An error that a client is meant to see: AWS's name for it and AWS's words. Anything else that is
 * thrown is ours to know, and the client sees only that the service failed.
 */
export class AwsError extends Error {
  /** AWS's error name, as it stands in `__type`. */
  readonly code: string
  readonly httpStatus: number

  constructor(code: string, message: string, httpStatus = 400) {
    super(message)
    this.name = 'AwsError'
    this.code = code
    this.httpStatus = httpStatus
  }
}
