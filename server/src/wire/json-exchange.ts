import { AwsError } from '../aws-error.ts'
import type { Service, ServiceOperation } from '../services/call.ts'
import { awsJsonContentType, errorResponse } from './error-body.ts'
import { unknownOperation } from './errors.ts'
import { recordableName, type Exchange } from './exchange.ts'
import type { WireRequest, WireResponse } from './http-message.ts'
import { parseJson, writeJson } from './json.ts'
import { validate } from './validate.ts'

/** AWS JSON 1.1: POST to `/`, and X-Amz-Target names the operation. */
export class JsonExchange implements Exchange {
  readonly service: Service
  readonly #request: WireRequest
  readonly #target: string

  /** @param target the value of X-Amz-Target, empty when there is none */
  constructor(service: Service, request: WireRequest, target: string) {
    this.service = service
    this.#request = request
    this.#target = target
  }

  get operationName(): string | undefined {
    return recordableName(this.#target.split('.')[1] ?? '')
  }

  operation(): ServiceOperation {
    const { service } = this
    const { method, target } = this.#request
    const dot = this.#target.indexOf('.')
    const name = this.#target.slice(dot + 1)
    if (method !== 'POST' || target !== '/' || !this.#belongsToService(dot)) throw unknownOperation()
    const operation = service.operations.get(name)
    if (operation !== undefined) return operation
    if (!service.operationNames.has(name)) throw unknownOperation()
    throw new AwsError('UnsupportedOperationException', `The operation ${name} is not supported.`)
  }

  #belongsToService(dot: number): boolean {
    const { protocol } = this.service
    return protocol.type === 'json' && dot !== -1 && this.#target.slice(0, dot) === protocol.targetPrefix
  }

  input({ input }: ServiceOperation): Record<string, unknown> {
    return validate(input, parseJson(this.#request.body))
  }

  answer(_: ServiceOperation, answer: object | undefined, requestId: string): WireResponse {
    const body = answer === undefined ? '' : writeJson(answer)
    return { status: 200, contentType: awsJsonContentType, requestId, body }
  }

  failure(error: AwsError, requestId: string): WireResponse {
    return errorResponse(error, requestId)
  }
}
