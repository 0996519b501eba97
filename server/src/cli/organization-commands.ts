import { resolve } from 'node:path'
import type { Command } from 'commander'
import { readInputFile } from './input-file.ts'
import { textTable } from './output.ts'
import type { Session } from './session.ts'

const LONGEST_DOCUMENT_BYTES = 20_480

interface Json {
  readonly json?: boolean
}

/** `keywright organization …`: which accounts belong together, and in which units. */
export function addOrganizationCommands(program: Command, session: Session): void {
  const organization = program
    .command('organization')
    .description(
      'the organization of the accounts; the first account manages it and is bound by none of its policies',
    )
  organization
    .command('create')
    .description('make the organization, with the first account in it')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const made = await session.call('organization create')
      session.show(
        json,
        made,
        () =>
          `Organization ${made.organizationId} is made. Its root is ${made.rootId}; account ${made.managementAccountId} manages it.\n`,
      )
    })
  organization
    .command('show')
    .description('print the units, the accounts and what is attached where')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const shown = await session.call('organization show')
      const attachedTo = (target: string) =>
        shown.attachments
          .filter((each) => each.target === target)
          .map(({ policyId }) => policyId)
          .join(' ')
      const rows = [
        [shown.rootId, '', 'root', attachedTo(shown.rootId)],
        ...shown.units.map(({ id, name, parent }) => [id, parent, name, attachedTo(id)]),
        ...shown.accounts.map(({ accountId, name, parent }) => [
          accountId,
          parent,
          name,
          attachedTo(accountId),
        ]),
      ]
      session.show(
        json,
        shown,
        () => `Organization ${shown.organizationId}\n${textTable(['ID', 'IN', 'NAME', 'POLICIES'], rows)}`,
      )
    })
  organization
    .command('delete')
    .description('end the organization, once the first account is alone in it')
    .action(async () => {
      await session.call('organization delete')
      session.around.print('The organization is deleted.\n')
    })
  organization
    .command('add-account <account-id>')
    .description('take an account into the organization')
    .option('--parent <id>', 'the root or unit to put it in (default: the root)')
    .option('--json', 'print JSON')
    .action(async (accountId: string, { parent, json }: Json & { parent?: string }) => {
      const member = await session.call('organization add-account', { accountId, ...optional({ parent }) })
      session.show(json, member, () => `Account ${accountId} is in ${member.parent}.\n`)
    })
  organization
    .command('remove-account <account-id>')
    .description('let an account go; none of the policies binds it any more')
    .action(async (accountId: string) => {
      await session.call('organization remove-account', { accountId })
      session.around.print(`Account ${accountId} is not in the organization any more.\n`)
    })
  organization
    .command('move <account-id> <parent>')
    .description('put an account into another unit, or into the root')
    .option('--json', 'print JSON')
    .action(async (accountId: string, parent: string, { json }: Json) => {
      const member = await session.call('organization move', { accountId, parent })
      session.show(json, member, () => `Account ${accountId} is in ${member.parent}.\n`)
    })
  organization
    .command('create-unit <name>')
    .description('make an organizational unit')
    .option('--parent <id>', 'the root or unit to put it in (default: the root)')
    .option('--json', 'print JSON')
    .action(async (name: string, { parent, json }: Json & { parent?: string }) => {
      const unit = await session.call('organization create-unit', { name, ...optional({ parent }) })
      session.show(json, unit, () => `Unit ${unit.id} is made in ${unit.parent}.\n`)
    })
  organization
    .command('delete-unit <unit>')
    .description('delete an organizational unit that is empty')
    .action(async (unit: string) => {
      await session.call('organization delete-unit', { unit })
      session.around.print(`Unit ${unit} is deleted.\n`)
    })
}

interface PolicyOptions extends Json {
  readonly type?: string
  readonly name?: string
  readonly document?: string
  readonly description?: string
}

/** `keywright policy …`, the part that manages the organization's policies. */
export function addOrganizationPolicyCommands(policy: Command, session: Session): void {
  policy
    .command('create')
    .description(
      'make a service control policy or a resource control policy; it binds nobody before it is attached',
    )
    .requiredOption('--type <type>', 'service-control or resource-control')
    .requiredOption('--name <name>', 'a name that no other policy of the type has')
    .requiredOption('--document <file>', 'the policy, in JSON')
    .option('--description <text>', 'what it is for')
    .option('--json', 'print JSON')
    .action(async ({ type, name, document, description, json }: PolicyOptions) => {
      const made = await session.call('policy create', {
        ...optional({ type, name, description }),
        document: documentIn(session, document ?? ''),
      })
      session.show(
        json,
        made,
        () =>
          `Policy ${made.policyId} is made. Attach it with: keywright policy attach ${made.policyId} TARGET\n`,
      )
    })
  policy
    .command('update <policy-id>')
    .description('change a policy wherever it is attached, at once')
    .option('--name <name>', 'another name')
    .option('--document <file>', 'another policy, in JSON')
    .option('--description <text>', 'another description')
    .option('--json', 'print JSON')
    .action(async (policyId: string, { name, document, description, json }: PolicyOptions) => {
      const changed = await session.call('policy update', {
        policyId,
        ...optional({ name, description }),
        ...(document === undefined ? {} : { document: documentIn(session, document) }),
      })
      session.show(json, changed, () => `Policy ${policyId} is changed.\n`)
    })
  policy
    .command('delete <policy-id>')
    .description('delete a policy that is attached nowhere')
    .action(async (policyId: string) => {
      await session.call('policy delete', { policyId })
      session.around.print(`Policy ${policyId} is deleted.\n`)
    })
  for (const [verb, done, text] of [
    ['attach', 'attached to', 'make a policy bind the root, a unit or an account, and all below it'],
    ['detach', 'detached from', 'make a policy bind a target no longer'],
  ] as const) {
    policy
      .command(`${verb} <policy-id> <target>`)
      .description(text)
      .action(async (policyId: string, target: string) => {
        await session.call(`policy ${verb}`, { policyId, target })
        session.around.print(`Policy ${policyId} is ${done} ${target}.\n`)
      })
  }
  policy
    .command('list')
    .description("list the organization's policies")
    .option('--type <type>', 'service-control or resource-control')
    .option('--json', 'print JSON')
    .action(async ({ type, json }: PolicyOptions) => {
      const policies = await session.call('policy list', optional({ type }))
      const rows = policies.map((each) => [each.policyId, each.type, each.name, each.description])
      session.show(json, policies, () => textTable(['POLICY', 'TYPE', 'NAME', 'DESCRIPTION'], rows))
    })
  policy
    .command('show <policy-id>')
    .description('print a policy, or with --json all about it')
    .option('--json', 'print JSON')
    .action(async (policyId: string, { json }: Json) => {
      const shown = await session.call('policy show', { policyId })
      session.show(json, shown, () => `${shown.document.trimEnd()}\n`)
    })
}

/** Without what was not given. */
function optional(options: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(options)) if (value !== undefined) given[name] = value
  return given
}

function documentIn(session: Session, shown: string): string {
  return readInputFile(resolve(session.around.cwd, shown), {
    maxBytes: LONGEST_DOCUMENT_BYTES,
    tooLong: `${shown} is longer than a policy can be`,
    unreadable: (code) => `${shown} cannot be read (${code})`,
  }).toString()
}
