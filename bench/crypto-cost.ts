import { randomBytes } from 'node:crypto'
import { ask, askAll } from './client-connection.ts'
import { MESSAGE_BYTES, type CryptoCall } from './crypto-call.ts'
import type { LoopResult } from './crypto-loop.ts'
import { median, spread, type Figure } from './figure.ts'
import { fileOf, runPinned, startKeywright, type PinnedServer } from './pinned-process.ts'
import { cpuUs } from './process-usage.ts'
import type { Bench } from './question.ts'
import { writeRequestFile } from './request-file.ts'
import { newContext, requestSigner } from './signed-request.ts'
import { peakRound, type Round } from './wrk.ts'

// Many enough that no connection ever sends what another has just sent.
const REQUESTS = 4000
// Some of the server's answers are inputs of the next operation, and an RSA signature takes it two milliseconds.
const INPUTS = 100
const ROUNDS = 3
const LOOP_SECONDS = 0.5

type Input = Readonly<Record<string, unknown>>

/** An operation with one kind of key, and the call of `node:crypto` that is the heart of it. */
export interface CryptoSubject {
  readonly operation: string
  /** Key, algorithm: what tells it from the others. */
  readonly what: string
  readonly key: { readonly KeySpec: string; readonly KeyUsage: string }
  /** Inputs of the operation on this key, whose requests are then sent in turn. */
  inputs(server: PinnedServer, KeyId: string, count: number): Input[] | Promise<Input[]>
  readonly call: CryptoCall
  /** Why the call is not the same work, when `node:crypto` lacks that. */
  readonly nearest?: string
  /** So many requests, two at a time, in place of the usual rounds: where one takes long, and how long is chance. */
  readonly few?: number
}

/** What is signed, encrypted and so on. */
export function newMessage(lengthBytes = MESSAGE_BYTES): string {
  return randomBytes(lengthBytes).toString('base64')
}

/** What every one of these is seen beside. */
const encryptSubject: CryptoSubject = {
  operation: 'Encrypt',
  what: 'SYMMETRIC_DEFAULT',
  key: { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT' },
  inputs: (_, __, count) =>
    Array.from({ length: count }, () => ({ Plaintext: newMessage(), EncryptionContext: newContext() })),
  call: { name: 'seal' },
}

/**
 * What the server needs for operations beyond the cryptography: requests per second at full load against calls of the same
 * function of `node:crypto` in a loop of one process, on the same CPU and in turns. `ratio` is one rate by the other, `overhead`
 * the CPU that a request takes more than a call. The server's threads for private keys share that one CPU with its event
 * loop, so what a thread saves the loop is not to be seen here. Each comes beside the Encrypt of the same run.
 */
export async function cryptoCost(bench: Bench, subjects: readonly CryptoSubject[]): Promise<Figure[]> {
  await using server = await startKeywright(bench.cores.server, bench.fresh('data'))
  // Twice: the first is the compiler's.
  await measured(bench, server, encryptSubject)
  const figures: Figure[] = []
  for (const subject of [encryptSubject, ...subjects]) figures.push(await measured(bench, server, subject))
  return figures
}

async function measured(bench: Bench, server: PinnedServer, subject: CryptoSubject): Promise<Figure> {
  const { cores, connections, quick, say } = bench
  const requestFile = bench.fresh('requests')
  const requests = await requestsOf(server, subject)
  writeRequestFile(requestFile, requests)
  const round = async (seconds: number): Promise<Round> => {
    if (subject.few !== undefined) return fewRequests(server, requests.slice(0, subject.few))
    // When the load ends as many requests as there are connections still wait for a thread; this one comes after them.
    await askAll(server.port, requests.slice(0, 1))
    return peakRound(server, { core: cores.load, connections, seconds, requestFile })
  }
  await round(1)
  const rounds: { server: Round; loop: LoopResult }[] = []
  for (let i = 0; i < (quick || subject.few !== undefined ? 1 : ROUNDS); i++) {
    const server = await round(quick ? 1 : 2)
    const seconds = Math.max(LOOP_SECONDS, server.requests / server.requestsPerSecond / 2)
    rounds.push({ server, loop: await loop(cores.server, subject, seconds) })
  }
  const figure = { name: `${subject.operation} ${subject.what}`, value: describe(rounds, subject.nearest) }
  say(`  ${figure.name}: ${figure.value}`)
  return figure
}

function describe(
  rounds: readonly { server: Round; loop: LoopResult }[],
  nearest: string | undefined,
): string {
  const middle = (take: (round: (typeof rounds)[number]) => number, digits: number) =>
    median(rounds.map(take)).toFixed(digits)
  const byRate = rounds.map(({ server, loop }) => (server.requestsPerSecond * loop.us) / 1e6)
  return [
    `ratio ${spread(byRate, 3)}`,
    `by CPU ${middle(({ server, loop }) => loop.cpuUs / server.cpuUsPerRequest, 3)}`,
    `${middle(({ server }) => server.requestsPerSecond, 0)}/s`,
    `${middle(({ server }) => server.cpuUsPerRequest, 0)} µs of CPU`,
    `node:crypto ${middle(({ loop }) => loop.cpuUs, 1)} µs`,
    `overhead ${middle(({ server, loop }) => server.cpuUsPerRequest - loop.cpuUs, 0)} µs`,
    ...(nearest === undefined ? [] : [nearest]),
  ].join('; ')
}

async function loop(core: number, { call }: CryptoSubject, seconds: number): Promise<LoopResult> {
  const args = [fileOf('crypto-loop.ts'), JSON.stringify(call), String(seconds)]
  return JSON.parse(await runPinned(core, process.execPath, args)) as LoopResult
}

async function fewRequests(server: PinnedServer, requests: readonly Buffer[]): Promise<Round> {
  const cpuBeforeUs = cpuUs(server.pid)
  const startedAt = performance.now()
  await askAll(server.port, requests, 2)
  const seconds = (performance.now() - startedAt) / 1000
  return {
    requests: requests.length,
    requestsPerSecond: requests.length / seconds,
    cpuUsPerRequest: (cpuUs(server.pid) - cpuBeforeUs) / requests.length,
  }
}

async function requestsOf(server: PinnedServer, subject: CryptoSubject): Promise<Buffer[]> {
  const KeyId = await createKey(server, subject.key)
  const inputs = await subject.inputs(server, KeyId, INPUTS)
  const sign = requestSigner()
  return Array.from({ length: REQUESTS }, (_, n) =>
    sign(subject.operation, { KeyId, ...inputs[n % inputs.length] }),
  )
}

export async function createKey({ port }: PinnedServer, request: Input): Promise<string> {
  const { KeyMetadata } = await ask<{ KeyMetadata: { KeyId: string } }>(
    port,
    requestSigner()('CreateKey', request),
  )
  return KeyMetadata.KeyId
}

/** What the server answers to these inputs of an operation. */
export async function answersTo<Answer>(
  { port }: PinnedServer,
  operation: string,
  inputs: readonly Input[],
): Promise<Answer[]> {
  const sign = requestSigner()
  const bodies = await askAll(
    port,
    inputs.map((input) => sign(operation, input)),
    8,
  )
  return bodies.map((body) => JSON.parse(body) as Answer)
}
