import { randomUUID } from 'node:crypto'
import { createHealth } from '../server/src/telemetry/health.ts'
import { createLog } from '../server/src/telemetry/log.ts'
import { prepareDataDir } from '../server/src/cli/data-dir.ts'
import { systemClock } from '../server/src/clock.ts'
import { loadConfig } from '../server/src/config.ts'
import { systemRandom } from '../server/src/crypto/random.ts'
import { openDeployment } from '../server/src/deployment/open-deployment.ts'
import { defaultKeyPolicy } from '../server/src/keys/default-policy.ts'
import type { Bench } from './question.ts'
import { accountId, credentials, region } from './signed-request.ts'

const KEYS_PER_TRANSITION = 2000

export interface ManyKeys {
  /** Copy it before a server gets it. */
  readonly dataDir: string
  readonly keyIds: readonly string[]
}

/** A deployment with many keys, made once in a run. */
export function manyKeysDeployment(bench: Bench): Promise<ManyKeys> {
  return bench.once('many keys', async () => {
    const dataDir = bench.fresh('many-keys')
    const startedAt = performance.now()
    const keyIds = await makeKeys(dataDir, bench.manyKeys)
    bench.say(`  made ${keyIds.length} keys in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    return { dataDir, keyIds }
  })
}

/** In this process and thousands a transaction: over the API each key would take a commit of its own. */
async function makeKeys(dataDir: string, count: number): Promise<string[]> {
  prepareDataDir(dataDir)
  const config = loadConfig({ flags: { dataDir }, env: {}, cwd: dataDir })
  const log = createLog({ level: 'warn', destination: 2 })
  const deployment = await openDeployment(
    {
      dataDir,
      databaseUrl: undefined,
      journalFiles: false,
      journalSegmentBytes: config.journalSegmentBytes,
      keepCredentials: () => {},
      journalSealIntervalMs: config.journalSealIntervalMs,
      cacheKeys: config.cacheKeys,
      accountId,
      rootCredentials: credentials,
      devAuth: false,
      mustExist: false,
      rootKey: {
        provider: 'file',
        file: config.rootKeyFile,
        passphrase: () => Promise.reject(new Error('the bench has no passphrase')),
        random: systemRandom,
      },
      operator: { userName: 'bench' },
    },
    { clock: systemClock, random: systemRandom, log, health: createHealth({ clock: systemClock, log }) },
  )
  try {
    const { keys, store } = deployment
    const spec = 'SYMMETRIC_DEFAULT'
    const unnamed = { description: 'bench', policy: defaultKeyPolicy(accountId, region), tags: [] }
    const keyIds = Array.from({ length: count }, () => randomUUID())
    for (let from = 0; from < count; from += KEYS_PER_TRANSITION) {
      await store.transition(async (tx) => {
        tx.unrecorded = 'the bench makes keys'
        for (const keyId of keyIds.slice(from, from + KEYS_PER_TRANSITION)) {
          const made = { keyId, accountId, region, spec, usage: 'ENCRYPT_DECRYPT', ...unnamed } as const
          await keys.create(tx, made, await keys.newMaterial(spec, accountId))
        }
      })
    }
    return keyIds
  } finally {
    await deployment.close()
  }
}
