import type { PrincipalKind } from '../../identity/principal.ts'
import { encodedDocument } from './answers.ts'
import { requireDocument } from './documents.ts'
import { IamError } from './iam-error.ts'
import {
  groupName,
  listOf,
  pageInput,
  pageOutput,
  policyDocument,
  policyName,
  required,
  roleName,
  string,
  userName,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageWithin } from './paging.ts'
import { requirePrincipal } from './principal-access.ts'
import { documentSize, documentSizes } from './quotas.ts'

/** What users, groups and roles have in common: the same operations under three names. */
export const named = {
  user: { Noun: 'User', member: 'UserName', name: userName },
  group: { Noun: 'Group', member: 'GroupName', name: groupName },
  role: { Noun: 'Role', member: 'RoleName', name: roleName },
} as const

/** PutUserPolicy, PutGroupPolicy, PutRolePolicy, and so on. */
export const operations: IamOperations = { ...of('user'), ...of('group'), ...of('role') }

function of(kind: PrincipalKind): IamOperations {
  const { Noun, member, name } = named[kind]
  const nameInput = { [member]: required(name) }
  const nameIn = (request: object): string => (request as Record<string, string>)[member] ?? ''
  const noSuchPolicy = (policy: string) =>
    new IamError('NoSuchEntity', `The ${kind} policy with name ${policy} cannot be found.`)

  return {
    [`Put${Noun}Policy`]: operation({
      input: { ...nameInput, PolicyName: required(policyName), PolicyDocument: required(policyDocument) },
      output: null,
      handler: (request, context) =>
        context.change(async (tx) => {
          const { PolicyName, PolicyDocument: document } = request
          const action = `iam:Put${Noun}Policy`
          const stored = await requirePrincipal(context, tx.db, kind, nameIn(request), action)
          const others = stored.principal.inlinePolicies.filter((policy) => policy.name !== PolicyName)
          const inlinePolicies = [...others, { name: PolicyName, document }]
          const size = inlinePolicies.reduce((sum, policy) => sum + documentSize(policy.document), 0)
          const limit = documentSizes[kind]
          if (size > limit) {
            const { name: whose } = stored.principal
            throw new IamError(
              'LimitExceeded',
              `Maximum policy size of ${limit} bytes exceeded for ${kind} ${whose}`,
            )
          }
          // Last, since what is too large is not worth reading.
          requireDocument(document, 'identity')
          await context.principals.update(tx, stored, { inlinePolicies })
          return undefined
        }),
    }),

    [`Get${Noun}Policy`]: operation({
      input: { ...nameInput, PolicyName: required(policyName) },
      output: { [member]: required(string), PolicyName: required(string), PolicyDocument: required(string) },
      readOnly: true,
      async handler(request, context) {
        const { db } = context.store
        const action = `iam:Get${Noun}Policy`
        const { principal } = await requirePrincipal(context, db, kind, nameIn(request), action)
        const policy = principal.inlinePolicies.find((one) => one.name === request.PolicyName)
        if (policy === undefined) throw noSuchPolicy(request.PolicyName)
        return {
          [member]: principal.name,
          PolicyName: policy.name,
          PolicyDocument: encodedDocument(policy.document),
        }
      },
    }),

    [`List${Noun}Policies`]: operation({
      input: { ...nameInput, ...pageInput },
      output: { PolicyNames: required(listOf(string)), ...pageOutput },
      readOnly: true,
      async handler(request, context) {
        const { db } = context.store
        const action = `iam:List${Noun}Policies`
        const { principal } = await requirePrincipal(context, db, kind, nameIn(request), action)
        const names = principal.inlinePolicies.map((policy) => policy.name)
        const page = pageWithin(names, request, (one) => one)
        return { PolicyNames: page.items, ...page.rest }
      },
    }),

    [`Delete${Noun}Policy`]: operation({
      input: { ...nameInput, PolicyName: required(policyName) },
      output: null,
      handler: (request, context) =>
        context.change(async (tx) => {
          const action = `iam:Delete${Noun}Policy`
          const stored = await requirePrincipal(context, tx.db, kind, nameIn(request), action)
          const { inlinePolicies } = stored.principal
          const rest = inlinePolicies.filter((policy) => policy.name !== request.PolicyName)
          if (rest.length === inlinePolicies.length) throw noSuchPolicy(request.PolicyName)
          await context.principals.update(tx, stored, { inlinePolicies: rest })
          return undefined
        }),
    }),
  }
}
