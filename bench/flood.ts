import { setTimeout } from 'node:timers/promises'
import { atMost, median, spread, type Figure } from './figure.ts'
import { createKey } from './crypto-cost.ts'
import { openLoop } from './operation-cost.ts'
import type { OpenLoopResult } from './open-loop.ts'
import { startKeywright, type PinnedServer } from './pinned-process.ts'
import { cpuUs } from './process-usage.ts'
import type { Bench, Question } from './question.ts'
import { startFlood } from './request-flood.ts'
import { writeRequestFile } from './request-file.ts'
import { encryptRequests } from './signed-request.ts'
import { peakRound } from './wrk.ts'

/**
 * What becomes of Encrypt while others have RSA_4096 keys and data key pairs made, and sign with them, as fast as they can? With
 * the server on two CPUs, which the load has to share with it, and on one, which all of its threads share.
 */
export const flood: Question = {
  name: 'flood',
  async ask(bench) {
    const { server, load } = bench.cores
    return [
      ...(await flooded(bench, { server: [load, server], load: [load, server] })),
      ...(await flooded(bench, { server: [server], load })),
    ]
  },
}

const KEYS = 10
const REQUESTS = 20_000
/** Of the peak: a server with room to spare, so that what is measured is the flood and not its own queue. */
const SHARE_OF_PEAK = 0.3
const ROUNDS = 3
const FLOODING_CONNECTIONS = 16
const KEY_SPEC = 'RSA_4096'

interface Layout {
  readonly server: readonly number[]
  readonly load: number | readonly number[]
}

async function flooded(bench: Bench, cores: Layout): Promise<Figure[]> {
  const { connections, seconds, say } = bench
  const rounds = Math.min(ROUNDS, bench.rounds)
  await using server = await startKeywright(cores.server, bench.fresh('data'))
  const keyIds: string[] = []
  for (let i = 0; i < KEYS; i++) keyIds.push(await createKey(server, {}))
  const [sealingKey = ''] = keyIds
  const signingKey = await createKey(server, { KeySpec: KEY_SPEC, KeyUsage: 'SIGN_VERIFY' })
  const floods = [
    { operation: 'CreateKey', input: { KeySpec: KEY_SPEC, KeyUsage: 'SIGN_VERIFY' } },
    { operation: 'GenerateDataKeyPair', input: { KeyPairSpec: KEY_SPEC, KeyId: sealingKey } },
    {
      operation: 'Sign',
      input: { KeyId: signingKey, Message: 'Ynl0ZXM=', SigningAlgorithm: 'RSASSA_PSS_SHA_256' },
    },
  ].map((flood) => ({ ...flood, results: [] as OpenLoopResult[], rates: [] as number[] }))

  const requestFile = bench.fresh('requests')
  const where = `server on ${cores.server.length} CPU${cores.server.length > 1 ? 's' : ''}`
  const alone: OpenLoopResult[] = []
  const peaks: number[] = []
  for (let round = 0; round <= rounds; round++) {
    // Signed anew for each round: a signature is good for five minutes.
    writeRequestFile(requestFile, encryptRequests(keyIds, REQUESTS))
    const peak = await peakRound(server, { core: bench.cores.load, connections, seconds, requestFile })
    // The first is the compiler's.
    if (round === 0) continue
    peaks.push(peak.requestsPerSecond)
    const rate = Math.floor(median(peaks) * SHARE_OF_PEAK)
    const measure = () => openLoop(bench, server, requestFile, rate, cores.load)
    alone.push(await measure())
    say(`  ${where}, round ${round}, alone at ${rate}/s: ${JSON.stringify(alone.at(-1))}`)
    for (const { operation, input, results, rates } of floods) {
      const flood = startFlood(server.port, FLOODING_CONNECTIONS, operation, input)
      results.push(await measure())
      const { answered, throttled, seconds: took } = flood.stop()
      rates.push(answered / took)
      await idle(server)
      say(
        `  ${where}, round ${round}, during ${operation} ${KEY_SPEC} (${answered} answered, ${throttled} throttled ` +
          `in ${took.toFixed(1)} s): ${JSON.stringify(results.at(-1))}`,
      )
    }
  }

  const ms = (results: readonly OpenLoopResult[], take: (result: OpenLoopResult) => number) =>
    `${spread(results.map(take), 2)} ms`
  const p50 = ({ p50Ms }: OpenLoopResult) => p50Ms
  const p99 = ({ p99Ms }: OpenLoopResult) => p99Ms
  return [
    {
      name: `Encrypt at ${SHARE_OF_PEAK * 100} % of peak alone, ${where}: p50; p99`,
      value: `${ms(alone, p50)}; ${ms(alone, p99)}`,
    },
    ...floods.flatMap(({ operation, results, rates }): Figure[] => {
      const factors = results.map((result, round) => p99(result) / p99(alone[round] as OpenLoopResult))
      return [
        {
          name: `  during ${operation} ${KEY_SPEC}: p50; p99; its answers`,
          value: `${ms(results, p50)}; ${ms(results, p99)}; ${spread(rates, 1)} per second`,
        },
        {
          name: '  its p99 against that alone',
          value: spread(factors, 2),
          // Signatures are asked for as data is, and have their share; what a flood of new keys may take is bounded.
          ...(operation !== 'Sign' && { target: atMost(median(factors), 2) }),
        },
      ]
    }),
  ]
}

/** What was asked for is still made, and the reserve filled, when nobody waits for it any more. */
async function idle({ pid }: PinnedServer): Promise<void> {
  let usedUs = Number.NaN
  for (let before = cpuUs(pid); !(usedUs <= 20_000); before += usedUs) {
    await setTimeout(500)
    usedUs = cpuUs(pid) - before
  }
}
