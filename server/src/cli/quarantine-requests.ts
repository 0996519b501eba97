import { command, required, type ArgumentRule } from './command.ts'

const key: ArgumentRule = {
  form: 'a key id or key ARN',
  pattern: /^(arn:[!-~]{1,256}|[0-9a-z-]{1,64})$/,
  required: true,
}
const principal: ArgumentRule = {
  form: 'the ARN or unique id of a user or role, or the ARN of a root user',
  pattern: /^[\w+=,.@:/-]{1,2048}$/,
  required: true,
}
// It is shown to operators and stands in the journal.
const reason: ArgumentRule = {
  form: '1 to 256 printable ASCII characters',
  pattern: /^[ -~]{1,256}$/,
  required: true,
}

/** A deny that nothing overrides, and its end; and the way back to a key that its policy has shut off. */
export const quarantineRequests = {
  'quarantine key': command({ id: key, reason }, (deployment, args, operator) =>
    deployment.quarantine.key({ id: required(args, 'id'), reason: required(args, 'reason') }, operator),
  ),
  'quarantine principal': command({ id: principal, reason }, (deployment, args, operator) =>
    deployment.quarantine.principal({ id: required(args, 'id'), reason: required(args, 'reason') }, operator),
  ),
  'release key': command({ id: key }, (deployment, args, operator) =>
    deployment.quarantine.releaseKey({ id: required(args, 'id') }, operator),
  ),
  'release principal': command({ id: principal }, (deployment, args, operator) =>
    deployment.quarantine.releasePrincipal({ id: required(args, 'id') }, operator),
  ),
  'policy reset': command({ id: key, reason }, (deployment, args, operator) =>
    deployment.keyPolicy.reset({ id: required(args, 'id'), reason: required(args, 'reason') }, operator),
  ),
} as const
