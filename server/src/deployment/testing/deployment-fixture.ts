import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { systemRandom } from '../../crypto/random.ts'
import type { Transition } from '../../store/store.ts'
import { createHealth, type Health } from '../../telemetry/health.ts'
import { createLog, type Log } from '../../telemetry/log.ts'
import { heldClock, type HeldClock } from '../../testing/held-clock.ts'
import { openDeployment, type OpenedDeployment } from '../open-deployment.ts'
import type { OpenOptions } from '../open-options.ts'

const operator = { userName: 'tester' }
export const quietLog = createLog({ level: 'silent' })

/** A data directory of its own, gone when the test is over. */
export function freshDataDir(t: { after(cleanUp: () => void): void }): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'keywright-deployment-'))
  t.after(() => {
    rmSync(dataDir, { recursive: true, force: true })
  })
  return dataDir
}

/** Opens a deployment on SQLite with a root key file, in this process. */
export async function openAt(
  dataDir: string,
  clock: Clock,
  options: Partial<OpenOptions> = {},
  log: Log = quietLog,
): Promise<{ opened: OpenedDeployment; health: Health; options: OpenOptions }> {
  const health = createHealth({ clock })
  const all: OpenOptions = {
    dataDir,
    databaseUrl: undefined,
    journalFiles: false,
    journalSegmentBytes: 64 * 1024 * 1024,
    journalSealIntervalMs: 5000,
    cacheKeys: 1000,
    accountId: undefined,
    rootCredentials: undefined,
    devAuth: false,
    mustExist: false,
    rootKey: {
      provider: 'file',
      file: join(dataDir, 'root.key'),
      passphrase: () => Promise.reject(new Error('no passphrase is asked for here')),
      random: systemRandom,
    },
    operator,
    keepCredentials: () => {},
    ...options,
  }
  const opened = await openDeployment(all, { clock, random: systemRandom, log, health })
  return { opened, health, options: all }
}

/** A deployment whose clock is held, and changes to it that leave no record. */
export interface HeldDeployment {
  readonly dataDir: string
  readonly opened: OpenedDeployment
  readonly clock: HeldClock
  change<T>(work: (tx: Transition) => Promise<T>): Promise<T>
}

/** Opens a deployment of its own on SQLite, which is closed and gone when the test is over. */
export async function openHeld(
  t: { after(cleanUp: () => Promise<void> | void): void },
  options: Partial<OpenOptions> = {},
): Promise<HeldDeployment> {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const { opened } = await openAt(dataDir, clock, options)
  t.after(() => opened.close())
  return {
    dataDir,
    opened,
    clock,
    change: (work) =>
      opened.store.transition((tx) => {
        tx.unrecorded = 'a test'
        return work(tx)
      }),
  }
}
