import type { Command } from 'commander'
import type { StaleKey, StaleKeys, Verdict } from '../deployment/key-usage.ts'
import { addDeletionCommands } from './deletion-commands.ts'
import { textTable, timeText } from './output.ts'
import type { Session } from './session.ts'

interface StaleOptions {
  readonly days: string
  readonly region?: string
  readonly account?: string
  readonly json?: boolean
}

/** `keywright keys …`: which keys, and which of their material, is still in use. */
export function addKeyCommands(program: Command, session: Session): void {
  const keys = program
    .command('keys')
    .description('what is known of the use of keys, and of keys that were deleted')
  addDeletionCommands(keys, session)
  keys
    .command('stale')
    .description('list the keys that nobody has used for a while, and the older material of rotated keys')
    .option('--days <number>', 'for how many days', '90')
    .option('--region <region>', 'only keys of this Region')
    .option('--account <account-id>', 'only keys of this account')
    .option('--json', 'print JSON')
    .action(async ({ days, region, account, json }: StaleOptions) => {
      const { accountId } = session.chosenAccount(account)
      const found = await session.call('keys stale', {
        days,
        ...(region !== undefined && { region }),
        ...(accountId !== undefined && { accountId }),
      })
      session.show(json, found, () => staleText(found))
    })
  keys
    .command('rebuild-uses')
    .description('read the whole journal again for when keys were last used')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const done = await session.call('keys rebuild-uses')
      const gaps =
        done.incompleteChains === 0
          ? ''
          : `Chains that are not whole, or not here: ${done.incompleteChains}. Run keywright audit verify.\n`
      session.show(
        json,
        done,
        () =>
          `Records read: ${done.records}, of ${done.chains} chains; uses of keys among them: ${done.uses}.\n${gaps}` +
          `Uses are known since ${timeText(done.trackedSinceMs)}.\n`,
      )
    })
}

const words: Readonly<Record<Verdict, string>> = {
  'in use': 'in use',
  unused: 'not used',
  unknown: 'not known',
}

function staleText({ days, trackedSince, keys, found, truncated, damaged }: StaleKeys): string {
  const unused = found.filter(({ verdict }) => verdict === 'unused')
  const unknown = found.filter(({ verdict, createdAt }) => verdict === 'unknown' && createdAt < trackedSince)
  const rotated = found.filter(({ olderMaterial }) => olderMaterial.length > 0)
  return [
    `Keys: ${keys}. Uses are known since ${timeText(trackedSince)}.\n`,
    keys === 0 ? 'There are no keys here: look at the Region and the account that you ask for.\n' : '',
    unused.length === 0
      ? `No key is known to be unused for ${days} days.\n`
      : `Keys that were not used for ${days} days: ${unused.length}\n${keyTable(unused)}`,
    unknown.length === 0
      ? ''
      : `Keys that are older than what is known, and not used since: ${unknown.length}\n${keyTable(unknown)}`,
    rotated.length === 0
      ? ''
      : `Older material of rotated keys; what it sealed moves to the current material with ReEncrypt:\n${materialTable(rotated)}`,
    truncated ? 'There are more: ask for one Region or one account.\n' : '',
    damaged === 0 ? '' : `Keys whose rows are not authentic in the database: ${damaged}\n`,
  ].join('')
}

function keyTable(found: readonly StaleKey[]): string {
  const rows = found.map(({ arn, aliases, state, createdAt, lastUse }) => [
    arn,
    aliases[0] ?? '-',
    state,
    timeText(createdAt),
    lastUse === undefined ? '-' : timeText(lastUse.at),
    lastUse?.operation ?? '-',
  ])
  return textTable(['KEY', 'ALIAS', 'STATE', 'CREATED', 'LAST USED', 'FOR'], rows)
}

function materialTable(found: readonly StaleKey[]): string {
  const rows = found.flatMap(({ arn, olderMaterial }) =>
    olderMaterial.map(({ keyMaterialId, verdict, lastOpened }) => [
      arn,
      keyMaterialId,
      lastOpened === undefined ? '-' : timeText(lastOpened),
      words[verdict],
    ]),
  )
  return textTable(['KEY', 'MATERIAL', 'LAST OPENED', 'IN THESE DAYS'], rows)
}
