import type { Call } from '../call.ts'
import { KeyAccess } from './key-access.ts'
import type { KmsParts } from './parts.ts'
import type { OperationName, RequestOf, ResponseOf } from './shapes.ts'

/** What an operation may touch: the parts, its own call, and keys as this caller may see them. */
export interface KmsContext
  extends KmsParts, Pick<Call, 'caller' | 'standing' | 'facts' | 'region' | 'audit' | 'transition'> {
  readonly access: KeyAccess
}

/** An operation of AWS KMS: a checked request in, an answer out, AWS's errors thrown. */
export type Operation<Name extends OperationName> = (
  request: RequestOf<Name>,
  context: KmsContext,
) => Promise<ResponseOf<Name>>

/**
 * The context of one call. Getters, since most operations take three or four of these: copying all of them costs
 * more than an operation's own work before the cipher.
 */
export class CallContext implements KmsContext {
  readonly access: KeyAccess
  readonly #call: Call
  readonly #parts: KmsParts

  constructor(call: Call, parts: KmsParts) {
    this.#call = call
    this.#parts = parts
    this.access = new KeyAccess(call, parts)
  }

  get caller() {
    return this.#call.caller
  }
  get standing() {
    return this.#call.standing
  }
  get facts() {
    return this.#call.facts
  }
  get region() {
    return this.#call.region
  }
  get audit() {
    return this.#call.audit
  }
  get transition(): Call['transition'] {
    return (work) => this.#call.transition(work)
  }
  get store() {
    return this.#parts.store
  }
  get keys() {
    return this.#parts.keys
  }
  get imports() {
    return this.#parts.imports
  }
  get keyUses() {
    return this.#parts.keyUses
  }
  get aliases() {
    return this.#parts.aliases
  }
  get grants() {
    return this.#parts.grants
  }
  get organizations() {
    return this.#parts.organizations
  }
  get binding() {
    return this.#parts.binding
  }
  get engine() {
    return this.#parts.engine
  }
  get attestation() {
    return this.#parts.attestation
  }
  get regions() {
    return this.#parts.regions
  }
  get linked() {
    return this.#parts.linked
  }
  get pendingDeletions() {
    return this.#parts.pendingDeletions
  }
  get resourceQuotas() {
    return this.#parts.resourceQuotas
  }
  get random() {
    return this.#parts.random
  }
  get now() {
    return this.#parts.now
  }
}
