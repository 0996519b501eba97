import type { Caller } from '../identity/caller.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Transition } from '../store/store.ts'
import type { Members } from '../shape.ts'

/** One authenticated request, as its operation sees it. */
export interface Call {
  readonly caller: Caller
  readonly region: string
  readonly requestId: string
  readonly audit: AuditNotes
  /** Takes what the cache found, and remembers that the answer rests on it. */
  use<T>(entry: CacheEntry<T>): T
  /**
   * Changes the store: the rows, the change feed and this request's record commit together or not
   * at all. `work` is run again from its start when another transition was in the way, so it must
   * change nothing outside `tx`. What it returns is the operation's answer.
   */
  transition<T extends object | undefined>(work: (tx: Transition) => Promise<T>): Promise<T>
}

/** What an operation adds to the record that the dispatcher writes. */
export interface AuditNotes {
  resource(resource: { accountId: string; arn: string }): void
  /** Becomes `additionalEventData`. */
  note(facts: Record<string, unknown>): void
}

/** An operation with its shapes, bound to what it works on. */
export interface ServiceOperation {
  readonly name: string
  readonly input: Members
  readonly output: Members | null
  /** As CloudTrail's `readOnly`: whether it changes nothing. */
  readonly readOnly: boolean
  run(request: Record<string, unknown>, call: Call): Promise<object | undefined>
}

/** An AWS API that this deployment speaks. */
export interface Service {
  /** In the credential scope. */
  readonly signingName: string
  /** Before the dot in X-Amz-Target. */
  readonly targetPrefix: string
  readonly eventSource: string
  readonly operations: ReadonlyMap<string, ServiceOperation>
  /** What AWS has; operations that are not in `operations` are not supported yet. */
  readonly operationNames: ReadonlySet<string>
}
