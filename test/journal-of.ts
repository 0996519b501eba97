import assert from 'node:assert/strict'
import { runKeywright, type ServerProcess } from './server-process.ts'

/** What tests look at in a CloudTrail record. */
export interface JournalRecord {
  readonly eventName: string
  readonly errorCode?: string
  readonly vpcEndpointId?: string
  readonly userIdentity: Readonly<Record<string, unknown>>
  readonly requestParameters: Readonly<Record<string, unknown>> | null
  readonly responseElements: Readonly<Record<string, unknown>> | null
  readonly additionalEventData?: Readonly<Record<string, unknown>>
  readonly serviceEventDetails?: Readonly<Record<string, unknown>>
  readonly readOnly?: boolean
  readonly resources?: unknown
}

/** The records of a server, and the text that they stand in, wherever its journal is kept. */
export async function journalOf({ dataDir }: Pick<ServerProcess, 'dataDir'>): Promise<{
  text: string
  records: readonly JournalRecord[]
}> {
  const shown = await runKeywright(['audit', 'tail', '--json', '--limit', '1000'], { dataDir })
  assert.equal(shown.code, 0, shown.stderr)
  const text = shown.stdout
  const lines = text.trimEnd().split('\n')
  return { text, records: lines.map((line) => JSON.parse(line) as JournalRecord) }
}
