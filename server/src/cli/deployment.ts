import type { JournalReader } from '../audit/reader.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { RandomSource } from '../crypto/random.ts'
import type { AccessQuestions } from '../deployment/access-questions.ts'
import type { Administration } from '../deployment/administration.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { PassphrasePurpose } from './passphrase.ts'

/** What main.ts gets from the command line beside the settings. */
export interface DeploymentIo {
  readonly log: Log
  readonly clock: Clock
  readonly random: RandomSource
  /** The caller wipes it. To create is to ask twice, when a terminal is asked. */
  passphrase(purpose: PassphrasePurpose): Promise<Buffer>
}

/** An opened deployment, with or without listeners. */
export interface Deployment extends Administration {
  readonly access: AccessQuestions
  close(): Promise<void>
}

export interface RunningServer {
  /** `http://127.0.0.1:5567`, with the port that was picked. */
  readonly url: string
  /** The deployment's first account. */
  readonly accountId: string
  readonly adminUrl?: string
  /** Where registered services connect. */
  readonly servicesUrl?: string
  /** Where linked deployments connect. */
  readonly linkUrl?: string
  /** Of private endpoints: their ids and URLs. */
  readonly endpointUrls?: readonly string[]
  /** The certificate of the local authority, when the server made one. */
  readonly caFile?: string
  readonly credentialsFile: string
  readonly deployment: Deployment
  /** Looks at the TLS certificate files now. Never rejects: a pair that cannot be used is logged. */
  reload(): Promise<void>
  /** Drains and closes; the deployment too. */
  stop(): Promise<void>
}

export interface InitialisedDeployment {
  readonly accountId: string
  readonly accessKeyId: string
  readonly credentialsFile: string
}

/**
 * The journal, opened for reading. It takes no lock, so it works beside a running server: verifying reads and hashes for
 * minutes, and belongs in a process that serves nobody.
 */
export interface JournalAccess {
  readonly store: Store
  readonly reader: JournalReader
  /**
   * Opens the root key, so that the rows of chains can be checked; resolves with the public key that this deployment's seals
   * are signed with.
   */
  unlock(): Promise<Uint8Array>
  close(): Promise<void>
}

/** What the command line needs of main.ts. */
export interface Main {
  initDeployment(config: Config, io: DeploymentIo): Promise<InitialisedDeployment>
  openDeployment(config: Config, io: DeploymentIo): Promise<Deployment>
  openJournalAccess(config: Config, io: DeploymentIo): Promise<JournalAccess>
  serve(config: Config, io: DeploymentIo): Promise<RunningServer>
}
