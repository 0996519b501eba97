import { command, required, type ArgumentRule } from './command.ts'

const deletions: ArgumentRule = {
  form: 'deletions of a journal as JSON',
  pattern: /^\[[ -~]{0,60000}\]$/,
  required: true,
}
const after: ArgumentRule = { form: 'a position of the change feed', pattern: /^\d{1,15}$/ }

/** What keeps keys that were deleted from coming back. */
export const deletionRequests = {
  'keys apply-deletions': command({ deletions, after }, (deployment, args, operator) =>
    deployment.broughtDeletions.apply(
      {
        deletions: required(args, 'deletions'),
        after: args['after'] === undefined ? undefined : Number(args['after']),
      },
      operator,
    ),
  ),
} as const
