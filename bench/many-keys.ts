import { cp } from 'node:fs/promises'
import { askAll } from './client-connection.ts'
import { atMost, median, spread, type Figure } from './figure.ts'
import { manyKeysDeployment } from './many-keys-deployment.ts'
import { describe } from './operation-cost.ts'
import { startKeywright, type PinnedServer } from './pinned-process.ts'
import { residentMiB } from './process-usage.ts'
import type { Bench, Question } from './question.ts'
import { writeRequestFile } from './request-file.ts'
import { encryptRequests } from './signed-request.ts'
import { peakRound, type Round } from './wrk.ts'

const FEW_KEYS = 10
/** The small cache holds one key in so many: nearly every request reads the store. */
const CACHED_OF = 10

/** What do many keys, all used alike, cost in memory and on each Encrypt, and what when the cache is too small for them? */
export const manyKeys: Question = { name: 'many-keys', ask: measure }

interface Subject {
  readonly name: string
  readonly server: PinnedServer
  readonly requestFile: string
  readonly rounds: Round[]
}

async function measure(bench: Bench): Promise<Figure[]> {
  const { cores, connections, seconds, say } = bench
  const { dataDir: made, keyIds } = await manyKeysDeployment(bench)
  const start = async (flags: readonly string[] = []) => {
    const dataDir = bench.fresh('data')
    await cp(made, dataDir, { recursive: true })
    return startKeywright(cores.server, dataDir, flags)
  }
  const small = Math.floor(bench.manyKeys / CACHED_OF)
  await using few = await start()
  await using many = await start()
  await using bounded = await start(['--cache-keys', String(small)])
  const fewMiBAtStart = residentMiB(few.pid)

  // As many requests for each, so that the generator has the same work. Uniform: every key equally often, in an order
  // that never comes back to a key before all others were used, which is the worst for any cache.
  const fewKeyIds = keyIds.slice(0, FEW_KEYS)
  const subjects: Subject[] = [
    { name: `${FEW_KEYS} keys`, server: few, requestFile: bench.fresh('requests'), rounds: [] },
    { name: `${keyIds.length} keys`, server: many, requestFile: bench.fresh('requests'), rounds: [] },
    { name: `${small} of them cached`, server: bounded, requestFile: bench.fresh('requests'), rounds: [] },
  ]
  const askEach = async (server: PinnedServer, ids: readonly string[]) => {
    const requests = encryptRequests(ids, keyIds.length)
    const startedAt = performance.now()
    await askAll(server.port, requests, connections)
    return ((performance.now() - startedAt) * 1000) / requests.length
  }
  await askEach(few, fewKeyIds)
  const firstUseUs = await askEach(many, keyIds)
  await askEach(bounded, keyIds)
  const memory = subjects.map(({ server }) => residentMiB(server.pid))

  // Signed only now: a signature is good for five minutes.
  for (const { server, requestFile } of subjects) {
    writeRequestFile(requestFile, encryptRequests(server === few ? fewKeyIds : keyIds, keyIds.length))
  }
  for (let i = 1; i <= bench.rounds; i++) {
    for (const { name, server, requestFile, rounds } of subjects) {
      const round = await peakRound(server, { core: cores.load, connections, seconds, requestFile })
      rounds.push(round)
      say(`  round ${i}: ${name}: ${describe(round)}`)
    }
  }
  const memoryAfter = subjects.map(({ server }) => residentMiB(server.pid))

  const [fewRounds = [], manyRounds = [], boundedRounds = []] = subjects.map(({ rounds }) => rounds)
  const against = (rounds: readonly Round[], cost: (round: Round) => number) =>
    rounds.map((round, index) => cost(round) / cost(fewRounds[index] as Round))
  const time = (round: Round) => 1 / round.requestsPerSecond
  const cpu = (round: Round) => round.cpuUsPerRequest
  const keys = keyIds.length.toLocaleString('en')
  const cached = `${keys} keys, --cache-keys ${small}`
  const manyTimes = against(manyRounds, time)
  const mib = (values: readonly number[], index: number) => `${values[index]?.toFixed(0)} MiB`
  return [
    { name: 'memory at start, no key used', value: `${fewMiBAtStart.toFixed(0)} MiB` },
    { name: `memory, ${FEW_KEYS} keys, as many requests`, value: mib(memory, 0) },
    { name: `memory, ${keys} keys used once`, value: mib(memory, 1) },
    { name: `memory, ${cached}, each used once`, value: mib(memory, 2) },
    { name: `memory after the rounds, ${keys} keys`, value: mib(memoryAfter, 1) },
    { name: `first use of a key`, value: `${firstUseUs.toFixed(0)} µs per request` },
    {
      name: `Encrypt's time, ${keys} keys against ${FEW_KEYS}`,
      value: spread(manyTimes, 2),
      target: atMost(median(manyTimes), 1.5),
    },
    { name: `Encrypt's CPU, ${keys} keys against ${FEW_KEYS}`, value: spread(against(manyRounds, cpu), 2) },
    { name: `Encrypt's time, ${cached}`, value: spread(against(boundedRounds, time), 2) },
    { name: `Encrypt's CPU, ${cached}`, value: spread(against(boundedRounds, cpu), 2) },
  ]
}
