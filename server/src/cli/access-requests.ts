import { readStrictJson } from '../strict-json.ts'
import { command, required, type ArgumentRule } from './command.ts'
import { CommandError } from './failure.ts'

const action: ArgumentRule = {
  form: 'an action such as kms:Decrypt',
  pattern: /^kms:[A-Za-z]{1,64}$/,
  required: true,
}
const key: ArgumentRule = {
  form: 'a key id or key ARN',
  pattern: /^(arn:[!-~]{1,256}|[0-9a-z-]{1,64})$/,
  required: true,
}
const principal: ArgumentRule = {
  form: 'the ARN or unique id of a user, role, session or root user, or the name of a service',
  pattern: /^[\w+=,.@:/-]{1,2048}$/,
  required: true,
}
/** JSON: {condition key: value}. */
const context: ArgumentRule = { form: 'JSON of at most 16 KiB', pattern: /^\{[^]{0,16384}\}$/ }

/** What the server would decide; nothing is changed. */
export const accessRequests = {
  'policy simulate': command({ principal, action, key, context }, (deployment, args) =>
    deployment.access.simulate({
      principal: required(args, 'principal'),
      action: required(args, 'action'),
      key: required(args, 'key'),
      context: contextOf(args['context'] ?? '{}'),
    }),
  ),
  'policy who-can': command({ action, key }, (deployment, args) =>
    deployment.access.whoCan({ action: required(args, 'action'), key: required(args, 'key') }),
  ),
} as const

function contextOf(text: string): ReadonlyMap<string, string> {
  const entries = Object.entries(readStrictJson(text, 1, 1000) as Record<string, unknown>)
  return new Map(
    entries.map(([name, value]) => {
      if (typeof value !== 'string') throw new CommandError('the values of the context must be strings')
      return [name, value]
    }),
  )
}
