import type { ManagedPolicy } from '../../identity/managed-policies.ts'
import type { Principal, StoredPrincipal } from '../../identity/principal.ts'
import {
  date,
  encodedDocument,
  groupAnswer,
  groupShape,
  instanceProfileAnswer,
  instanceProfileShape,
  listedPolicy,
  listedRole,
  policyShape,
  policyVersionShape,
  roleShape,
  userShape,
  wholeRole,
  wholeUser,
} from './answers.ts'
import { attachedPolicy } from './attached-policies.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import { listOf, pageInput, pageOutput, string, structure } from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageBounds } from './paging.ts'

const inline = listOf(structure({ PolicyName: string, PolicyDocument: string }))
const attached = listOf(structure({ PolicyName: string, PolicyArn: string }))

/** Everything that decides in an account, page by page: users, then groups, roles and the account's policies. */
export const operations: IamOperations = {
  GetAccountAuthorizationDetails: operation({
    input: {
      Filter: {
        type: 'list',
        of: { type: 'string', enum: ['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'] },
      },
      ...pageInput,
    },
    output: {
      UserDetailList: listOf(
        structure({
          ...userShape.members,
          UserPolicyList: inline,
          GroupList: listOf(string),
          AttachedManagedPolicies: attached,
        }),
      ),
      GroupDetailList: listOf(
        structure({ ...groupShape.members, GroupPolicyList: inline, AttachedManagedPolicies: attached }),
      ),
      RoleDetailList: listOf(
        structure({
          ...roleShape.members,
          InstanceProfileList: listOf(instanceProfileShape),
          RolePolicyList: inline,
          AttachedManagedPolicies: attached,
        }),
      ),
      Policies: listOf(structure({ ...policyShape.members, PolicyVersionList: listOf(policyVersionShape) })),
      ...pageOutput,
    },
    readOnly: true,
    async handler(request, context) {
      context.authorize('iam:GetAccountAuthorizationDetails', { arn: '*' })
      const wanted = stages.filter(({ filter }) => request.Filter?.includes(filter) ?? true)
      const { after, limit } = pageBounds(request)
      const start = after === '' ? { stage: 0, name: '' } : placeIn(after, wanted.length)
      const details: Record<string, object[]> = {
        UserDetailList: [],
        GroupDetailList: [],
        RoleDetailList: [],
        Policies: [],
      }
      let room = limit
      for (let at = start.stage; at < wanted.length; at++) {
        const stage = wanted[at]
        if (stage === undefined) break
        const items = await stage.list(context, at === start.stage ? start.name : '', room + 1)
        for (const item of items.slice(0, room)) details[stage.member]?.push(await item.answer())
        const last = items[room - 1]
        if (items.length > room && last !== undefined) {
          return { ...details, IsTruncated: true, Marker: markerOf(at, last.name) }
        }
        room -= items.length
        if (room === 0 && at + 1 < wanted.length) {
          return { ...details, IsTruncated: true, Marker: markerOf(at + 1, '') }
        }
      }
      return { ...details, IsTruncated: false }
    },
  }),
}

interface Item {
  /** In lower case. */
  readonly name: string
  answer(): Promise<object>
}

interface Stage {
  readonly filter: 'User' | 'Group' | 'Role' | 'LocalManagedPolicy'
  readonly member: string
  list(context: IamContext, after: string, limit: number): Promise<Item[]>
}

const stages: readonly Stage[] = [
  { filter: 'User', member: 'UserDetailList', list: principalsOf('user', userDetail) },
  { filter: 'Group', member: 'GroupDetailList', list: principalsOf('group', groupDetail) },
  { filter: 'Role', member: 'RoleDetailList', list: principalsOf('role', roleDetail) },
  {
    filter: 'LocalManagedPolicy',
    member: 'Policies',
    async list({ accountId, managedPolicies, principals, store }, after, limit) {
      const found = await managedPolicies.list(store.db, { accountId, after, limit })
      const usages = await principals.policyUsage(store.db, accountId)
      return found.map(({ policy, row }) => ({
        name: row.name_key,
        answer: () =>
          Promise.resolve({
            ...listedPolicy(policy, usages.get(policy.arn) ?? { attached: 0, boundary: 0 }),
            PolicyVersionList: versionList(policy),
          }),
      }))
    },
  },
]

function principalsOf(
  kind: Principal['kind'],
  detail: (context: IamContext, principal: Principal) => Promise<object>,
): Stage['list'] {
  return async (context, after, limit) => {
    const { accountId, principals, store } = context
    const found: StoredPrincipal[] = await principals.list(store.db, { accountId, kind, after, limit })
    return found.map(({ principal, row }) => ({
      name: row.name_key,
      answer: () => detail(context, principal),
    }))
  }
}

async function userDetail(context: IamContext, user: Principal): Promise<object> {
  const groups: string[] = []
  for (const groupId of user.groupIds) {
    const group = await context.principals.readById(context.store.db, groupId)
    if (group !== undefined) groups.push(group.principal.name)
  }
  return {
    ...wholeUser(user, context),
    UserPolicyList: inlineOf(user),
    GroupList: groups,
    AttachedManagedPolicies: user.attachedPolicies.map(attachedPolicy),
  }
}

function groupDetail(context: IamContext, group: Principal): Promise<object> {
  return Promise.resolve({
    ...groupAnswer(group, context),
    GroupPolicyList: inlineOf(group),
    AttachedManagedPolicies: group.attachedPolicies.map(attachedPolicy),
  })
}

async function roleDetail(context: IamContext, role: Principal): Promise<object> {
  const { db } = context.store
  const profiles = await context.instanceProfiles.ofRole(db, role.accountId, role.principalId)
  const shown = await listedRole(role, { ...context, db })
  return {
    ...(await wholeRole(role, { ...context, db })),
    InstanceProfileList: profiles.map(({ profile }) => instanceProfileAnswer(profile, [shown], context)),
    RolePolicyList: inlineOf(role),
    AttachedManagedPolicies: role.attachedPolicies.map(attachedPolicy),
  }
}

function inlineOf({ inlinePolicies }: Principal): object[] {
  return inlinePolicies.map(({ name, document }) => ({
    PolicyName: name,
    PolicyDocument: encodedDocument(document),
  }))
}

function versionList({ versions, defaultVersion }: ManagedPolicy): object[] {
  return versions.map(({ number, document, createdAtMs }) => ({
    Document: encodedDocument(document),
    VersionId: `v${number}`,
    IsDefaultVersion: number === defaultVersion,
    CreateDate: date(createdAtMs),
  }))
}

/** A marker of this list names the stage, too. */
function markerOf(stage: number, name: string): string {
  return Buffer.from(`after ${stage}/${name}`, 'utf8').toString('base64url')
}

function placeIn(after: string, stageCount: number): { stage: number; name: string } {
  const [, stage, name] = /^([0-9])\/(.*)$/.exec(after) ?? []
  if (stage === undefined || name === undefined || Number(stage) >= stageCount) {
    throw new IamError('ValidationError', 'Invalid Marker.')
  }
  return { stage: Number(stage), name }
}
