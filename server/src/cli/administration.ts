import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { RootKeyProviderName } from '../deployment/root-key-source.ts'
import { reserveCredentialsFile } from './credentials-file.ts'
import { CommandError } from './failure.ts'
import { textTable, timeText } from './output.ts'
import { readPassphrase } from './passphrase.ts'
import type { Session } from './session.ts'

/** The commands that go through the control socket while a server runs. */
export function addAdministration(program: Command, session: Session): void {
  addAccounts(program, session)
  addCredentials(program, session)
  addRootKey(program, session)
  addDomainKeys(program, session)
}

function addAccounts(program: Command, session: Session): void {
  const account = program.command('account').description('accounts of this deployment')
  account
    .command('create [account-id]')
    .description('create an account; without an account ID, one is chosen')
    .option('--name <name>', 'a name for people')
    .option('--json', 'print JSON')
    .action(async (accountId: string | undefined, { name, json }: { name?: string; json?: boolean }) => {
      const made = await session.call('account create', {
        ...session.chosenAccount(accountId),
        ...(name === undefined ? {} : { name }),
      })
      session.show(
        json,
        made,
        () =>
          `Account ${made.accountId} was created. Its root user gets an access key with: keywright credentials create ${made.accountId}\n`,
      )
    })
  account
    .command('list')
    .description('list the accounts')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const accounts = await session.call('account list')
      const rows = accounts.map((each) => [each.accountId, each.name, timeText(each.createdAt)])
      session.show(json, accounts, () => textTable(['ACCOUNT', 'NAME', 'CREATED'], rows))
    })
}

function addCredentials(program: Command, session: Session): void {
  const credentials = program.command('credentials').description("access keys of accounts' root users")
  credentials
    .command('create [account-id]')
    .description(
      'create an access key; its secret is shown once. An account ID is needed when there are several accounts',
    )
    .option(
      '--output <file>',
      'write an AWS shared-credentials file, mode 0600, instead of printing the secret',
    )
    .option('--json', 'print JSON')
    .action(async (accountId: string | undefined, { output, json }: { output?: string; json?: boolean }) => {
      const args = session.chosenAccount(accountId)
      if (output === undefined) {
        const made = await session.call('credentials create', args)
        const rows = [[made.accountId, made.accessKeyId, made.secretAccessKey]]
        return session.show(json, made, () =>
          textTable(['ACCOUNT', 'ACCESS KEY ID', 'SECRET ACCESS KEY'], rows),
        )
      }
      const { secretAccessKey: _, ...made } = await createInto(resolve(session.around.cwd, output), () =>
        session.call('credentials create', args),
      )
      const file = resolve(session.around.cwd, output)
      session.show(
        json,
        { ...made, file },
        () => `Access key ${made.accessKeyId} of account ${made.accountId} is in ${file}\n`,
      )
    })
  credentials
    .command('list [account-id]')
    .description('list access keys, never their secrets')
    .option('--json', 'print JSON')
    .action(async (accountId: string | undefined, { json }: { json?: boolean }) => {
      const keys = await session.call('credentials list', session.chosenAccount(accountId))
      const rows = keys.map((key) => [
        key.accountId,
        key.accessKeyId,
        key.principal,
        key.status,
        timeText(key.createdAt),
      ])
      session.show(json, keys, () =>
        textTable(['ACCOUNT', 'ACCESS KEY ID', 'PRINCIPAL', 'STATUS', 'CREATED'], rows),
      )
    })
  for (const [verb, done, text] of [
    ['disable', 'disabled', 'refuse requests that are signed with an access key'],
    ['enable', 'enabled', 'accept an access key again'],
    ['delete', 'deleted', 'delete an access key for good'],
  ] as const) {
    credentials
      .command(`${verb} <access-key-id>`)
      .description(text)
      .action(async (accessKeyId: string) => {
        await session.call(`credentials ${verb}`, { accessKeyId })
        session.around.print(`Access key ${accessKeyId} is ${done}.\n`)
      })
  }
}

function addRootKey(program: Command, session: Session): void {
  const rootKey = program.command('root-key').description('the key above all others')
  rootKey
    .command('show')
    .description('print the provider and the ID of the root key')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const facts = await session.call('root-key show')
      session.show(json, facts, () =>
        textTable(['PROVIDER', 'ROOT KEY'], [[facts.provider, facts.rootKeyId]]),
      )
    })
  const newPassphrase = (command: Command): Command =>
    command
      .option(
        '--new-passphrase-file <file>',
        'a file that holds the new passphrase, readable by its owner only',
      )
      .option('--new-passphrase-fd <number>', 'a file descriptor to read the new passphrase from')
  const rotate = async (provider: RootKeyProviderName | undefined, options: NewPassphraseOptions) => {
    const kind = provider ?? (await session.call('root-key show')).provider
    const { rootKeyId, rewrapped } = await session.call('root-key rotate', {
      ...(provider === undefined ? {} : { provider }),
      ...(kind === 'passphrase' ? { passphrase: await newPassphraseText(options, session.around.cwd) } : {}),
    })
    session.around.print(
      `Root key ${rootKeyId} of the provider ${kind} is in force; ${rewrapped} keys were wrapped again.\n`,
    )
    if (provider !== undefined)
      session.around.print(`From now on start with --root-key-provider ${provider}.\n`)
  }
  newPassphrase(rootKey.command('rotate'))
    .description('replace the root key by a new one of the same provider')
    .action((options: NewPassphraseOptions) => rotate(undefined, options))
  newPassphrase(rootKey.command('passphrase'))
    .description('protect the root key with a new passphrase')
    .action((options: NewPassphraseOptions) => rotate('passphrase', options))
  rootKey
    .command('file')
    .description('protect the root key with a key file, no longer with a passphrase')
    .action(() => rotate('file', {}))
}

function addDomainKeys(program: Command, session: Session): void {
  program
    .command('domain-keys')
    .description('the keys below the root key, one for each account and Region')
    .command('rotate')
    .description('give every account and Region a new domain key')
    .action(async () => {
      const { domains, rewrapped } = await session.call('domain-keys rotate')
      session.around.print(
        `${domains} domains have a new key; ${rewrapped} key materials were wrapped again.\n`,
      )
    })
}

interface NewPassphraseOptions {
  readonly newPassphraseFile?: string
  readonly newPassphraseFd?: string
}

/** In base64, as it travels to the server. */
async function newPassphraseText(options: NewPassphraseOptions, cwd: string): Promise<string> {
  const { newPassphraseFile, newPassphraseFd } = options
  if (newPassphraseFd !== undefined && !/^\d{1,4}$/.test(newPassphraseFd)) {
    throw new CommandError('--new-passphrase-fd must be the number of a file descriptor')
  }
  const source = {
    file: newPassphraseFile === undefined ? undefined : resolve(cwd, newPassphraseFile),
    fd: newPassphraseFd === undefined ? undefined : Number(newPassphraseFd),
  }
  const passphrase = await readPassphrase(source, 'create')
  try {
    return passphrase.toString('base64')
  } finally {
    passphrase.fill(0)
  }
}

/** Makes the file first: a secret that could not be written down would be lost. */
async function createInto<T extends { accessKeyId: string; secretAccessKey: string }>(
  file: string,
  create: () => Promise<T>,
): Promise<T> {
  let reserved
  try {
    reserved = reserveCredentialsFile(file)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const reason = code === 'EEXIST' ? 'it exists already' : code
    throw new CommandError(`cannot write ${file} (${reason}): name another file; no access key was made`, {
      cause,
    })
  }
  let made: T
  try {
    made = await create()
  } catch (error) {
    reserved.discard()
    throw error
  }
  reserved.fill(made)
  return made
}
