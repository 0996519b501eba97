import { operatorName } from '../cli/control.ts'
import { credentialsFileOf, removeCredentialsFile, writeCredentialsFile } from '../cli/credentials-file.ts'
import { lockDataDir, prepareDataDir } from '../cli/data-dir.ts'
import type { DeploymentIo } from '../cli/deployment.ts'
import type { Config } from '../config.ts'
import { openDeployment as openFromStore, type OpenedDeployment } from '../deployment/open-deployment.ts'
import type { Operator } from '../deployment/operator-record.ts'
import type { RootKeySource } from '../deployment/root-key-source.ts'
import { supportedAccessAnalyzerOperations } from '../services/access-analyzer/service.ts'
import { supportedIamOperations } from '../services/iam/service.ts'
import { quotaClasses } from '../services/kms/request-quotas.ts'
import { supportedOperations } from '../services/kms/service.ts'
import { supportedStsOperations } from '../services/sts/service.ts'
import { createHealth, type Health } from '../telemetry/health.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { requestRatesOf } from './request-rates-of.ts'

export interface Locked {
  readonly opened: OpenedDeployment
  readonly health: Health
  readonly metrics: Metrics
  readonly rootKeySource: RootKeySource
  /** Closes the deployment and lets go of the data directory. */
  release(): Promise<void>
}

/** Opens the deployment of these settings, and keeps its data directory for this process. */
export async function openLocked(
  config: Config,
  io: DeploymentIo,
  rules: { mustExist?: boolean } = {},
): Promise<Locked> {
  const { dataDir } = config
  prepareDataDir(dataDir)
  const lock = lockDataDir(dataDir)
  try {
    const health = createHealth({ clock: io.clock, log: io.log })
    const metrics = createMetrics({
      quotaClasses: requestRatesOf(config) === undefined ? [] : quotaClasses,
      operations: [
        ...supportedOperations,
        ...supportedIamOperations,
        ...supportedStsOperations,
        ...supportedAccessAnalyzerOperations,
      ],
    })
    const rootKeySource = rootKeySourceOf(config, io)
    const opened = await openFromStore(
      {
        dataDir,
        databaseUrl: config.databaseUrl,
        journalFiles: config.journal === 'files',
        journalSegmentBytes: config.journalSegmentBytes,
        journalSealIntervalMs: config.journalSealIntervalMs,
        cacheKeys: config.cacheKeys,
        resourceQuotas: {
          keysPerAccountAndRegion: config.quotaKeys,
          aliasesPerKey: config.quotaAliasesPerKey,
          grantsPerKey: config.quotaGrantsPerKey,
        },
        accountId: config.accountId,
        rootCredentials: rootCredentialsOf(config),
        devAuth: config.devAuth,
        mustExist: rules.mustExist ?? false,
        rootKey: rootKeySource,
        operator: operator(),
        keepCredentials: (credentials) => {
          writeCredentialsFile(credentialsFileOf(dataDir), credentials)
        },
        forgetCredentials: () => {
          removeCredentialsFile(credentialsFileOf(dataDir))
        },
      },
      {
        clock: io.clock,
        random: io.random,
        log: io.log,
        health,
        onJournalCommit: ({ commitMs, records }) => {
          metrics.journalCommit(commitMs / 1000, records)
        },
      },
    )
    // Given by the settings: the file holds them too.
    if (!opened.isNew && opened.rootCredentials !== undefined) {
      writeCredentialsFile(credentialsFileOf(dataDir), opened.rootCredentials)
    }
    observe(metrics, opened)
    const release = async () => {
      try {
        await opened.close()
      } finally {
        lock.release()
      }
    }
    return { opened, health, metrics, rootKeySource, release }
  } catch (error) {
    lock.release()
    throw error
  }
}

function observe(metrics: Metrics, opened: OpenedDeployment): void {
  const { keys, aliases, grants, accounts, accessKeys, principals, journal } = opened
  metrics.observeCache('keys', () => keys.cache)
  metrics.observeCache('aliases', () => aliases.cache)
  metrics.observeCache('grants', () => grants.cache)
  metrics.observeCache('accounts', () => accounts.cache)
  metrics.observeCache('access_keys', () => accessKeys.cache)
  metrics.observeCache('principals', () => principals.cache)
  metrics.observeJournal(() => journal.state)
}

export function rootKeySourceOf(config: Config, io: DeploymentIo): RootKeySource {
  return {
    provider: config.rootKeyProvider,
    file: config.rootKeyFile,
    passphrase: (purpose) => io.passphrase(purpose),
    random: io.random,
  }
}

function rootCredentialsOf({ rootAccessKeyId, rootSecretAccessKey }: Config) {
  return rootAccessKeyId === undefined || rootSecretAccessKey === undefined
    ? undefined
    : { accessKeyId: rootAccessKeyId, secretAccessKey: rootSecretAccessKey }
}

export function operator(): Operator {
  return { userName: operatorName() }
}
