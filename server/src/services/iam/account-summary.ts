import type { Db } from '../../store/db.ts'
import type { IamContext } from './iam-context.ts'
import { MAX_POLICY_VERSIONS } from '../../identity/managed-policies.ts'
import type { Members } from '../../shape.ts'
import { operation, type IamOperations } from './operation.ts'
import { documentSizes, quotas } from './quotas.ts'

/** Numbers of the account, and its quotas. */
export const operations: IamOperations = {
  GetAccountSummary: operation({
    input: {},
    output: {
      SummaryMap: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
    } satisfies Members,
    readOnly: true,
    async handler(_request, context) {
      context.authorize('iam:GetAccountSummary', { arn: '*' })
      const numbers = { ...quotaFacts, ...(await counted(context, context.store.db)) }
      return { SummaryMap: new Map(Object.entries(numbers).map(([name, value]) => [name, String(value)])) }
    },
  }),
}

const quotaFacts = {
  AccessKeysPerUserQuota: quotas.AccessKeysPerUser,
  AssumeRolePolicySizeQuota: documentSizes.trust,
  AttachedPoliciesPerGroupQuota: quotas.PoliciesPerGroup,
  AttachedPoliciesPerRoleQuota: quotas.PoliciesPerRole,
  AttachedPoliciesPerUserQuota: quotas.PoliciesPerUser,
  GroupPolicySizeQuota: documentSizes.group,
  GroupsPerUserQuota: quotas.GroupsPerUser,
  GroupsQuota: quotas.GroupsPerAccount,
  InstanceProfilesQuota: quotas.InstanceProfilesPerAccount,
  PoliciesQuota: quotas.PoliciesPerAccount,
  PolicySizeQuota: documentSizes.managed,
  RolePolicySizeQuota: documentSizes.role,
  RolesQuota: quotas.RolesPerAccount,
  UserPolicySizeQuota: documentSizes.user,
  UsersQuota: quotas.UsersPerAccount,
  VersionsPerPolicyQuota: MAX_POLICY_VERSIONS,
} as const

async function counted(context: IamContext, db: Db): Promise<Record<string, number>> {
  const { accessKeys, accountId, instanceProfiles, managedPolicies, mfaDevices, oidcProviders, principals } =
    context
  const devices = (assigned?: true) =>
    mfaDevices.list(db, { accountId }, { after: '', limit: 10_000, ...(assigned && { assigned }) })
  return {
    Users: await principals.count(db, accountId, 'user'),
    Groups: await principals.count(db, accountId, 'group'),
    Roles: await principals.count(db, accountId, 'role'),
    Policies: await managedPolicies.count(db, accountId),
    InstanceProfiles: await instanceProfiles.count(db, accountId),
    MFADevices: (await devices()).length,
    MFADevicesInUse: (await devices(true)).length,
    Providers: (await oidcProviders.list(db, accountId)).length,
    AccountAccessKeysPresent: (await accessKeys.listOf(db, accountId, 'root')).length > 0 ? 1 : 0,
    AccountMFAEnabled: (await mfaDevices.countOf(db, accountId)) > 0 ? 1 : 0,
    AccountPasswordPresent: 0,
    AccountSigningCertificatesPresent: 0,
    ServerCertificates: 0,
  }
}
