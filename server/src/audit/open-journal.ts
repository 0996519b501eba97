import { GroupCommitJournal } from './group-commit.ts'
import type { Journal, JournalOptions } from './journal.ts'

/**
 * Opens the journal: closes what earlier processes left unfinished, drains the outbox, and is ready for records. A
 * chain begins with the first record, so a command that only looks leaves none.
 *
 * What verifies badly or cannot be written at start is reported through `onHealth` and the log, and does not keep the
 * service from starting: whoever can damage the journal's files should not thereby be able to stop the service.
 *
 * What a record costs is set down in file-sink.ts.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const journal = new GroupCommitJournal(options)
  await journal.start()
  return journal
}
