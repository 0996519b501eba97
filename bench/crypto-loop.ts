import { cryptoCall, type CryptoCall } from './crypto-call.ts'

/** What one of many calls in a row takes. */
export interface LoopResult {
  readonly us: number
  /** Of the processor, in all threads. */
  readonly cpuUs: number
}

// A process of its own; prints JSON. Arguments: the call as JSON, seconds.
const run = cryptoCall(JSON.parse(process.argv[2] ?? '') as CryptoCall)
const seconds = Number(process.argv[3])

/** At least one call, however long it takes. */
function repeatFor(ms: number): LoopResult {
  const startedAt = performance.now()
  const cpuAtStart = process.cpuUsage()
  let calls = 0
  for (;;) {
    run()
    calls++
    const tookMs = performance.now() - startedAt
    if (tookMs < ms) continue
    const { user, system } = process.cpuUsage(cpuAtStart)
    return { us: (tookMs * 1000) / calls, cpuUs: (user + system) / calls }
  }
}

// The first are the compiler's.
repeatFor(100)
console.log(JSON.stringify(repeatFor(seconds * 1000)))
