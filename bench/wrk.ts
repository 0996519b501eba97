import { fileOf, runPinned, type PinnedServer } from './pinned-process.ts'
import { cpuUs } from './process-usage.ts'

/** One round at full load. */
export interface Round {
  readonly requestsPerSecond: number
  /** In the server, all of its threads, user and system. */
  readonly cpuUsPerRequest: number
  readonly requests: number
}

/**
 * Loads a server with as many requests as it answers: each connection sends its next request when it has its answer.
 * @throws Error when a single answer was not a success
 */
export async function peakRound(
  server: PinnedServer,
  load: {
    readonly core: number
    readonly connections: number
    readonly seconds: number
    readonly requestFile: string
  },
): Promise<Round> {
  const cpuBeforeUs = cpuUs(server.pid)
  const text = await runPinned(load.core, 'wrk', [
    '--threads=1',
    `--connections=${load.connections}`,
    `--duration=${load.seconds}s`,
    `--script=${fileOf('wrk-requests.lua')}`,
    server.url,
    '--',
    load.requestFile,
  ])
  const usedUs = cpuUs(server.pid) - cpuBeforeUs
  const result = JSON.parse(text.trim().split('\n').at(-1) ?? '') as {
    requests: number
    seconds: number
    refused: number
    broken: number
  }
  const { requests, seconds, refused, broken } = result
  if (requests === 0 || refused > 0 || broken > 0) {
    throw new Error(`of ${requests} requests ${refused} were refused and ${broken} broke off: ${server.url}`)
  }
  return { requests, requestsPerSecond: requests / seconds, cpuUsPerRequest: usedUs / requests }
}
