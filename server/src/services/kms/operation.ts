import type { Call } from '../call.ts'
import type { KeyAccess } from './key-access.ts'
import type { KmsParts } from './parts.ts'
import type { OperationName, RequestOf, ResponseOf } from './shapes.ts'

/** What an operation may touch: the parts, its own call, and keys as this caller may see them. */
export interface KmsContext extends KmsParts, Pick<Call, 'caller' | 'region' | 'audit' | 'transition'> {
  readonly access: KeyAccess
}

/** An operation of AWS KMS: a checked request in, an answer out, AWS's errors thrown. */
export type Operation<Name extends OperationName> = (
  request: RequestOf<Name>,
  context: KmsContext,
) => Promise<ResponseOf<Name>>
