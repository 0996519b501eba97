import { IamError } from './iam-error.ts'
import { listOf, pageInput, pageOutput, required, string } from './members.ts'
import { operation, type IamOperations } from './operation.ts'

const accountAlias = {
  type: 'string',
  min: 3,
  max: 63,
  pattern: '[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]',
} as const

/** The other name of an account: it has at most one, which no other account has. */
export const operations: IamOperations = {
  CreateAccountAlias: operation({
    input: { AccountAlias: required(accountAlias) },
    output: null,
    handler: ({ AccountAlias }, context) =>
      context.change(async (tx) => {
        const { accounts, accountId } = context
        context.authorize('iam:CreateAccountAlias', { arn: '*' })
        const holder = await accounts.ofAlias(tx.db, AccountAlias)
        if (holder !== undefined && holder !== accountId) {
          throw new IamError('EntityAlreadyExists', `The account alias ${AccountAlias} already exists.`)
        }
        await accounts.setAlias(tx, accountId, AccountAlias)
        return undefined
      }),
  }),

  DeleteAccountAlias: operation({
    input: { AccountAlias: required(accountAlias) },
    output: null,
    handler: ({ AccountAlias }, context) =>
      context.change(async (tx) => {
        const { accounts, accountId } = context
        context.authorize('iam:DeleteAccountAlias', { arn: '*' })
        if ((await accounts.ofAlias(tx.db, AccountAlias)) !== accountId) {
          throw new IamError('NoSuchEntity', `The account alias ${AccountAlias} cannot be found.`)
        }
        await accounts.setAlias(tx, accountId, undefined)
        return undefined
      }),
  }),

  ListAccountAliases: operation({
    input: pageInput,
    output: { AccountAliases: required(listOf(string)), ...pageOutput },
    readOnly: true,
    async handler(_request, context) {
      context.authorize('iam:ListAccountAliases', { arn: '*' })
      const alias = await context.accounts.aliasOf(context.store.db, context.accountId)
      return { AccountAliases: alias === undefined ? [] : [alias], IsTruncated: false }
    },
  }),
}
