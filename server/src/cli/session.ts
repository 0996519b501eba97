import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { RandomSource } from '../crypto/random.ts'
import type { CommandName, CommandResult } from './commands.ts'
import type { DeploymentIo, Main } from './deployment.ts'

/** What the command line works with; the tests give their own streams and folders. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly clock: Clock
  readonly random: RandomSource
  load(): Promise<Main>
  /** To standard output: what was asked for. */
  print(text: string): void
  /** To standard error: what went wrong. */
  complain(text: string): void
}

/** What the actions of one command line share. */
export interface Session {
  readonly around: Surroundings
  /** The settings of this run; `also` overrides flags. Throws ConfigError. */
  configOf(also?: Readonly<Record<string, undefined>>): Config
  ioOf(config: Config, purpose: 'serve' | 'command'): DeploymentIo
  /** Gives an administrative command to the running server, or runs it here. */
  call<Name extends CommandName>(
    name: Name,
    args?: Readonly<Record<string, string>>,
  ): Promise<CommandResult<Name>>
  /** The account that a command is about: named in its place, or with --account-id. */
  chosenAccount(named: string | undefined): Readonly<Record<string, string>>
  show(json: boolean | undefined, value: unknown, text: () => string): void
}
