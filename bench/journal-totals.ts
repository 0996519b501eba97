import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Running totals of a server's journal; differences of two readings say what happened between. */
export interface JournalTotals {
  readonly commits: number
  readonly commitSeconds: number
  readonly records: number
  readonly bytes: number
}

export async function journalTotals(url: string, dataDir: string): Promise<JournalTotals> {
  const response = await fetch(`${url}/-/metrics`)
  const text = await response.text()
  const value = (name: string): number => {
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
    if (found === undefined) throw new Error(`the server's metrics have no ${name}`)
    return Number(found)
  }
  const directory = join(dataDir, 'journal')
  return {
    commits: value('keywright_journal_commit_seconds_count'),
    commitSeconds: value('keywright_journal_commit_seconds_sum'),
    records: value('keywright_journal_batch_records_sum'),
    bytes: readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0),
  }
}

/** What one group commit was on average between two readings. */
export function averageCommit(before: JournalTotals, after: JournalTotals) {
  const commits = after.commits - before.commits
  const per = (name: keyof JournalTotals) => (after[name] - before[name]) / commits
  return { records: per('records'), bytes: Math.round(per('bytes')), ms: per('commitSeconds') * 1000 }
}
