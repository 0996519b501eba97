import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GenerationTasks } from './generation-worker.ts'
import type { PrivateKeyTasks } from './private-key-worker.ts'
import { Threads } from './threads.ts'

/** The threads for what is slow. */
export interface SlowThreads {
  /** For RSA keys, of which one may take seconds; the operating system prefers every other thread to these. */
  readonly generation: Threads<GenerationTasks>
  /** For what takes a few milliseconds and somebody waits for. */
  readonly privateKeys: Threads<PrivateKeyTasks>
  close(): Promise<void>
}

// The same file names with the same ending as this one: .ts from the source, .js once built.
const ENDING = extname(fileURLToPath(import.meta.url))
const GENERATION_WORKER = new URL(`./generation-worker${ENDING}`, import.meta.url)
const PRIVATE_KEY_WORKER = new URL(`./private-key-worker${ENDING}`, import.meta.url)

/** None is started before there is work for it: each takes some 20 MB. One processor is left to the event loop. */
export function openSlowThreads(): SlowThreads {
  const processors = availableParallelism()
  const generation = new Threads<GenerationTasks>({
    file: GENERATION_WORKER,
    count: processors >= 4 ? 2 : 1,
    // While a thread makes a key, work that it had been given already could not go to the other.
    ahead: 1,
    // Half a minute of RSA_4096 on one processor for one account, two minutes for all.
    waiting: { ofOwner: 64, inAll: 256 },
  })
  const privateKeys = new Threads<PrivateKeyTasks>({
    file: PRIVATE_KEY_WORKER,
    count: Math.min(4, Math.max(1, processors - 1)),
    ahead: 2,
    // One to two seconds of the slowest, signatures over μ, on one processor for one account. What waits keeps its request,
    // some 35 KB, and is one of those that the listener lets be under way: far fewer than that, so that all else goes on.
    waiting: { ofOwner: 128, inAll: 1024 },
  })
  return {
    generation,
    privateKeys,
    async close() {
      await Promise.all([generation.close(), privateKeys.close()])
    },
  }
}
