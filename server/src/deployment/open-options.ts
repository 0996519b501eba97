import type { Clock } from '../clock.ts'
import type { RandomSource } from '../crypto/random.ts'
import type { ResourceQuotas } from '../keys/resource-quotas.ts'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import type { Operator } from './operator-record.ts'
import type { RootKeySource } from './root-key-source.ts'

/** The access key of the first account's root user. */
export interface RootCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What a deployment is opened with. */
export interface OpenOptions {
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly journalFiles: boolean
  readonly journalSegmentBytes: number
  readonly journalSealIntervalMs: number
  readonly cacheKeys: number
  /** Absent: AWS's own. */
  readonly resourceQuotas?: ResourceQuotas
  /** Undefined: whatever the database has, and 000000000000 for a new one. */
  readonly accountId: string | undefined
  readonly rootCredentials: RootCredentials | undefined
  readonly devAuth: boolean
  /** A deployment that is not there yet is an error, and nothing is made. */
  readonly mustExist: boolean
  readonly rootKey: RootKeySource
  readonly operator: Operator
  /** Keeps the root credentials that a first start is about to make, durably, where the operator finds them. */
  readonly keepCredentials: (credentials: RootCredentials) => void
  /** Takes away what `keepCredentials` has kept: another node initialised the database, with others. */
  readonly forgetCredentials?: () => void
}

export interface OpenDependencies {
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Log
  readonly health: Health
  readonly onJournalCommit?: (facts: { commitMs: number; records: number }) => void
}
