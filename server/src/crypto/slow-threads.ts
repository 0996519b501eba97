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
    // About a second of RSA_4096 signatures on one processor for one account; 16 MB at 4 KiB a message in all.
    waiting: { ofOwner: 512, inAll: 4096 },
  })
  return {
    generation,
    privateKeys,
    async close() {
      await Promise.all([generation.close(), privateKeys.close()])
    },
  }
}
