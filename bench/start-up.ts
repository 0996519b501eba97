import { cp } from 'node:fs/promises'
import { ask } from './client-connection.ts'
import { below, median, spread, type Figure } from './figure.ts'
import { manyKeysDeployment } from './many-keys-deployment.ts'
import { startKeywright } from './pinned-process.ts'
import { residentMiB } from './process-usage.ts'
import type { Bench, Question } from './question.ts'
import { encryptRequests, requestSigner } from './signed-request.ts'

const STARTS = 7

/** How long is it from the start of the process to its first answer, and how much memory is it then? */
export const startUp: Question = { name: 'start-up', ask: measure }

async function measure(bench: Bench): Promise<Figure[]> {
  const starts = bench.quick ? 3 : STARTS
  const empty: Start[] = []
  for (let i = 0; i < starts; i++) empty.push(await startOnce(bench, bench.fresh('empty'), () => listKeys()))

  const { dataDir: made, keyIds } = await manyKeysDeployment(bench)
  const dataDir = bench.fresh('many-keys-started')
  await cp(made, dataDir, { recursive: true })
  const full: Start[] = []
  // An Encrypt reads its key, so the store is at work when the answer comes.
  for (let i = 0; i < starts; i++) {
    full.push(await startOnce(bench, dataDir, () => encryptRequests([keyIds[i] as string], 1)[0] as Buffer))
  }

  const keys = bench.manyKeys.toLocaleString('en')
  const seconds = (taken: readonly Start[]) => taken.map(({ firstAnswerMs }) => firstAnswerMs / 1000)
  const memory = (taken: readonly Start[]) => taken.map(({ residentMiB }) => residentMiB)
  return [
    {
      name: 'first answer, empty directory',
      value: `${spread(seconds(empty), 2)} s`,
      target: below(median(seconds(empty)), 1, ' s'),
    },
    { name: 'memory then', value: `${spread(memory(empty), 0)} MiB` },
    {
      name: `first answer, ${keys} keys`,
      value: `${spread(seconds(full), 2)} s`,
      target: below(median(seconds(full)), 2, ' s'),
    },
    {
      name: `memory then, ${keys} keys`,
      value: `${spread(memory(full), 0)} MiB`,
      target: below(median(memory(full)), 300, ' MiB'),
    },
  ]
}

interface Start {
  readonly firstAnswerMs: number
  readonly residentMiB: number
}

async function startOnce({ cores, say }: Bench, dataDir: string, request: () => Buffer): Promise<Start> {
  const startedAt = performance.now()
  await using server = await startKeywright(cores.server, dataDir)
  await ask(server.port, request())
  const start = { firstAnswerMs: performance.now() - startedAt, residentMiB: residentMiB(server.pid) }
  say(`  ${start.firstAnswerMs.toFixed(0)} ms, ${start.residentMiB.toFixed(0)} MiB`)
  return start
}

function listKeys(): Buffer {
  return requestSigner()('ListKeys', {})
}
