import { askAll } from './client-connection.ts'
import { atLeast, median, spread, type Figure } from './figure.ts'
import { createKeys, describe } from './operation-cost.ts'
import { startKeywright, type PinnedServer } from './pinned-process.ts'
import type { Bench, Question } from './question.ts'
import { writeRequestFile } from './request-file.ts'
import { encryptRequests } from './signed-request.ts'
import { peakRound, type Round } from './wrk.ts'

const KEYS = 10
const REQUESTS = 20_000

/** What do request quotas cost an Encrypt that is within them? */
export const quotas: Question = { name: 'quotas', ask: measure }

async function measure(bench: Bench): Promise<Figure[]> {
  const { cores, connections, rounds, seconds, say } = bench
  // AWS's figure for us-east-1 is far above what one CPU serves, so nothing is refused.
  const limited = ['--request-quotas', 'aws,CreateKey=100']
  await using without = await startKeywright(cores.server, bench.fresh('data'), ['--request-quotas', 'off'])
  await using withQuotas = await startKeywright(cores.server, bench.fresh('data'), limited)
  const subjectOf = async (server: PinnedServer) => {
    const requestFile = bench.fresh('requests')
    const requests = encryptRequests(await createKeys(server.port, KEYS), REQUESTS)
    writeRequestFile(requestFile, requests)
    await askAll(server.port, requests.slice(0, KEYS))
    return () => peakRound(server, { core: cores.load, connections, seconds, requestFile })
  }
  const [off, on] = [await subjectOf(without), await subjectOf(withQuotas)]
  // Neither is measured before its code has been compiled.
  for (let i = 0; i < 2; i++) {
    await off()
    await on()
  }
  const pairs: { off: Round; on: Round }[] = []
  for (let i = 1; i <= rounds; i++) {
    // Who is first may find the machine in another state; they take turns.
    const first = i % 2 === 0 ? await on() : undefined
    const pair = { off: await off(), on: first ?? (await on()) }
    pairs.push(pair)
    say(`  round ${i}: off ${describe(pair.off)}; on ${describe(pair.on)}`)
  }
  const ratios = pairs.map((pair) => pair.on.requestsPerSecond / pair.off.requestsPerSecond)
  const cpu = pairs.map((pair) => pair.on.cpuUsPerRequest / pair.off.cpuUsPerRequest)
  return [
    {
      name: "Encrypt's requests per second with request quotas, to those without",
      value: spread(ratios, 3),
      target: atLeast(median(ratios), 0.98),
    },
    { name: "Encrypt's CPU with request quotas, to that without", value: spread(cpu, 3) },
  ]
}
