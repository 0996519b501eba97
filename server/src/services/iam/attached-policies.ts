import { awsManagedPolicy } from '../../identity/aws-managed-policies.ts'
import type { PrincipalKind } from '../../identity/principal.ts'
import { isAttachable } from './boundaries.ts'
import { IamError } from './iam-error.ts'
import { named } from './inline-policies.ts'
import { arn, listOf, pageInput, pageOutput, pathPrefix, required, string, structure } from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageWithin } from './paging.ts'
import { requirePrincipal } from './principal-access.ts'
import { requireRoom } from './quotas.ts'

const quotaOf = { user: 'PoliciesPerUser', group: 'PoliciesPerGroup', role: 'PoliciesPerRole' } as const

/** AttachUserPolicy, AttachGroupPolicy, AttachRolePolicy, and so on. */
export const operations: IamOperations = { ...of('user'), ...of('group'), ...of('role') }

function of(kind: PrincipalKind): IamOperations {
  const { Noun, member, name } = named[kind]
  const nameInput = { [member]: required(name) }
  const nameIn = (request: object): string => (request as Record<string, string>)[member] ?? ''
  const policyKey = (policyArn: string) => ({ keys: { 'iam:policyarn': policyArn } })

  return {
    [`Attach${Noun}Policy`]: operation({
      input: { ...nameInput, PolicyArn: required(arn) },
      output: null,
      handler: (request, context) =>
        context.change(async (tx) => {
          const { PolicyArn } = request
          const action = `iam:Attach${Noun}Policy`
          const more = policyKey(PolicyArn)
          const stored = await requirePrincipal(context, tx.db, kind, nameIn(request), action, more)
          if (!(await isAttachable(context, tx.db, PolicyArn))) {
            throw new IamError('NoSuchEntity', `Policy ${PolicyArn} does not exist or is not attachable.`)
          }
          const { attachedPolicies } = stored.principal
          const isThere = attachedPolicies.includes(PolicyArn)
          if (!isThere) requireRoom(quotaOf[kind], attachedPolicies.length)
          await context.principals.update(tx, stored, {
            attachedPolicies: isThere ? attachedPolicies : [...attachedPolicies, PolicyArn],
          })
          return undefined
        }),
    }),

    [`Detach${Noun}Policy`]: operation({
      input: { ...nameInput, PolicyArn: required(arn) },
      output: null,
      handler: (request, context) =>
        context.change(async (tx) => {
          const { PolicyArn } = request
          const action = `iam:Detach${Noun}Policy`
          const more = policyKey(PolicyArn)
          const stored = await requirePrincipal(context, tx.db, kind, nameIn(request), action, more)
          const { attachedPolicies } = stored.principal
          if (!attachedPolicies.includes(PolicyArn)) {
            throw new IamError('NoSuchEntity', `Policy ${PolicyArn} was not found.`)
          }
          await context.principals.update(tx, stored, {
            attachedPolicies: attachedPolicies.filter((policyArn) => policyArn !== PolicyArn),
          })
          return undefined
        }),
    }),

    [`ListAttached${Noun}Policies`]: operation({
      input: { ...nameInput, PathPrefix: pathPrefix, ...pageInput },
      output: {
        AttachedPolicies: listOf(structure({ PolicyName: string, PolicyArn: string })),
        ...pageOutput,
      },
      readOnly: true,
      async handler(request, context) {
        const { db } = context.store
        const action = `iam:ListAttached${Noun}Policies`
        const { principal } = await requirePrincipal(context, db, kind, nameIn(request), action)
        const { PathPrefix = '/' } = request
        const within = principal.attachedPolicies.filter((policyArn) =>
          pathOf(policyArn).startsWith(PathPrefix),
        )
        const page = pageWithin(within, request, markerName)
        return { AttachedPolicies: page.items.map(attachedPolicy), ...page.rest }
      },
    }),
  }
}

/** A managed policy as lists of attachments show it. */
export function attachedPolicy(policyArn: string): { PolicyName: string; PolicyArn: string } {
  return { PolicyName: policyArn.slice(policyArn.lastIndexOf('/') + 1), PolicyArn: policyArn }
}

/** Short enough for a marker, which an ARN is not; an account has no two policies of one name. */
function markerName(policyArn: string): string {
  const owner = awsManagedPolicy(policyArn) === undefined ? 'local' : 'aws'
  return `${owner}/${attachedPolicy(policyArn).PolicyName}`
}

/** `/path/` of `arn:aws:iam::111122223333:policy/path/name`. */
function pathOf(policyArn: string): string {
  const path = awsManagedPolicy(policyArn)?.path
  return (
    path ?? policyArn.slice(policyArn.indexOf(':policy/') + ':policy'.length, policyArn.lastIndexOf('/') + 1)
  )
}
