import type { Standing } from './standing.ts'

/** Whoever sends a request without a signature: nobody, until its operation has found out more. */
export const anonymous: Standing = {
  caller: { type: 'WebIdentityUser', accountId: '', arn: 'anonymous', principalId: '', accessKeyId: '' },
  principal: { type: 'anonymous' },
  identityPolicies: [],
  boundary: undefined,
  sessionPolicies: undefined,
  serviceControl: [],
  organization: { serviceControl: [], resourceControl: [], entries: [] },
  quarantine: undefined,
  context: { get: () => undefined },
  entries: [],
}
