import { command, required, type ArgumentRule } from './command.ts'

const deploymentId: ArgumentRule = {
  form: 'the id of a deployment, as keywright region links shows it',
  pattern: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  required: true,
}
const identity: ArgumentRule = {
  form: 'an identity file, as keywright region identity writes it',
  pattern: /^[\n -~]{1,32768}$/,
  required: true,
}
const url: ArgumentRule = {
  form: 'an https URL with host and port and nothing else',
  pattern: /^https:\/\/([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\]):\d{1,5}$/,
  required: true,
}
const regions: ArgumentRule = {
  form: 'Region names with commas in between',
  pattern: /^[a-z0-9-]{1,40}(,[a-z0-9-]{1,40}){0,99}$/,
}
const fingerprint: ArgumentRule = {
  form: 'a fingerprint: ten groups of four hexadecimal digits',
  pattern: /^[0-9a-f]{4}(-[0-9a-f]{4}){9}$/,
}
const force: ArgumentRule = { form: 'true', pattern: /^true$/ }

/** Deployments whose Regions are joined to this one's. */
export const regionRequests = {
  'region identity': command({}, (deployment) => deployment.regionLinks.identity()),
  'region link': command({ identity, url, only: regions, fingerprint }, (deployment, args, operator) =>
    deployment.regionLinks.link(
      {
        identity: required(args, 'identity'),
        url: required(args, 'url'),
        ...(args['only'] !== undefined && { regions: args['only'].split(',') }),
        ...(args['fingerprint'] !== undefined && { fingerprint: args['fingerprint'] }),
      },
      operator,
    ),
  ),
  'region unlink': command({ deploymentId, force }, (deployment, args, operator) =>
    deployment.regionLinks.unlink(
      { deploymentId: required(args, 'deploymentId'), force: args['force'] === 'true' },
      operator,
    ),
  ),
  'region links': command({}, (deployment) => deployment.regionLinks.list()),
} as const
