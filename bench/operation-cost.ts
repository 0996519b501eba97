import { ask, askAll } from './client-connection.ts'
import { datasyncLatency } from './datasync.ts'
import { atLeast, below, median, spread, type Figure } from './figure.ts'
import { averageCommit, journalTotals } from './journal-totals.ts'
import type { OpenLoopResult } from './open-loop.ts'
import { fileOf, runPinned, startBareServer, startKeywright, type PinnedServer } from './pinned-process.ts'
import type { Bench } from './question.ts'
import { writeRequestFile } from './request-file.ts'
import { requestSigner } from './signed-request.ts'
import { peakRound, type Round } from './wrk.ts'

const KEYS = 10
const REQUESTS = 20_000
const SHARE_OF_PEAK = 0.8

/** An operation whose cost is asked for. */
export interface MeasuredOperation {
  readonly name: string
  /** So many different signed requests over these keys; the server may be asked for what they need. */
  makeRequests(port: number, keyIds: readonly string[], count: number): Buffer[] | Promise<Buffer[]>
  /** Of the bare server's requests per second. */
  readonly ratioTarget?: number
  readonly p99TargetMs?: number
}

/**
 * Measures an operation against `bare-server.ts`: the same requests over as many connections, in alternating rounds, so
 * that whatever else the machine does meanwhile disturbs both.
 */
export async function operationCost(bench: Bench, operation: MeasuredOperation): Promise<Figure[]> {
  const { cores, connections, seconds, rounds, latencyRounds, say } = bench
  const dataDir = bench.fresh('data')
  const requestFile = bench.fresh('requests')
  await using keywright = await startKeywright(cores.server, dataDir)
  const keyIds = await createKeys(keywright.port, KEYS)
  const requests = await operation.makeRequests(keywright.port, keyIds, REQUESTS)
  writeRequestFile(requestFile, requests)
  const [answer = ''] = await askAll(keywright.port, requests.slice(0, 1))
  await using bare = await startBareServer(cores.server, answer.length)

  const peak = (server: PinnedServer) =>
    peakRound(server, { core: cores.load, connections, seconds, requestFile })
  // Neither is measured before its code has been compiled, which takes Keywright some ten thousand requests.
  await peak(bare)
  for (let i = 0; i < 2; i++) await peak(keywright)
  const before = await journalTotals(keywright.url, dataDir)
  const pairs: { bare: Round; keywright: Round }[] = []
  for (let i = 1; i <= rounds; i++) {
    const pair = { bare: await peak(bare), keywright: await peak(keywright) }
    pairs.push(pair)
    say(`  ${operation.name} round ${i}: bare ${describe(pair.bare)}; keywright ${describe(pair.keywright)}`)
  }
  const commit = averageCommit(before, await journalTotals(keywright.url, dataDir))

  const openLoops: OpenLoopResult[] = []
  for (let i = 0; i < latencyRounds; i++) {
    // The machine's speed changes by a tenth from minute to minute; 80 % of an earlier peak may be 95 % of today's.
    const { requestsPerSecond } = await peak(keywright)
    const rate = Math.floor(requestsPerSecond * SHARE_OF_PEAK)
    const result = await openLoop(bench, keywright, requestFile, rate)
    openLoops.push(result)
    say(`  ${operation.name} open loop ${i + 1} at ${rate}/s: ${JSON.stringify(result)}`)
  }
  const disk = datasyncLatency(bench.fresh('block'), commit.bytes, seconds)

  const of = (take: (pair: { bare: Round; keywright: Round }) => number) => pairs.map(take)
  const ratios = of((pair) => pair.keywright.requestsPerSecond / pair.bare.requestsPerSecond)
  const p99s = openLoops.map(({ p99Ms }) => p99Ms)
  const figure = (name: string, value: string, target?: Figure['target']): Figure => ({
    name: `${operation.name}: ${name}`,
    value,
    ...(target && { target }),
  })
  return [
    figure(
      'ratio to bare node:http',
      spread(ratios, 3),
      operation.ratioTarget === undefined ? undefined : atLeast(median(ratios), operation.ratioTarget),
    ),
    figure(
      'the same by CPU per request',
      spread(
        of((pair) => pair.bare.cpuUsPerRequest / pair.keywright.cpuUsPerRequest),
        3,
      ),
    ),
    figure(
      'requests per second',
      spread(
        of((pair) => pair.keywright.requestsPerSecond),
        0,
      ),
    ),
    figure(
      'bare, requests per second',
      spread(
        of((pair) => pair.bare.requestsPerSecond),
        0,
      ),
    ),
    figure(
      'CPU per request, all threads',
      `${spread(
        of((pair) => pair.keywright.cpuUsPerRequest),
        1,
      )} µs`,
    ),
    figure(
      'bare, CPU per request',
      `${spread(
        of((pair) => pair.bare.cpuUsPerRequest),
        1,
      )} µs`,
    ),
    figure(
      "share of the CPU that it got, bare's",
      `${percent(of((pair) => busyShare(pair.keywright)))}, ${percent(of((pair) => busyShare(pair.bare)))}`,
    ),
    figure(
      'p50 at 80 % of peak',
      `${spread(
        openLoops.map(({ p50Ms }) => p50Ms),
        2,
      )} ms`,
    ),
    figure(
      'p99 at 80 % of peak',
      `${spread(p99s, 2)} ms`,
      operation.p99TargetMs === undefined ? undefined : below(median(p99s), operation.p99TargetMs, ' ms'),
    ),
    figure(
      'group commit at peak',
      `${commit.records.toFixed(0)} records, ${commit.bytes} bytes, ${commit.ms.toFixed(2)} ms`,
    ),
    figure(
      'append + fdatasync of such a block',
      `p50 ${disk.p50Ms.toFixed(2)} ms, p99 ${disk.p99Ms.toFixed(2)} ms, longest ${disk.maxMs.toFixed(1)} ms`,
    ),
  ]
}

export async function createKeys(port: number, count: number): Promise<string[]> {
  const sign = requestSigner()
  const made = Array.from({ length: count }, () =>
    ask<{ KeyMetadata: { KeyId: string } }>(port, sign('CreateKey', { Description: 'bench' })),
  )
  return (await Promise.all(made)).map(({ KeyMetadata }) => KeyMetadata.KeyId)
}

/** Latencies at a constant rate; the load's CPU, if it is not its own, is one that the server may use too. */
export async function openLoop(
  { cores, connections, seconds }: Bench,
  server: PinnedServer,
  requestFile: string,
  rate: number,
  loadCores: number | readonly number[] = cores.load,
): Promise<OpenLoopResult> {
  const text = await runPinned(loadCores, process.execPath, [
    fileOf('open-loop.ts'),
    String(server.port),
    requestFile,
    String(rate),
    String(seconds),
    String(connections),
    ...(loadCores === cores.load ? [] : ['shares-cpu']),
  ])
  return JSON.parse(text) as OpenLoopResult
}

/** At full load less than all of it means that something else was using the server's CPU. */
function busyShare({ requestsPerSecond, cpuUsPerRequest }: Round): number {
  return (requestsPerSecond * cpuUsPerRequest) / 1e6
}

function percent(shares: readonly number[]): string {
  return `${(median(shares) * 100).toFixed(0)} %`
}

export function describe({ requestsPerSecond, cpuUsPerRequest }: Round): string {
  return `${requestsPerSecond.toFixed(0)}/s at ${cpuUsPerRequest.toFixed(1)} µs of CPU`
}
