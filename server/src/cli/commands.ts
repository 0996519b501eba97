import type { Operator } from '../deployment/operator-record.ts'
import type { RootKeyProviderName } from '../deployment/root-key-source.ts'
import { accessRequests } from './access-requests.ts'
import { command, required, type ArgumentRule, type Arguments } from './command.ts'
import { deletionRequests } from './deletion-requests.ts'
import type { Deployment } from './deployment.ts'
import { CommandError } from './failure.ts'
import { keyRequests } from './key-requests.ts'
import { organizationRequests } from './organization-requests.ts'
import { quarantineRequests } from './quarantine-requests.ts'
import { regionRequests } from './region-requests.ts'

const accountId: ArgumentRule = { form: 'twelve digits', pattern: /^\d{12}$/ }
const accountName: ArgumentRule = { form: '1 to 50 printable ASCII characters', pattern: /^[ -~]{1,50}$/ }
const accessKeyId: ArgumentRule = {
  form: '3 to 128 letters, digits and underscores',
  pattern: /^\w{3,128}$/,
  required: true,
}
const providers: readonly RootKeyProviderName[] = ['file', 'passphrase']
const provider: ArgumentRule = { form: 'file or passphrase', pattern: /^(file|passphrase)$/ }
/** Base64 of its bytes. An error names an argument, never its value. */
const passphrase: ArgumentRule = { form: 'base64', pattern: /^[A-Za-z0-9+/]{1,1400}={0,2}$/ }

const serviceName: ArgumentRule = {
  form: 'the name of a service, such as s3.us-east-1.amazonaws.com',
  pattern: /^[a-z0-9.-]{1,128}$/,
  required: true,
}
const certificate: ArgumentRule = {
  form: 'a certificate in PEM',
  pattern: /^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,16384}-----END CERTIFICATE-----$/,
  required: true,
}

/**
 * Every administrative command that works on a deployment. The same entry runs in the server, by way of the control socket,
 * and in the command's own process when no server runs.
 */
export const commands = {
  'account create': command({ accountId, name: accountName }, (deployment, args, operator) =>
    deployment.accounts.create(args, operator),
  ),
  'account list': command({}, (deployment) => deployment.accounts.list()),
  'credentials create': command({ accountId }, async (deployment, args, operator) =>
    deployment.credentials.create(
      { accountId: args['accountId'] ?? (await onlyAccount(deployment)) },
      operator,
    ),
  ),
  'credentials list': command({ accountId }, (deployment, args) => deployment.credentials.list(args)),
  'credentials disable': command({ accessKeyId }, async (deployment, args, operator) => {
    await deployment.credentials.disable({ accessKeyId: required(args, 'accessKeyId') }, operator)
    return {}
  }),
  'credentials enable': command({ accessKeyId }, async (deployment, args, operator) => {
    await deployment.credentials.enable({ accessKeyId: required(args, 'accessKeyId') }, operator)
    return {}
  }),
  'credentials delete': command({ accessKeyId }, async (deployment, args, operator) => {
    await deployment.credentials.delete({ accessKeyId: required(args, 'accessKeyId') }, operator)
    return {}
  }),
  'service register': command({ name: serviceName, certificate }, (deployment, args, operator) =>
    deployment.services.register(
      { name: required(args, 'name'), certificate: required(args, 'certificate') },
      operator,
    ),
  ),
  'service list': command({}, (deployment) => deployment.services.list()),
  'service remove': command({ name: serviceName }, async (deployment, args, operator) => {
    await deployment.services.remove({ name: required(args, 'name') }, operator)
    return {}
  }),
  'root-key show': command({}, (deployment) => deployment.rootKey.describe()),
  'root-key rotate': command({ provider, passphrase }, async (deployment, args, operator) => {
    const secret = args['passphrase'] === undefined ? undefined : Buffer.from(args['passphrase'], 'base64')
    const to = providers.find((name) => name === args['provider'])
    const change = {
      ...(to === undefined ? {} : { provider: to }),
      ...(secret === undefined ? {} : { passphrase: secret }),
    }
    return deployment.rootKey.rotate(change, operator).finally(() => secret?.fill(0))
  }),
  ...accessRequests,
  ...deletionRequests,
  ...keyRequests,
  ...organizationRequests,
  ...quarantineRequests,
  ...regionRequests,
  'domain-keys rotate': command({}, (deployment, _args, operator) => deployment.domainKeys.rotate(operator)),
} as const

export type CommandName = keyof typeof commands
export type CommandResult<Name extends CommandName> = Awaited<ReturnType<(typeof commands)[Name]['run']>>

/** A command that is asked for, checked: it came from another process. */
export interface CommandRequest {
  readonly command: CommandName
  readonly args: Arguments
  readonly operator: Operator
}

/** @throws CommandError for an unknown command or argument, a missing argument, or one of the wrong form */
export function checkRequest(command: unknown, args: unknown, userName: unknown): CommandRequest {
  if (typeof command !== 'string' || !Object.hasOwn(commands, command))
    throw new CommandError('unknown command')
  const name = command as CommandName
  if (typeof userName !== 'string' || !/^[!-~]{1,64}$/.test(userName)) {
    throw new CommandError('the operator must have a name of 1 to 64 printable characters')
  }
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    throw new CommandError(`the arguments of ${name} must be an object`)
  }
  const rules: Readonly<Record<string, ArgumentRule>> = commands[name].arguments
  const checked: Record<string, string> = {}
  for (const [argument, value] of Object.entries(args as Record<string, unknown>)) {
    const rule = Object.hasOwn(rules, argument) ? rules[argument] : undefined
    if (rule === undefined) throw new CommandError(`unknown argument of ${name}`)
    if (typeof value !== 'string' || !rule.pattern.test(value)) {
      throw new CommandError(`${argument} of ${name} must be ${rule.form}`)
    }
    checked[argument] = value
  }
  for (const [argument, rule] of Object.entries(rules)) {
    if (rule.required === true && !Object.hasOwn(checked, argument)) {
      throw new CommandError(`${name} needs ${argument}: ${rule.form}`)
    }
  }
  return { command: name, args: checked, operator: { userName } }
}

/** Runs a checked request on an opened deployment. */
export function runRequest(
  deployment: Deployment,
  { command, args, operator }: CommandRequest,
): Promise<unknown> {
  return commands[command].run(deployment, args, operator)
}

async function onlyAccount(deployment: Deployment): Promise<string> {
  const accounts = await deployment.accounts.list()
  const [first] = accounts
  if (first === undefined || accounts.length > 1) {
    throw new CommandError(`there are ${accounts.length} accounts: name one by its twelve digits`)
  }
  return first.accountId
}
