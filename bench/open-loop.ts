import { percentile } from './figure.ts'
import { ClientConnection } from './client-connection.ts'
import { readRequestFile } from './request-file.ts'

/**
 * Sends requests at a constant rate, whatever the server does, and takes each latency from the moment at which its
 * request should have been sent: a server that stalls delays everything that was due meanwhile, and all of that counts
 * (a closed loop would just ask less often). A request that finds every connection waiting waits too, on the clock.
 *
 * A process of its own. Arguments: port, request file, requests per second, seconds, connections, and `shares-cpu` when the
 * server may use the same CPU. Prints JSON.
 */
export interface OpenLoopResult {
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** 99th percentile of how late requests were sent although a connection was free: what the generator adds itself. */
  readonly sendDelayP99Ms: number
}

const [port = 0, , rate = 0, seconds = 0, connections = 0] = process.argv.slice(2).map(Number)
const requests = readRequestFile(process.argv[3] ?? '')
const sharesCpu = process.argv[7] === 'shares-cpu'

// Neither the generator's nor the server's code is compiled for this load yet; what is sent meanwhile does not count.
const WARM_UP_SECONDS = 2

const uncounted = Math.floor(rate * WARM_UP_SECONDS)
const count = uncounted + Math.floor(rate * seconds)
const latencies = new Float64Array(count)
const sendDelays: number[] = []
const idle: ClientConnection[] = []
let due = 0
let sent = 0
let answered = 0
let startedAt = 0

function fail(error: Error): never {
  console.error(`the open loop broke off: ${error.message}`)
  process.exit(1)
}

function dueAt(index: number): number {
  return startedAt + (index * 1000) / rate
}

function send(connection: ClientConnection): void {
  const index = sent++
  connection.send(requests[index % requests.length] as Buffer, ({ status, body }) => {
    if (status !== 200) fail(new Error(`a request was refused with ${status}: ${body()}`))
    latencies[index] = performance.now() - dueAt(index)
    answered++
    if (answered === count) finish()
    else if (sent < due) send(connection)
    else idle.push(connection)
  })
}

// A timer is late by up to a millisecond, so the thread itself sleeps between two looks at the clock, for as long as a
// request or two take to become due. Turning without a pause would be more exact by a tenth of a millisecond, but takes the
// whole CPU: then the kernel's own threads all run on the server's, and what is measured is them (README, "p99").
const PAUSE_MS = 0.1
const pauseOn = new Int32Array(new SharedArrayBuffer(4))

function turn(): void {
  const now = performance.now()
  while (due < count && dueAt(due) <= now) {
    const connection = idle.pop()
    due++
    if (connection === undefined) continue
    if (sent >= uncounted) sendDelays.push(now - dueAt(sent))
    send(connection)
  }
  if (answered === count) return
  if (sharesCpu) {
    setTimeout(turn, 1)
    return
  }
  Atomics.wait(pauseOn, 0, 0, PAUSE_MS)
  setImmediate(turn)
}

function finish(): void {
  const counted = latencies.subarray(uncounted).sort()
  sendDelays.sort((a, b) => a - b)
  const result: OpenLoopResult = {
    requests: counted.length,
    p50Ms: percentile(counted, 0.5),
    p99Ms: percentile(counted, 0.99),
    p999Ms: percentile(counted, 0.999),
    maxMs: percentile(counted, 1),
    sendDelayP99Ms: sendDelays.length === 0 ? 0 : percentile(sendDelays, 0.99),
  }
  console.log(JSON.stringify(result))
  process.exit(0)
}

for (let i = 0; i < connections; i++) idle.push(new ClientConnection(port, fail))
startedAt = performance.now() + 100
turn()
