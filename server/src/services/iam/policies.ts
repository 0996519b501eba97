import { iamArn } from '../../arn.ts'
import { AwsError } from '../../aws-error.ts'
import {
  awsManagedPolicies,
  awsManagedPolicy,
  awsManagedPolicyArn,
} from '../../identity/aws-managed-policies.ts'
import type { PrincipalKind } from '../../identity/principal.ts'
import type { StoredManagedPolicy } from '../../identity/managed-policies.ts'
import type { Db } from '../../store/db.ts'
import { awsPolicy, listedPolicy, policyShape, wholePolicy, type PolicyUsage } from './answers.ts'
import { requireDocument } from './documents.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import {
  arn,
  boolean,
  listOf,
  pageInput,
  pageOutput,
  path,
  pathPrefix,
  policyDescription,
  policyDocument,
  policyName,
  required,
  string,
  structure,
  tags,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageWithin } from './paging.ts'
import { listArn } from './principal-access.ts'
import { documentSize, documentSizes, quotaExceeded, requireRoom } from './quotas.ts'
import { requireTags } from './tag-rules.ts'

const usageFilter = { type: 'string', enum: ['PermissionsPolicy', 'PermissionsBoundary'] } as const
const unused: PolicyUsage = { attached: 0, boundary: 0 }

/** Managed policies: those of the account, and AWS's, which nobody changes. */
export const operations: IamOperations = {
  CreatePolicy: operation({
    input: {
      PolicyName: required(policyName),
      Path: path,
      PolicyDocument: required(policyDocument),
      Description: policyDescription,
      Tags: tags,
    },
    output: { Policy: policyShape },
    handler: (request, context) =>
      context.change(async (tx) => {
        const { accountId, managedPolicies, partition } = context
        const { PolicyName: name, Path: newPath = '/', PolicyDocument: document } = request
        const requestTags = requireTags(request.Tags)
        const newArn = iamArn({ partition, accountId, resource: `policy${newPath}${name}` })
        context.authorize('iam:CreatePolicy', { arn: newArn }, { requestTags })
        if (requestTags.length > 0) context.authorize('iam:TagPolicy', { arn: newArn }, { requestTags })
        requireManagedDocument(document)
        if (await managedPolicies.isNamed(tx.db, accountId, name)) {
          throw new IamError(
            'EntityAlreadyExists',
            `A policy called ${name} already exists. Duplicate names are not allowed.`,
          )
        }
        requireRoom('PoliciesPerAccount', await managedPolicies.count(tx.db, accountId))
        const { policy } = await managedPolicies.create(tx, {
          accountId,
          arn: newArn,
          name,
          path: newPath,
          description: request.Description,
          document,
          tags: requestTags,
        })
        return { Policy: wholePolicy(policy, unused) }
      }),
  }),

  GetPolicy: operation({
    input: { PolicyArn: required(arn) },
    output: { Policy: policyShape },
    readOnly: true,
    async handler({ PolicyArn }, context) {
      const { store, partition } = context
      const found = await findPolicy(context, store.db, PolicyArn, 'iam:GetPolicy')
      const usage = await usageOf(context, store.db, PolicyArn)
      if (found.type === 'aws')
        return {
          Policy: { ...awsPolicy(found.policy, usage, partition), Description: found.policy.description },
        }
      return { Policy: wholePolicy(found.stored.policy, usage) }
    },
  }),

  ListPolicies: operation({
    input: {
      Scope: { type: 'string', enum: ['All', 'AWS', 'Local'] },
      OnlyAttached: boolean,
      PathPrefix: pathPrefix,
      PolicyUsageFilter: usageFilter,
      ...pageInput,
    },
    output: { Policies: listOf(policyShape), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { accountId, store, principals, managedPolicies, partition } = context
      const { Scope = 'All', PathPrefix, OnlyAttached = false, PolicyUsageFilter } = request
      context.authorize('iam:ListPolicies', { arn: listArn(context, 'policy', PathPrefix) })
      const usages = await principals.policyUsage(store.db, accountId)
      const wanted = ({ attached, boundary }: PolicyUsage): boolean => {
        if (PolicyUsageFilter === 'PermissionsPolicy' && attached === 0) return false
        if (PolicyUsageFilter === 'PermissionsBoundary' && boundary === 0) return false
        return !OnlyAttached || attached + boundary > 0
      }
      const listed: { name: string; answer: object }[] = []
      if (Scope !== 'Local') {
        for (const policy of awsManagedPolicies) {
          const usage = usages.get(awsManagedPolicyArn(policy, partition)) ?? unused
          if (!policy.path.startsWith(PathPrefix ?? '/') || !wanted(usage)) continue
          listed.push({ name: `aws/${policy.name}`, answer: awsPolicy(policy, usage, partition) })
        }
      }
      if (Scope !== 'AWS') {
        for (let after = ''; ;) {
          const some = await managedPolicies.list(store.db, {
            accountId,
            pathPrefix: PathPrefix,
            after,
            limit: POLICIES_PER_PAGE,
          })
          for (const { policy, row } of some) {
            const usage = usages.get(policy.arn) ?? unused
            if (wanted(usage))
              listed.push({ name: `local/${row.name_key}`, answer: listedPolicy(policy, usage) })
          }
          const last = some.at(-1)
          if (last === undefined || some.length < POLICIES_PER_PAGE) break
          after = last.row.name_key
        }
      }
      const page = pageWithin(listed, request, ({ name }) => name)
      return { Policies: page.items.map(({ answer }) => answer), ...page.rest }
    },
  }),

  DeletePolicy: operation({
    input: { PolicyArn: required(arn) },
    output: null,
    handler: ({ PolicyArn }, context) =>
      context.change(async (tx) => {
        const stored = await requireOwnPolicy(context, tx.db, PolicyArn, 'iam:DeletePolicy')
        const { attached, boundary } = await usageOf(context, tx.db, PolicyArn)
        if (attached + boundary > 0) {
          throw new IamError('DeleteConflict', 'Cannot delete a policy attached to entities.')
        }
        if (stored.policy.versions.length > 1) {
          throw new IamError(
            'DeleteConflict',
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
          )
        }
        await context.managedPolicies.remove(tx, stored)
        return undefined
      }),
  }),

  ListEntitiesForPolicy: operation({
    input: {
      PolicyArn: required(arn),
      EntityFilter: {
        type: 'string',
        enum: ['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'],
      },
      PathPrefix: path,
      PolicyUsageFilter: usageFilter,
      ...pageInput,
    },
    output: {
      PolicyGroups: listOf(structure({ GroupName: string, GroupId: string })),
      PolicyUsers: listOf(structure({ UserName: string, UserId: string })),
      PolicyRoles: listOf(structure({ RoleName: string, RoleId: string })),
      ...pageOutput,
    },
    readOnly: true,
    async handler(request, context) {
      const { store, principals, accountId } = context
      const { PolicyArn, EntityFilter, PathPrefix = '/', PolicyUsageFilter } = request
      await findPolicy(context, store.db, PolicyArn, 'iam:ListEntitiesForPolicy')
      const holders = (await principals.holders(store.db, accountId, PolicyArn)).filter(({ principal }) => {
        if (EntityFilter !== undefined && EntityFilter.toLowerCase() !== principal.kind) return false
        if (!principal.path.startsWith(PathPrefix)) return false
        if (PolicyUsageFilter === 'PermissionsPolicy') return principal.attachedPolicies.includes(PolicyArn)
        return PolicyUsageFilter === undefined || principal.boundaryArn === PolicyArn
      })
      const page = pageWithin(holders, request, ({ principal }) => principal.principalId)
      const of = (kind: PrincipalKind) =>
        page.items.filter(({ principal }) => principal.kind === kind).map(({ principal }) => principal)
      return {
        PolicyGroups: of('group').map((one) => ({ GroupName: one.name, GroupId: one.principalId })),
        PolicyUsers: of('user').map((one) => ({ UserName: one.name, UserId: one.principalId })),
        PolicyRoles: of('role').map((one) => ({ RoleName: one.name, RoleId: one.principalId })),
        ...page.rest,
      }
    },
  }),
}

const POLICIES_PER_PAGE = 100

type FoundPolicy =
  | { readonly type: 'aws'; readonly policy: NonNullable<ReturnType<typeof awsManagedPolicy>> }
  | { readonly type: 'customer'; readonly stored: StoredManagedPolicy }

/**
 * A policy that the account can see, on which the action was authorized.
 *
 * @throws AwsError AccessDeniedException; IamError NoSuchEntity
 */
export async function findPolicy(
  context: IamContext,
  db: Db,
  policyArn: string,
  action: string,
): Promise<FoundPolicy> {
  const policy = awsManagedPolicy(policyArn)
  if (policy !== undefined) {
    context.authorize(action, { arn: policyArn })
    return { type: 'aws', policy }
  }
  return { type: 'customer', stored: await ownPolicy(context, db, policyArn, action) }
}

/** A policy of the account that is to be changed. @throws as findPolicy, and AccessDenied for one of AWS's */
export async function requireOwnPolicy(
  context: IamContext,
  db: Db,
  policyArn: string,
  action: string,
  more?: Parameters<IamContext['authorize']>[2],
): Promise<StoredManagedPolicy> {
  if (awsManagedPolicy(policyArn) !== undefined) {
    context.authorize(action, { arn: policyArn }, more)
    // As AWS says it to whoever may do everything.
    const { arn: callersArn } = context.call.caller
    throw new AwsError(
      'AccessDeniedException',
      `User: ${callersArn} is not authorized to perform: ${action} on resource: policy ${policyArn}`,
    )
  }
  return ownPolicy(context, db, policyArn, action, more)
}

async function ownPolicy(
  context: IamContext,
  db: Db,
  policyArn: string,
  action: string,
  more?: Parameters<IamContext['authorize']>[2],
): Promise<StoredManagedPolicy> {
  const found = await context.managedPolicies.read(db, policyArn)
  const stored = found?.policy.accountId === context.accountId ? found : undefined
  context.authorize(action, { arn: policyArn, tags: stored?.policy.tags }, more)
  if (stored === undefined) throw new IamError('NoSuchEntity', `Policy ${policyArn} was not found.`)
  return stored
}

/** @throws IamError MalformedPolicyDocument, LimitExceeded */
export function requireManagedDocument(document: string): void {
  // What is too large is not worth reading.
  if (documentSize(document) > documentSizes.managed) throw quotaExceeded('PolicySize', documentSizes.managed)
  requireDocument(document, 'identity')
}

async function usageOf(
  { principals, accountId }: IamContext,
  db: Db,
  policyArn: string,
): Promise<PolicyUsage> {
  const holders = await principals.holders(db, accountId, policyArn)
  return {
    attached: holders.filter(({ principal }) => principal.attachedPolicies.includes(policyArn)).length,
    boundary: holders.filter(({ principal }) => principal.boundaryArn === policyArn).length,
  }
}
