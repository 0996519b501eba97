import { EventEmitter, once } from 'node:events'
import { IAM } from '@aws-sdk/client-iam'
import { KMS } from '@aws-sdk/client-kms'
import { systemRandom } from '../server/src/crypto/random.ts'
import type { OpenedDeployment } from '../server/src/deployment/open-deployment.ts'
import type { RootCredentials } from '../server/src/deployment/open-options.ts'
import { openAt, quietLog } from '../server/src/deployment/testing/deployment-fixture.ts'
import { startListener, type Listener } from '../server/src/http/listener.ts'
import { nextExpiry } from '../server/src/keys/due-material.ts'
import type { UseOperation } from '../server/src/keys/key-use.ts'
import { openLinks, type OpenedLinks } from '../server/src/links/open-links.ts'
import { startDeploymentTimers } from '../server/src/schedule/deployment-timers.ts'
import type { Timers } from '../server/src/schedule/timers.ts'
import { iamService } from '../server/src/services/iam/service.ts'
import { kmsService } from '../server/src/services/kms/service.ts'
import type { Transition } from '../server/src/store/store.ts'
import { createMetrics } from '../server/src/telemetry/metrics.ts'
import { createRateLimitedLog } from '../server/src/telemetry/rate-limited-log.ts'
import { heldClock, type HeldClock } from '../server/src/testing/held-clock.ts'
import { createAuthenticator } from '../server/src/wire/authenticate.ts'
import { createDispatcher } from '../server/src/wire/dispatch.ts'
import { createRouter } from '../server/src/wire/route.ts'
import { kmsClient } from './kms-client.ts'
import { clockAhead, startServer, temporaryFolder, type Credentials } from './server-process.ts'

export const regions = ['us-east-1', 'eu-west-1', 'us-west-2'] as const
const served: ReadonlySet<string> = new Set(regions)
export type TestRegion = (typeof regions)[number]

const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
/** As long as a server that is up may go without a run of its timers and not be taken for one that was down. */
const LONGEST_STEP_MS = 20 * HOUR_MS
const JUMP_WAIT_MS = HOUR_MS
/** Longer than a process that is gone holds its turn to run the timers. */
const TURN_IS_OVER_MS = 151_000

export interface HeldServerOptions {
  readonly dataDir?: string
  readonly databaseUrl?: string | undefined
  readonly clock?: HeldClock
}

/**
 * AWS KMS over loopback in this process, with everything between the socket and the database as it is in the command,
 * and a clock that the test moves.
 */
export interface HeldServer {
  readonly dataDir: string
  readonly clock: HeldClock
  readonly opened: OpenedDeployment
  /** The AWS SDK's client of the root user, or of another, signing at the time of this server. */
  kms(region?: TestRegion, credentials?: Credentials): KMS
  iam(): IAM
  /** A change that no request made, and that leaves no record. */
  change<T>(work: (tx: Transition) => Promise<T>): Promise<T>
  /** From now on nothing happens by itself, so that a state which lasts milliseconds in a server that runs lasts for ever. */
  stopTimers(): Promise<void>
  /** Lets everything happen that is due; takes some minutes of the held time. */
  settle(): Promise<void>
  /** Lets time pass with the timers running, as on a server that is up. */
  pass(ms: number): Promise<void>
  /** Closes and opens again; what time passes in between passes with nothing running. */
  restart(downMs?: number): Promise<void>
  /** The same without closing: no seal, no turn given back, whatever was in memory is gone. */
  crash(downMs?: number): Promise<void>
  /**
   * Crashes, lets time pass with nothing running, and serves from a process of its own, as users run it, which is killed
   * (-9) while the work is under way; then goes on here.
   */
  crashInProcess(downMs: number, work: (there: ServerProcessAtWork) => Promise<void>): Promise<void>
  /** Closes for good. */
  stop(): Promise<void>
}

export interface ServerProcessAtWork {
  kms(region?: TestRegion): KMS
  kill(): Promise<void>
}

/** One run of the server between two starts. */
interface Process {
  readonly opened: OpenedDeployment
  readonly listener: Listener
  readonly timers: Timers
  readonly links: OpenedLinks
  readonly clock: MortalClock
  readonly runs: EventEmitter
}

export async function startHeldServer(options: HeldServerOptions = {}): Promise<HeldServer> {
  const dataDir = options.dataDir ?? temporaryFolder()
  const clock = options.clock ?? heldClock()
  const clients = new Map<string, KMS | IAM>()
  const abandoned: Process[] = []
  let credentials: RootCredentials | undefined
  let starts = 0

  async function start(): Promise<Process> {
    const own = mortalClock(clock)
    const now = () => own.now()
    const { opened, health } = await openAt(dataDir, own, {
      databaseUrl: options.databaseUrl,
      rootCredentials: credentials,
    })
    credentials ??= opened.rootCredentials
    const { store, journal, accessKeys, sessionTokens, standings, servicePrincipals } = opened
    const metrics = createMetrics({ operations: [] })
    const links = openLinks({ ...opened, ownRegions: served, clock: own, log: quietLog })
    const deps = { log: quietLog, metrics, health, clock: own }
    const authenticator = createAuthenticator({
      accessKeys,
      sessionTokens,
      standings,
      servicePrincipals,
      regions: served,
      defaultRegion: regions[0],
      refresh: () => store.feed.catchUp(),
      now,
      development: undefined,
    })
    const handler = createDispatcher({
      authenticator,
      route: createRouter([
        kmsService({
          ...opened,
          attestation: undefined,
          linked: links.keys,
          regions: served,
          random: systemRandom,
          now,
        }),
        iamService({ ...opened, random: systemRandom, now }),
      ]),
      store,
      journal,
      metrics,
      log: quietLog,
      limited: createRateLimitedLog(quietLog, { clock: own }),
      now,
      used: () => {},
      keyUsed: (use) => {
        opened.keyUses.note(use, use.operation as UseOperation, use)
      },
    })
    const listener = await startListener({ host: '127.0.0.1', port: 0 }, handler, deps)
    const runs = new EventEmitter()
    const timers = startDeploymentTimers({
      ...opened,
      clock: own,
      log: quietLog,
      name: `process ${++starts}`,
      jumpWaitMs: JUMP_WAIT_MS,
      onHealth: (...said) => runs.emit('run', ...said),
    })
    // What fell due meanwhile is done, or waits, before the test goes on.
    await once(runs, 'run')
    return { opened, listener, timers, links, clock: own, runs }
  }

  let current = await start()

  function root(): Credentials {
    if (credentials === undefined) throw new Error('nobody knows the root credentials')
    return credentials
  }

  function clientOptions(region: TestRegion, of: Credentials) {
    return { endpoint: current.listener.endpoint, region, credentials: of, maxAttempts: 1 }
  }

  function client<Client extends KMS | IAM>(name: string, make: () => Client): Client {
    const found = clients.get(name)
    if (found !== undefined) return found as Client
    const made = make()
    clients.set(name, made)
    // The SDK would set its clock by each answer's Date header, which Node writes from a clock that no test can move.
    Object.defineProperty(made.config, 'systemClockOffset', {
      get: () => clock.now() - Date.now(),
      set: () => {},
    })
    return made
  }

  function forgetClients(): void {
    for (const client of clients.values()) client.destroy()
    clients.clear()
  }

  async function abandon(): Promise<void> {
    forgetClients()
    current.clock.die()
    abandoned.push(current)
    await current.listener.stop(0)
  }

  /** Moves the clock and waits for the run of the timers that this brings about. */
  async function step(ms: number): Promise<void> {
    const ran = once(current.runs, 'run') as Promise<[ok: boolean, reason?: string]>
    clock.advance(ms)
    const [ok, reason] = await ran
    if (!ok) throw new Error(`the timers are in trouble: ${reason}`)
  }

  const server: HeldServer = {
    dataDir,
    clock,
    get opened() {
      return current.opened
    },
    kms: (region = regions[0], of = root()) =>
      client(`kms ${region} ${of.accessKeyId}`, () => new KMS(clientOptions(region, of))),
    iam: () => client('iam', () => new IAM(clientOptions(regions[0], root()))),
    change: (work) =>
      current.opened.store.transition((tx) => {
        tx.unrecorded = 'a test'
        return work(tx)
      }),
    stopTimers: () => current.timers.stop(),
    async settle() {
      // The first may be the end of a run that had begun before; the second began after what is to be done was due.
      await step(MINUTE_MS)
      await step(MINUTE_MS)
      for (let steps = 0; (await current.opened.keys.dueSyncs(clock.now(), 1)).length > 0; steps++) {
        if (steps === 10) throw new Error('the multi-Region keys do not come into agreement')
        await step(MINUTE_MS)
      }
    },
    async pass(ms) {
      const endMs = clock.now() + ms
      while (clock.now() < endMs) {
        const { keys, store } = current.opened
        const nowMs = clock.now()
        // A real clock wakes the timers at the very moment; this one only where it halts.
        const next = await Promise.all([
          keys.nextDeletion(nowMs),
          keys.nextRotation(nowMs),
          keys.nextSync(nowMs),
          nextExpiry(store, nowMs),
        ])
        const stopMs = Math.min(endMs, nowMs + LONGEST_STEP_MS, ...next.map((atMs) => atMs ?? Infinity))
        await step(stopMs - nowMs)
      }
    },
    async restart(downMs = 0) {
      forgetClients()
      await end(current)
      clock.advance(downMs)
      current = await start()
    },
    async crash(downMs = 0) {
      await abandon()
      clock.advance(downMs + TURN_IS_OVER_MS)
      current = await start()
    },
    async crashInProcess(downMs, work) {
      await abandon()
      clock.advance(downMs + TURN_IS_OVER_MS)
      const clockAheadMs = clock.now() - Date.now()
      const process = await startServer({ dataDir, nodeArgs: clockAhead(clockAheadMs) })
      const { url } = process
      const made = new Map<TestRegion, KMS>()
      try {
        await work({
          kms(region = regions[0]) {
            const of = made.get(region) ?? kmsClient({ url, credentials: root() }, { region, clockAheadMs })
            made.set(region, of)
            return of
          },
          kill: () => process.kill(),
        })
      } finally {
        await process.kill()
        for (const of of made.values()) of.destroy()
      }
      clock.advance(TURN_IS_OVER_MS)
      current = await start()
    },
    async stop() {
      forgetClients()
      await end(current)
      // Long dead, for all that the deployment knows; only their threads and sockets are left to be let go.
      for (const process of abandoned) await end(process)
    },
  }
  return server
}

async function end({ listener, timers, links, opened }: Process): Promise<void> {
  await listener.stop(0)
  await timers.stop()
  await links.replicator.stop()
  await opened.close()
}

interface MortalClock extends HeldClock {
  die(): void
}

/** The clock as one process has it: when that is dead, nothing wakes it up. */
function mortalClock(clock: HeldClock): MortalClock {
  const cancels = new Set<() => void>()
  let dead = false
  return {
    ...clock,
    wakeAt(timeMs, callback) {
      if (dead) return () => {}
      const cancel = clock.wakeAt(timeMs, () => {
        cancels.delete(cancel)
        callback()
      })
      cancels.add(cancel)
      return () => {
        cancels.delete(cancel)
        cancel()
      }
    },
    die() {
      dead = true
      for (const cancel of cancels) cancel()
      cancels.clear()
    },
  }
}
