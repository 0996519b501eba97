import { command, required, type ArgumentRule } from './command.ts'

const days: ArgumentRule = {
  form: 'a number of days from 1 to 36500',
  pattern: /^[1-9]\d{0,4}$/,
  required: true,
}
const region: ArgumentRule = { form: 'a Region, such as eu-central-1', pattern: /^[a-z0-9-]{1,32}$/ }
const accountId: ArgumentRule = { form: 'twelve digits', pattern: /^\d{12}$/ }

/** What is known of the use of keys. */
export const keyRequests = {
  'keys stale': command({ days, region, accountId }, (deployment, args) =>
    deployment.keyUsage.stale({
      days: Number(required(args, 'days')),
      region: args['region'],
      accountId: args['accountId'],
    }),
  ),
  'keys rebuild-uses': command({}, (deployment, _args, operator) => deployment.keyUsage.rebuild(operator)),
} as const
