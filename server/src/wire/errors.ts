import { AwsError } from '../aws-error.ts'

/**
 * A refusal whose message repeats parts of what the client sent (the canonical string, a credential that may
 * be a secret in the wrong place). Only that client may read it: it enters neither log nor journal, where
 * `code` has to do.
 */
class SignatureRefusal extends AwsError {
  readonly publicMessageOnly = true
}

/** Another signature came out: carries the canonical string and the string to sign. */
export class SignatureMismatch extends SignatureRefusal {}

/** The message as logs and journal may hold it: empty where only the client may read it. */
export function recordableMessage(error: AwsError): string {
  return error instanceof SignatureRefusal ? '' : error.message
}

export function missingAuthenticationToken(): AwsError {
  return new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token')
}

export function incompleteSignature(message: string): AwsError {
  return new SignatureRefusal('IncompleteSignatureException', message)
}

export function invalidSignature(message: string): AwsError {
  return new SignatureRefusal('InvalidSignatureException', message)
}

/** No such access key, or one that may not be used: which of the two is not told. */
export function unrecognizedClient(): AwsError {
  return new AwsError('UnrecognizedClientException', 'The security token included in the request is invalid.')
}

/** Where signatures are not verified, an Origin header marks what a web page sends on its own. */
export function fromBrowser(): AwsError {
  return new AwsError(
    'AccessDeniedException',
    'Requests with an Origin header are refused in development mode.',
  )
}

/** AWS sends no message with it. */
export function unknownOperation(): AwsError {
  return new AwsError('UnknownOperationException', '')
}

/** The body is no JSON (AWS then sends no message), or a member has the wrong JSON type. */
export function serializationError(message = ''): AwsError {
  return new AwsError('SerializationException', message)
}

export function validationError(message: string): AwsError {
  return new AwsError('ValidationException', message)
}

/** A form that two readers could understand differently, or none at all. */
export function malformedQuery(message: string): AwsError {
  return new AwsError('MalformedQueryString', message, 404)
}

/** The request's own temporary credentials are over; STS has an error of the same name for a web identity token. */
export class CredentialsExpired extends AwsError {
  constructor() {
    super('ExpiredTokenException', 'The security token included in the request is expired')
  }
}

/** What the client learns of anything that is ours to know. */
export function internalError(): AwsError {
  return new AwsError(
    'KMSInternalException',
    'The request was rejected because an internal exception occurred. The request can be retried.',
    500,
  )
}
