import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { ConfigError, loadConfig, unknownSetting } from '../config.ts'
import type { Config } from '../config.ts'
import { flagOf, settingNames, settings } from '../settings.ts'
import type { Setting } from '../settings.ts'
import { createLog } from '../telemetry/log.ts'
import { addAdministration } from './administration.ts'
import { addAuditCommands } from './audit-commands.ts'
import type { DeploymentIo } from './deployment.ts'
import { describeFailure, failureStack } from './failure.ts'
import { invoke } from './invoke.ts'
import { addImportCommands } from './import-commands.ts'
import { addKeyCommands } from './key-commands.ts'
import { addOrganizationCommands, addOrganizationPolicyCommands } from './organization-commands.ts'
import { readPassphrase } from './passphrase.ts'
import { addPolicyCommands } from './policy-commands.ts'
import { addQuarantineCommands } from './quarantine-commands.ts'
import { addRegionCommands } from './region-commands.ts'
import { serveUntilStopped } from './serve.ts'
import { addServiceCommands } from './service-commands.ts'
import type { Session, Surroundings } from './session.ts'

const [DONE, FAILED, MISUSED] = [0, 1, 2]

/** Runs one command line; resolves with the exit code: 0, 1 when it failed, 2 when it was not understood. Never rejects. */
export async function runCommandLine(argv: readonly string[], around: Surroundings): Promise<number> {
  const run: Run = {
    around,
    exitCode: DONE,
    debug: /^(debug|trace)$/.test(around.env['KEYWRIGHT_LOG_LEVEL'] ?? ''),
  }
  try {
    await programOf(run).parseAsync([...argv], { from: 'user' })
    return run.exitCode
  } catch (error) {
    // Help and version come as errors too, and have been printed.
    if (error instanceof CommanderError && error.exitCode === 0) return DONE
    if (error instanceof CommanderError && error.code === 'commander.help') return MISUSED
    const text = error instanceof CommanderError ? misuse(error) : describeFailure(error)
    around.complain(`keywright: ${text}\n`)
    if (run.debug && !(error instanceof CommanderError)) around.complain(`${failureStack(error)}\n`)
    return error instanceof CommanderError || error instanceof ConfigError ? MISUSED : FAILED
  }
}

interface Run {
  readonly around: Surroundings
  exitCode: number
  /** Whether an error shows its stack. */
  debug: boolean
}

function programOf(run: Run): Command {
  const { around } = run
  const program = new Command('keywright')
  program
    .description('A self-hosted key management service that speaks the AWS KMS API.')
    .version(`keywright ${packageVersion()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        around.print(text)
      },
      // Commander's own error line is ours to word; help goes through writeErr when no command was given.
      writeErr: (text) => {
        if (!text.startsWith('error:')) around.complain(text)
      },
      outputError: () => {},
    })
  addSettings(program)

  const session: Session = {
    around,
    configOf(also = {}) {
      const config = loadConfig({ flags: { ...program.opts(), ...also }, env: around.env, cwd: around.cwd })
      run.debug = config.logLevel === 'debug' || config.logLevel === 'trace'
      return config
    },
    ioOf: (config, purpose) => ioOf(config, around, purpose),
    call(name, args = {}) {
      // For a command, --account-id says which account; the deployment's first account is not checked against it.
      const config = session.configOf({ accountId: undefined })
      return invoke({ config, io: session.ioOf(config, 'command'), load: () => around.load() }, name, args)
    },
    chosenAccount(named) {
      const accountId = named ?? (program.opts()['accountId'] as string | undefined)
      return accountId === undefined ? {} : { accountId }
    },
    show(json, value, text) {
      around.print(json === true ? `${JSON.stringify(value, null, 2)}\n` : text())
    },
  }

  program
    .command('serve')
    .description('serve the AWS KMS API; initialises the data directory on first start')
    .action(async () => {
      const config = session.configOf()
      const io = session.ioOf(config, 'serve')
      const print = (text: string) => {
        around.print(text)
      }
      run.exitCode = await serveUntilStopped({ config, io, load: () => around.load() }, print)
    })

  program
    .command('init')
    .description('create the data directory, the root key and the first account, without serving')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const config = session.configOf()
      const { initDeployment } = await around.load()
      const made = await initDeployment(config, session.ioOf(config, 'command'))
      session.show(
        json,
        made,
        () =>
          `Account ${made.accountId} is ready in ${config.dataDir}.\nCredentials of its root user: ${made.credentialsFile}\n`,
      )
    })

  addAdministration(program, session)
  addServiceCommands(program, session)
  addOrganizationCommands(program, session)
  const policy = program
    .command('policy')
    .description('manage the policies of the organization; write, check and explain any policy')
  addOrganizationPolicyCommands(policy, session)
  addPolicyCommands(policy, session)
  addQuarantineCommands(program, session)
  addRegionCommands(program, session)
  addKeyCommands(program, session)
  addAuditCommands(program, session)
  addImportCommands(program, session)

  program
    .command('version')
    .description('print the version')
    .action(() => {
      around.print(`keywright ${packageVersion()}\n`)
    })
  return program
}

/** Every setting is a flag of every command; `--no-…` turns a switch off that the file or a variable turns on. */
function addSettings(program: Command): void {
  program.addOption(
    new Option('--config <file>', 'the configuration file (default: keywright.yaml, when there is one)'),
  )
  for (const name of settingNames) {
    const setting: Setting<unknown> = settings[name]
    const flag = flagOf(name)
    const description = setting.description.replaceAll('`', '')
    if (setting.type.toggle === true) {
      program.addOption(new Option(flag, description))
      program.addOption(new Option(flag.replace('--', '--no-')).hideHelp())
    } else {
      const option = new Option(`${flag} <value>`, description)
      // Taken, so that the refusal can say what to use.
      program.addOption(setting.noFlag === undefined ? option : option.hideHelp())
    }
  }
}

function ioOf(config: Config, around: Surroundings, purpose: 'serve' | 'command'): DeploymentIo {
  // A command's output is its answer; what opening and closing a deployment has to say is for servers.
  const level = purpose === 'command' && config.logLevel === 'info' ? 'warn' : config.logLevel
  const pretty = config.logFormat === 'auto' ? {} : { pretty: config.logFormat === 'pretty' }
  return {
    log: createLog({ level, destination: 2, ...pretty }),
    clock: around.clock,
    random: around.random,
    passphrase: (kind) => readPassphrase({ file: config.passphraseFile, fd: config.passphraseFd }, kind),
  }
}

function misuse(error: CommanderError): string {
  const option = /unknown option '([^']*)'/.exec(error.message)?.[1]
  if (option !== undefined)
    return unknownSetting(option, ['--config', '--json', ...settingNames.map(flagOf)]).message
  return describeFailure(new Error(error.message.replace(/^error: /, '')))
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
