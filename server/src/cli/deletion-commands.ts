import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ERASURES_AT_ONCE, readBroughtErasures } from '../audit/brought-erasures.ts'
import type { Honoured } from '../deployment/honour-deletions.ts'
import { CommandError } from './failure.ts'
import type { Session } from './session.ts'

/** `keywright keys apply-deletions`: after a restore of database and journal together, from a journal that was kept elsewhere. */
export function addDeletionCommands(keys: Command, session: Session): void {
  keys
    .command('apply-deletions <journal...>')
    .description(
      'after an older backup was put back: delete what files of a journal, or of keywright audit tail --json, say was deleted; what this deployment did not sign is refused',
    )
    .option('--json', 'print JSON')
    .action(async (journal: string[], { json }: { json?: boolean }) => {
      const erasures = []
      for (const file of journal)
        erasures.push(...(await readBroughtErasures(resolve(session.around.cwd, file))))
      if (erasures.length === 0) throw new CommandError('the journal holds no deletion of key material')
      erasures.sort((a, b) => a.position - b.position)
      const outcomes: Honoured[] = []
      let after: string | undefined
      for (let at = 0; at < erasures.length; at += ERASURES_AT_ONCE) {
        const done = await session.call('keys apply-deletions', {
          deletions: JSON.stringify(erasures.slice(at, at + ERASURES_AT_ONCE)),
          ...(after !== undefined && { after }),
        })
        outcomes.push(...done.outcomes)
        after = String(done.after)
      }
      const count = (outcome: Honoured) => outcomes.filter((each) => each === outcome).length
      const counts = {
        deleted: count('deleted'),
        gone: count('gone'),
        older: count('older'),
        notAuthentic: count('not authentic'),
      }
      session.show(
        json,
        counts,
        () =>
          `Deleted: ${counts.deleted}. Not there any more: ${counts.gone}. ` +
          `Of before the backup, and maybe imported again: ${counts.older}.\n`,
      )
      if (counts.notAuthentic > 0) {
        throw new CommandError(
          `${counts.notAuthentic} deletions were refused: this deployment did not sign them as they stand in the journal`,
        )
      }
    })
}
