import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { RootKey } from '../crypto/root-key.ts'
import { createAccessKeys, newAccessKeyId, newSecretAccessKey } from '../identity/access-keys.ts'
import { createAccounts } from '../identity/accounts.ts'
import { makeSystemKeys, type SystemKeys } from '../keys/system-keys.ts'
import type { DeploymentRow } from '../store/rows/deployment-rows.ts'
import { DuplicateRowError, type Store } from '../store/store.ts'
import { DeploymentError } from './deployment-error.ts'
import type { OpenDependencies, OpenOptions, RootCredentials } from './open-options.ts'
import { operatorRecord } from './operator-record.ts'
import { makeFirstRootKey, requireNoRootKey } from './root-key-source.ts'

export interface Started {
  readonly row: DeploymentRow
  readonly rootKey: RootKey
  readonly systemKeys: SystemKeys
  readonly rootCredentials?: RootCredentials
}

/** The layout of what the database holds, apart from its tables. */
export const FORMAT = 1

const DEFAULT_ACCOUNT_ID = '000000000000'

/**
 * Makes a deployment: root key, system keys, the first account and its root user's access key. What the database holds
 * commits as one; a note in the data directory says that files made before belong to it, so that a start which was
 * cut short is taken up by the next one instead of being mistaken for another deployment's remains.
 */
export async function firstStart(
  store: Store,
  options: OpenOptions,
  deps: OpenDependencies,
): Promise<Started> {
  const { clock, random } = deps
  const takesUp = existsSync(noteOf(options.dataDir))
  // Refused before the note is written, or the next start would take another database's root key for its own.
  if (!takesUp) requireNoRootKey(options.rootKey)
  await noteFirstStart(options.dataDir)
  const { rootKey, provider, descriptor } = await makeFirstRootKey(options.rootKey, takesUp)
  const { keys: systemKeys, rows } = await makeSystemKeys(rootKey, random)
  store.authenticateWith(systemKeys.rows)

  const accountId = options.accountId ?? DEFAULT_ACCOUNT_ID
  const rootCredentials = options.rootCredentials ?? {
    accessKeyId: newAccessKeyId(random),
    secretAccessKey: newSecretAccessKey(random),
  }
  // Before the commit: afterwards a crash could leave a deployment whose secret nobody has.
  options.keepCredentials(rootCredentials)
  const nowMs = () => clock.now()
  const accounts = createAccounts({ store, now: nowMs, cacheLimit: 1 })
  const accessKeys = createAccessKeys({ store, secretsKey: systemKeys.secrets, now: nowMs, cacheLimit: 1 })
  try {
    const row = await store.transition(async (tx) => {
      // First, because this is where one of two nodes that start at once hears of the other.
      const inserted = await store.rows.insert(tx, 'deployment', {
        id: 1,
        deployment_id: randomUUID(),
        format: FORMAT,
        created_at: clock.now(),
        first_account_id: accountId,
        dev_auth: options.devAuth ? 1 : 0,
        root_provider: provider,
        root_key_id: rootKey.id,
        root_descriptor: descriptor,
      })
      await tx.db.insertInto('system_keys').values(rows).execute()
      tx.changed('deployment', '1')
      await accounts.create(tx, { accountId, name: 'first' })
      await accessKeys.create(tx, { accountId, ...rootCredentials })
      tx.record((changePosition) =>
        operatorRecord({
          clockMs: clock.now(),
          operator: options.operator,
          command: 'InitDeployment',
          parameters: { accountId, rootKeyProvider: provider, devAuth: options.devAuth },
          response: { accessKeyId: rootCredentials.accessKeyId },
          accountId,
          changePosition,
        }),
      )
      return inserted
    })
    await forgetFirstStart(options.dataDir)
    return { row, rootKey, systemKeys, rootCredentials }
  } catch (cause) {
    if (cause instanceof DuplicateRowError) {
      options.forgetCredentials?.()
      await forgetFirstStart(options.dataDir)
      throw new DeploymentError(
        `another node initialised this database just now: remove the root key that this one made (${options.rootKey.file}), copy that node's, and start again`,
        { cause },
      )
    }
    throw cause
  }
}

async function noteFirstStart(dataDir: string): Promise<void> {
  const file = await open(noteOf(dataDir), 'w', 0o600)
  await file.sync()
  await file.close()
}

/** The database names the deployment now, so nothing needs to be taken up any more. */
export async function forgetFirstStart(dataDir: string): Promise<void> {
  await unlink(noteOf(dataDir)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

function noteOf(dataDir: string): string {
  return join(dataDir, 'first-start')
}
