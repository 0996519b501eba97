/** Row number 0 is no migration: it is what a starter locks while it migrates. */
export interface MigrationRow {
  number: number
  name: string
  applied_at: number
}

/** One row, id 1. */
export interface DeploymentRow {
  id: number
  deployment_id: string
  format: number
  created_at: number
  first_account_id: string
  dev_auth: number
  root_provider: string
  root_key_id: string
  root_descriptor: string
  version: number
  mac: Buffer
}

/** Sealed under the root key, which authenticates it. */
export interface SystemKeyRow {
  name: string
  wrapped: Buffer
  root_key_id: string
}

/** Sealed under the root key, which authenticates it. */
export interface DomainKeyRow {
  account_id: string
  region: string
  number: number
  wrapped: Buffer
  root_key_id: string
  created_at: number
}

/** One row, id 1. It saves work and decides nothing: see schedule/timer-runner.ts. */
export interface TimerRunnerRow {
  id: number
  /** The process whose turn it is, and until when. */
  holder: string | null
  held_until: number | null
  /** What time it was when timers last ran. */
  seen_at: number | null
  /** Until when what cannot be undone waits. */
  wait_until: number | null
}

/** One row, id 1: how many transitions that changed something have committed. */
export interface FeedHeadRow {
  id: number
  position: number
}

export interface FeedRow {
  position: number
  ordinal: number
  kind: string
  entity_id: string
}

/** Not authenticated: it limits how much is asked for, and allows nothing. */
export interface RequestShareRow {
  node: string
  seen_at: number
  /** JSON. */
  taken: string
}
