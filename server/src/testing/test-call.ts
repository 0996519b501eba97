import type { Caller } from '../identity/caller.ts'
import type { RequestFacts } from '../identity/request-facts.ts'
import type { Standing } from '../identity/standing.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Transition } from '../store/store.ts'
import type { Call } from '../services/call.ts'

export const REGION = 'us-east-1'

/** What one run of an operation leaves behind, beside its answer. */
export interface Outcome {
  /** What counts as a use of a key. */
  readonly uses: readonly string[]
  readonly grounds: readonly CacheEntry<unknown>[]
  readonly resources: readonly string[]
  readonly notes: Readonly<Record<string, unknown>>
  /** Who a request without a signature turned out to be. */
  readonly identity: Caller | undefined
}

/** A call without the wire: whoever asks is given, not authenticated. `outcome` fills while it runs. */
export function testCall(
  standing: Standing,
  facts: Partial<RequestFacts> & Pick<RequestFacts, 'timeMs'>,
  change: <T>(work: (tx: Transition) => Promise<T>) => Promise<T>,
): { readonly call: Call; readonly outcome: Outcome } {
  const grounds: CacheEntry<unknown>[] = []
  const resources: string[] = []
  const notes: Record<string, unknown> = {}
  const uses: string[] = []
  const outcome = { uses, grounds, resources, notes, identity: undefined as Caller | undefined }
  const call: Call = {
    caller: standing.caller,
    standing,
    facts: {
      region: REGION,
      sourceIp: '198.51.100.7',
      userAgent: undefined,
      secureTransport: true,
      endpoint: undefined,
      ...facts,
    },
    region: facts.region ?? REGION,
    requestId: 'test',
    audit: {
      resource: ({ arn }) => {
        if (!resources.includes(arn)) resources.push(arn)
      },
      note: (more) => Object.assign(notes, more),
      identity: (caller) => {
        outcome.identity = caller
      },
      used: ({ keyId }, materialId = '', as = '') => uses.push([keyId, materialId, as].join(' ')),
      afterwards: (callback) => {
        callback('event')
      },
    },
    use: (entry) => {
      grounds.push(entry)
      return entry.value
    },
    transition: change,
  }
  return { call, outcome }
}
