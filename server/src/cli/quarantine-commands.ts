import type { Command } from 'commander'
import { textTable, timeText } from './output.ts'
import type { Session } from './session.ts'

interface Options {
  readonly reason: string
  readonly json?: boolean
}

/** `keywright quarantine …` and `keywright release …`: the first answer to an incident, and the last. */
export function addQuarantineCommands(program: Command, session: Session): void {
  const quarantine = program
    .command('quarantine')
    .description('refuse everything for a key or a principal at once, whatever its policies and grants allow')
  const release = program.command('release').description('end a quarantine')
  for (const [kind, name, whom] of [
    ['key', '<key>', 'a key, by its id or ARN: nobody can use or manage it'],
    ['principal', '<principal>', 'a user, role or root user, by its ARN or unique id, with all its sessions'],
  ] as const) {
    quarantine
      .command(`${kind} ${name}`)
      .description(whom)
      .requiredOption('--reason <text>', 'why, for the journal and for whoever comes later')
      .option('--json', 'print JSON')
      .action(async (id: string, { reason, json }: Options) => {
        const done = await session.call(`quarantine ${kind}`, { id, reason })
        const rows = done.grants.map((grant) => [
          grant.grantId,
          grant.keyArn,
          grant.grantee,
          grant.operations.join(' '),
          timeText(grant.createdAt),
        ])
        session.show(json, done, () =>
          [
            `${done.arn} is under quarantine: nothing is allowed until keywright release ${kind} ${id}\n`,
            rows.length === 0
              ? 'There are no grants.\n'
              : `Grants, which have no effect meanwhile${done.moreGrants ? ' (there are more)' : ''}:\n` +
                textTable(['GRANT', 'KEY', 'GRANTEE', 'OPERATIONS', 'CREATED'], rows),
          ].join(''),
        )
      })
    release
      .command(`${kind} ${name}`)
      .description(
        `release ${kind === 'key' ? 'a key' : 'a principal'}; its policies and grants decide again`,
      )
      .option('--json', 'print JSON')
      .action(async (id: string, { json }: { json?: boolean }) => {
        const done = await session.call(`release ${kind}`, { id })
        session.show(
          json,
          done,
          () => `${done.arn} is released. It was under quarantine for: ${done.reason}\n`,
        )
      })
  }
}
