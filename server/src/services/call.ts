import type { Caller } from '../identity/caller.ts'
import type { RequestFacts } from '../identity/request-facts.ts'
import type { Standing } from '../identity/standing.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Transition } from '../store/store.ts'
import type { Members } from '../shape.ts'

/** One authenticated request, as its operation sees it. */
export interface Call {
  readonly caller: Caller
  /** What decides on the caller's side what it may do. */
  readonly standing: Standing
  readonly facts: RequestFacts
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

/** The same call, as if it had come to another Region. */
export function callInRegion(call: Call, region: string): Call {
  const { caller, standing, facts, requestId, audit } = call
  return {
    caller,
    standing,
    facts: { ...facts, region },
    region,
    requestId,
    audit,
    use: (entry) => call.use(entry),
    transition: (work) => call.transition(work),
  }
}

/** What an operation adds to the record that the dispatcher writes. */
export interface AuditNotes {
  resource(resource: { accountId: string; arn: string }): void
  /** Becomes `additionalEventData`. */
  note(facts: Record<string, unknown>): void
  /**
   * Of an unsigned request: who sent it, once its operation has verified that. Until then nothing is recorded: nobody
   * without credentials can fill the journal.
   */
  identity(caller: Caller): void
  /**
   * The call uses a key, which counts once it has succeeded and its record is durable.
   *
   * @param as what the use is called, when not by the name of the operation
   */
  used(key: { readonly region: string; readonly keyId: string }, materialId?: string, as?: string): void
  /** Calls back once the record of this call is durable, whatever it says. */
  afterwards(callback: (eventId: string) => void): void
}

/** An operation with its shapes, bound to what it works on. */
export interface ServiceOperation {
  readonly name: string
  readonly input: Members
  readonly output: Members | null
  /** As CloudTrail's `readOnly`: whether it changes nothing. */
  readonly readOnly: boolean
  /** The record has the answer, though nothing is changed: whom credentials were given to. */
  readonly recordsAnswer?: true
  /** It answers nothing, and the record names the key that it changed where other records have the answer. */
  readonly recordsKey?: true
  /** Where a REST-JSON operation is found; `uri` may hold `{member}`. */
  readonly http?: { readonly method: string; readonly uri: string }
  /**
   * Asked once for each request that is read and of the right shape: whether its caller's account may make one more now.
   * @throws AwsError
   */
  admit?(request: Record<string, unknown>, call: Call): void
  /** It comes without a signature, or with one that is not looked at; `call.standing` is `anonymous`. */
  readonly unsigned?: true
  /** The same operation in China Regions, where it takes other values. */
  readonly inChina?: ServiceOperation
  run(request: Record<string, unknown>, call: Call): Promise<object | undefined>
}

/** An AWS API that this deployment speaks. */
export interface Service {
  /** In the credential scope. */
  readonly signingName: string
  readonly protocol: Protocol
  /** A global service: its requests may be scoped to us-east-1, whatever Regions are configured. */
  readonly global?: true
  readonly eventSource: string
  readonly operations: ReadonlyMap<string, ServiceOperation>
  /** What AWS has; operations that are not in `operations` are not supported yet. */
  readonly operationNames: ReadonlySet<string>
}

export type Protocol =
  /** AWS JSON 1.1; `targetPrefix` stands before the dot in X-Amz-Target. */
  | { readonly type: 'json'; readonly targetPrefix: string }
  /** AWS Query: a form in, XML out. */
  | { readonly type: 'query'; readonly version: string; readonly xmlNamespace: string }
  | { readonly type: 'rest-json' }
