import type { Service, ServiceOperation } from '../call.ts'
import { operations as accessKeys } from './access-keys.ts'
import { operations as accountAliases } from './account-aliases.ts'
import { operations as accountAuthorizationDetails } from './account-authorization-details.ts'
import { operations as accountSummary } from './account-summary.ts'
import { operations as attachedPolicies } from './attached-policies.ts'
import { operations as boundaries } from './boundaries.ts'
import { operations as groups } from './groups.ts'
import { iamContext } from './iam-context.ts'
import { operations as inlinePolicies } from './inline-policies.ts'
import { operations as instanceProfiles } from './instance-profiles.ts'
import { operations as mfaDevices } from './mfa-devices.ts'
import { operations as oidcProviders } from './oidc-providers.ts'
import { operationNames } from './operation-names.ts'
import type { IamOperations } from './operation.ts'
import type { IamParts } from './parts.ts'
import { operations as policies } from './policies.ts'
import { operations as policyVersions } from './policy-versions.ts'
import { operations as roles } from './roles.ts'
import { operations as signIn } from './sign-in.ts'
import { operations as simulatePolicies } from './simulate-policies.ts'
import { operations as tags } from './tags.ts'
import { operations as users } from './users.ts'
import { operations as virtualMfaDevices } from './virtual-mfa-devices.ts'

/** One file for each noun. */
export const iamOperations: IamOperations = {
  ...accessKeys,
  ...accountAliases,
  ...accountAuthorizationDetails,
  ...accountSummary,
  ...attachedPolicies,
  ...boundaries,
  ...groups,
  ...inlinePolicies,
  ...instanceProfiles,
  ...mfaDevices,
  ...oidcProviders,
  ...policies,
  ...policyVersions,
  ...roles,
  ...signIn,
  ...simulatePolicies,
  ...tags,
  ...users,
  ...virtualMfaDevices,
}

/** What this release does; the rest of `operationNames` is not supported. */
export const supportedIamOperations: readonly string[] = Object.keys(iamOperations)

/** AWS IAM: everything that a request to it needs. */
export function iamService(parts: IamParts): Service {
  const bound = Object.entries(iamOperations).map(
    ([name, { input, output, readOnly, handler }]): [string, ServiceOperation] => [
      name,
      {
        name,
        input,
        output,
        readOnly,
        run: async (request, call) => handler(request, iamContext(call, parts)),
      },
    ],
  )
  return {
    signingName: 'iam',
    protocol: {
      type: 'query',
      version: '2010-05-08',
      xmlNamespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    },
    global: true,
    eventSource: 'iam.amazonaws.com',
    operations: new Map(bound),
    operationNames: new Set(operationNames),
  }
}
