import { IamError } from './iam-error.ts'

/**
 * AWS's quotas: those of a principal as they are by default, those of an account as high as AWS raises them.
 *
 * @see AWS IAM User Guide, "IAM and AWS STS quotas"
 */
export const quotas = {
  UsersPerAccount: 5000,
  GroupsPerAccount: 500,
  RolesPerAccount: 5000,
  PoliciesPerAccount: 5000,
  InstanceProfilesPerAccount: 5000,
  GroupsPerUser: 10,
  AccessKeysPerUser: 2,
  PoliciesPerUser: 10,
  PoliciesPerGroup: 10,
  PoliciesPerRole: 10,
  RolesPerInstanceProfile: 1,
} as const

/** Of documents, in characters that are not white space. */
export const documentSizes = {
  managed: 6144,
  /** All inline policies of one together. */
  user: 2048,
  group: 5120,
  role: 10240,
  trust: 2048,
} as const

/** @throws IamError LimitExceeded when there is no room for one more */
export function requireRoom(quota: keyof typeof quotas, count: number): void {
  if (count >= quotas[quota]) throw quotaExceeded(quota, quotas[quota])
}

export function quotaExceeded(quota: string, limit: number): IamError {
  return new IamError('LimitExceeded', `Cannot exceed quota for ${quota}: ${limit}`)
}

/** How large a document counts. */
export function documentSize(document: string): number {
  return document.replace(/[\t\n\r ]/g, '').length
}
