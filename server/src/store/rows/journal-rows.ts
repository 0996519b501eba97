/** A committed change's journal record that the journal may not have yet. Never updated, so without a version. */
export interface OutboxRow {
  event_id: string
  position: number
  record: string
  created_at: number
  mac: Buffer
}

export interface JournalChainRow {
  chain_id: string
  node: string
  started_at: number
  genesis_hash: string
  closed_sequence: number | null
  closed_hash: string | null
  closed_reason: string | null
  version: number
  mac: Buffer
}

export interface JournalSealRow {
  chain_id: string
  sequence: number
  hash: string
  sealed_at: number
  public_key: Buffer
  signature: Buffer
}

/** A group commit of the journal, where the database keeps it: `lines` holds whole lines with their line feeds. */
export interface JournalBatchRow {
  chain_id: string
  first_sequence: number
  last_sequence: number
  lines: Buffer
  written_at: number
}
