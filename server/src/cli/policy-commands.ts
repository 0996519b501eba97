import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import type { PrincipalAccess, SimulatedAccess } from '../deployment/access-questions.ts'
import type { Finding, ReviewedKind } from '../policy/analysis/validate-policy.ts'
import { CommandError, oneLine } from './failure.ts'
import { readInputFile } from './input-file.ts'
import { textTable } from './output.ts'
import type { Session } from './session.ts'

const MAX_POLICY_BYTES = 131_072
const types: readonly ReviewedKind[] = [
  'identity',
  'key',
  'trust',
  'resource',
  'service-control',
  'resource-control',
]

/** `keywright policy lint|template|simulate|who-can`: policies looked at, and access explained. Nothing is changed. */
export function addPolicyCommands(policy: Command, session: Session): void {
  policy
    .command('lint <file>')
    .description(
      'check a policy document; exit code 1 when it has an error or a security warning. Needs no deployment',
    )
    .addOption(new Option('--type <type>', 'what the policy is').choices(types).default('key'))
    .option('--json', 'print JSON')
    .action(async (file: string, { type, json }: { type: ReviewedKind; json?: boolean }) => {
      // Loaded only here: no other command needs the vocabularies of AWS's services.
      const { validatePolicy } = await import('../policy/analysis/validate-policy.ts')
      const findings = validatePolicy(readPolicy(resolve(session.around.cwd, file)), type)
      session.show(json, findings, () => lintText(findings))
      const bad = findings.filter(
        ({ findingType }) => findingType === 'ERROR' || findingType === 'SECURITY_WARNING',
      )
      if (bad.length > 0) {
        throw new CommandError(
          `${file} has ${bad.length} ${bad.length === 1 ? 'error or security warning' : 'errors and security warnings'}`,
        )
      }
    })
  policy
    .command('template [name]')
    .description('print a policy for a common pattern, or list the patterns. Needs no deployment')
    .option('--set <name=value>', 'a parameter of the template; may be repeated', collect, [])
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, { set, json }: { set: readonly string[]; json?: boolean }) => {
      if (name === undefined) await listTemplates(session, json)
      else session.around.print(`${await templateText(name, set)}\n`)
    })
  policy
    .command('simulate')
    .description(
      'say whether a principal may do something with a key, and why: policies, key policy, grants, organization',
    )
    .requiredOption(
      '--principal <arn>',
      'a user, role, role session or root user, or the name of a registered service',
    )
    .requiredOption('--action <action>', 'such as kms:Decrypt')
    .requiredOption('--key <key>', 'a key id or key ARN')
    .option('--context <key=value>', 'a condition key of the request; may be repeated', collect, [])
    .option('--json', 'print JSON')
    .action(async ({ principal, action, key, context, json }: SimulateOptions) => {
      const entries = Object.fromEntries(context.map(pair))
      const args = { principal, action, key, context: JSON.stringify(entries) }
      const result = await session.call('policy simulate', args)
      session.show(json, result, () => simulationText(result))
    })
  policy
    .command('who-can <action> <key>')
    .description('list everybody who may do something with a key, such as kms:Decrypt, and why')
    .option('--json', 'print JSON')
    .action(async (action: string, key: string, { json }: { json?: boolean }) => {
      const result = await session.call('policy who-can', { action, key })
      session.show(json, result, () => {
        if (result.principals.length === 0) return `Nobody may do ${result.action} with ${result.key}.\n`
        const rows = result.principals.map(accessRow)
        const more = result.truncated ? 'There are more principals than were looked at.\n' : ''
        return textTable(['PRINCIPAL', 'WHEN', 'WHY'], rows) + more
      })
    })
  policy
    .command('reset <key>')
    .description('give a key the default policy: for one whose policy lets nobody change it any more')
    .requiredOption('--reason <text>', 'why, for the journal')
    .option('--json', 'print JSON')
    .action(async (id: string, { reason, json }: { reason: string; json?: boolean }) => {
      const done = await session.call('policy reset', { id, reason })
      session.show(
        json,
        done,
        () =>
          `${done.arn} has the default policy: its account decides. Its policy was:\n${done.formerPolicy}\n`,
      )
    })
}

interface SimulateOptions {
  readonly principal: string
  readonly action: string
  readonly key: string
  readonly context: readonly string[]
  readonly json?: boolean
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

function pair(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new CommandError(`${text} must be of the form name=value`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

function readPolicy(file: string): string {
  return readInputFile(file, {
    maxBytes: MAX_POLICY_BYTES,
    tooLong: `${file} is too long for a policy`,
    unreadable: (code) => `cannot read the policy ${file} (${code})`,
  }).toString()
}

function lintText(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'No findings.\n'
  return findings
    .map(({ findingType, issueCode, findingDetails, locations }) => {
      const start = locations[0]?.span.start
      // Editors count columns from 1.
      const place = start === undefined ? '-' : `${start.line}:${start.column + 1}`
      return `${place}  ${findingType}  ${issueCode}\n    ${oneLine(findingDetails)}\n`
    })
    .join('')
}

async function listTemplates(session: Session, json: boolean | undefined): Promise<void> {
  const { templates } = await import('../policy/templates/templates.ts')
  const told = Object.entries(templates).map(([name, { description, kind, parameters }]) => ({
    name,
    kind,
    description,
    parameters: Object.entries(parameters).map(([parameter, { description: what, form, standard }]) => ({
      name: parameter,
      description: what,
      form,
      ...(standard !== undefined && { standard }),
    })),
  }))
  session.show(json, told, () =>
    told
      .map(
        ({ name, kind, description, parameters }) =>
          `${name} (${kind} policy)\n    ${description}\n` +
          parameters
            .map(
              (each) =>
                `    --set ${each.name}=…  ${each.description}${each.standard === undefined ? '' : ` (${each.standard})`}\n`,
            )
            .join(''),
      )
      .join('\n'),
  )
}

async function templateText(name: string, set: readonly string[]): Promise<string> {
  const { fillTemplate, requireTemplate, TemplateError } =
    await import('../policy/templates/fill-template.ts')
  try {
    requireTemplate(name)
    const values = new Map<string, string>()
    for (const [parameter, value] of set.map(pair)) {
      if (values.has(parameter)) throw new CommandError(`${parameter} is set twice`)
      values.set(parameter, value)
    }
    return fillTemplate(name, values)
  } catch (cause) {
    if (!(cause instanceof TemplateError)) throw cause
    throw new CommandError(cause.message, { cause })
  }
}

function simulationText({
  allowed,
  principal,
  action,
  key,
  reason,
  grantId,
  statements,
}: SimulatedAccess): string {
  const matched = statements.map(({ effect, policy, index, sid }) => [
    effect,
    policy,
    sid ?? `statement ${index}`,
  ])
  return [
    `${allowed ? 'ALLOWED' : 'DENIED'}  ${oneLine(principal)}  ${action}  ${key}\n`,
    `Because ${oneLine(reason)}.\n`,
    grantId === undefined ? '' : `Grant: ${grantId}\n`,
    matched.length === 0 ? '' : textTable(['EFFECT', 'POLICY', 'STATEMENT'], matched),
  ].join('')
}

function accessRow({
  principal,
  conditional,
  conditions,
  reason,
  grantId,
  statements,
}: PrincipalAccess): string[] {
  const allows = statements
    .filter(({ effect }) => effect === 'Allow')
    .map(({ policy, index, sid }) => `${policy}: ${sid ?? index}`)
  const source = grantId === undefined ? allows.join('; ') : `grant ${grantId}`
  return [
    principal,
    conditional ? `if ${conditions.join(', ') || 'conditions are met'}` : 'always',
    source === '' ? reason : `${reason} (${source})`,
  ]
}
