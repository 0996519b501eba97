import type { AwsError } from '../aws-error.ts'
import type { Service, ServiceOperation } from '../services/call.ts'
import type { WireResponse } from './http-message.ts'

/**
 * One request in the protocol that it speaks. Which that is follows from the request alone, before anybody knows who
 * sent it, so that a refused signature is told in the client's own protocol too.
 */
export interface Exchange {
  /** The service that the request is for; its signature must be scoped to it. */
  readonly service: Service
  /** What the client calls the operation, when that is a name at all. */
  readonly operationName: string | undefined
  /** @throws AwsError when there is no such operation, or it is not supported */
  operation(): ServiceOperation
  /** The operation's checked input. @throws AwsError when it cannot be read, or breaks a rule of the shape */
  input(operation: ServiceOperation): Record<string, unknown>
  answer(operation: ServiceOperation, answer: object | undefined, requestId: string): WireResponse
  /** A refusal; whose codes and statuses differ between the protocols. */
  failure(error: AwsError, requestId: string): WireResponse
}

/** A name that may stand in a record. */
export function recordableName(name: string): string | undefined {
  return /^[A-Za-z0-9]{1,64}$/.test(name) ? name : undefined
}
