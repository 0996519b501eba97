import { AwsError } from '../aws-error.ts'
import type { Protocol, Service, ServiceOperation } from '../services/call.ts'
import { CredentialsExpired, malformedQuery, serializationError } from './errors.ts'
import { recordableName, type Exchange } from './exchange.ts'
import { readFormBody, readQueryString, type Form } from './form.ts'
import type { WireRequest, WireResponse } from './http-message.ts'
import { writeJson } from './json.ts'
import { queryInput } from './query-input.ts'
import { signatureParameters } from './presigned.ts'
import { validate } from './validate.ts'
import { xmlMembers, xmlText } from './xml.ts'

const XML = 'text/xml'
const JSON_TYPE = 'application/json'
const FORM_TYPE = /^application\/x-www-form-urlencoded(?:[ \t]*;.*)?$/i

/**
 * AWS Query: the parameters of a form say what is asked, and the answer is XML; or JSON, when the client accepts
 * nothing else, as the authenticators of Kubernetes do.
 * @see Smithy, "AWS query protocol"
 */
export class QueryExchange implements Exchange {
  readonly service: Service
  readonly #form: Form | AwsError
  readonly #json: boolean

  constructor(service: Service, request: WireRequest, headers: ReadonlyMap<string, readonly string[]>) {
    this.service = service
    this.#form = formOf(request, headers.get('content-type'))
    this.#json = headers.get('accept')?.[0] === JSON_TYPE
  }

  get operationName(): string | undefined {
    return this.#form instanceof AwsError ? undefined : recordableName(this.#form.get('Action') ?? '')
  }

  operation(): ServiceOperation {
    const form = this.#readable()
    const { service } = this
    const name = form.get('Action')
    if (name === undefined)
      throw new AwsError('MissingAction', 'The request must contain the parameter Action.')
    const version = form.get('Version')
    const operation = service.operations.get(name)
    if (operation !== undefined && (version === undefined || version === this.#protocol().version)) {
      return operation
    }
    if (operation === undefined && service.operationNames.has(name)) {
      throw new AwsError('UnsupportedOperation', `The operation ${name} is not supported.`)
    }
    const shown = `Could not find operation ${name.slice(0, 128)} for version ${(version ?? 'NO_VERSION_SPECIFIED').slice(0, 32)}`
    throw new AwsError('InvalidAction', shown)
  }

  input({ input }: ServiceOperation): Record<string, unknown> {
    return validate(input, queryInput(input, this.#readable()))
  }

  answer({ name, output }: ServiceOperation, answer: object | undefined, requestId: string): WireResponse {
    if (this.#json) {
      const result = output === null ? {} : { [`${name}Result`]: answer ?? {} }
      const body = { [`${name}Response`]: { ...result, ResponseMetadata: { RequestId: requestId } } }
      return { status: 200, contentType: JSON_TYPE, requestId, body: writeJson(body) }
    }
    const result = output === null ? '' : `<${name}Result>${xmlMembers(output, answer ?? {})}</${name}Result>`
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`
    const body = `<${name}Response xmlns="${this.#protocol().xmlNamespace}">${result}${metadata}</${name}Response>\n`
    return { status: 200, contentType: XML, requestId, body }
  }

  failure(error: AwsError, requestId: string): WireResponse {
    const { code, status } = queryError(error)
    const type = status >= 500 ? 'Receiver' : 'Sender'
    if (this.#json) {
      const body = { Error: { Code: code, Message: error.message, Type: type }, RequestId: requestId }
      return { status, contentType: JSON_TYPE, requestId, body: JSON.stringify(body) }
    }
    const body =
      `<ErrorResponse xmlns="${this.#protocol().xmlNamespace}"><Error><Type>${type}</Type>` +
      `<Code>${xmlText(code)}</Code><Message>${xmlText(error.message)}</Message></Error>` +
      `<RequestId>${requestId}</RequestId></ErrorResponse>\n`
    return { status, contentType: XML, requestId, body }
  }

  #readable(): Form {
    if (this.#form instanceof AwsError) throw this.#form
    return this.#form
  }

  #protocol(): Extract<Protocol, { type: 'query' }> {
    const { protocol } = this.service
    if (protocol.type !== 'query') throw new TypeError(`${this.service.signingName} does not speak AWS Query`)
    return protocol
  }
}

/**
 * Read at once, since an unsigned request is known by its parameters; what is wrong with them is told after the signature.
 */
function formOf(request: WireRequest, contentTypes: readonly string[] | undefined): Form | AwsError {
  const { method, target, body } = request
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  try {
    if (path !== '/' || (method !== 'GET' && method !== 'POST')) {
      throw malformedQuery('A request is a GET or POST of /.')
    }
    const query = mark === -1 ? new Map<string, string>() : readQueryString(target.slice(mark + 1))
    const asked = new Map([...query].filter(([name]) => !signatureParameters.has(name)))
    if (body.length === 0) return asked
    // Another type is not what a client would send, and may be what a proxy on the way reads otherwise.
    if (method === 'GET' || contentTypes?.length !== 1 || !FORM_TYPE.test(contentTypes[0] as string)) {
      throw serializationError('A body is sent by POST, and of type application/x-www-form-urlencoded.')
    }
    return readFormBody(body, asked)
  } catch (error) {
    if (error instanceof AwsError) return error
    throw error
  }
}

/** What the two generations of AWS's protocols call the same thing: the JSON name, then the Query code and status. */
const queryNames: Readonly<Record<string, readonly [code: string, status: number]>> = {
  AccessDeniedException: ['AccessDenied', 403],
  ValidationException: ['ValidationError', 400],
  SerializationException: ['MalformedInput', 400],
  UnknownOperationException: ['InvalidAction', 400],
  UnrecognizedClientException: ['InvalidClientTokenId', 403],
  InvalidSignatureException: ['SignatureDoesNotMatch', 403],
  MissingAuthenticationTokenException: ['MissingAuthenticationToken', 403],
  IncompleteSignatureException: ['IncompleteSignature', 400],
  ThrottlingException: ['Throttling', 400],
  KMSInternalException: ['InternalFailure', 500],
}

function queryError(error: AwsError): { code: string; status: number } {
  // STS has an ExpiredTokenException of its own, of a web identity token; this one is of the request's credentials.
  if (error instanceof CredentialsExpired) return { code: 'ExpiredToken', status: 403 }
  const known = Object.hasOwn(queryNames, error.code) ? queryNames[error.code] : undefined
  return known === undefined
    ? { code: error.code, status: error.httpStatus }
    : { code: known[0], status: known[1] }
}
