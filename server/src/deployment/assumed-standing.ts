import type { OrganizationFacts } from '../identity/organization-facts.ts'
import type { Standing } from '../identity/standing.ts'
import type { KmsKey } from '../keys/key.ts'
import { assuming, requestConditions, type Assumption } from '../policy/analysis/assumed-conditions.ts'
import type { CompiledPolicy } from '../policy/compile.ts'

/** A standing whose policies' conditions on the request are all taken to be met, or all unmet. */
export function assumingOf(assumption: Assumption, standing: Standing): Standing {
  const assume = (policy: CompiledPolicy): CompiledPolicy => assuming(assumption, policy)
  return {
    ...standing,
    identityPolicies: standing.identityPolicies.map(assume),
    boundary: standing.boundary && assume(standing.boundary),
    sessionPolicies: standing.sessionPolicies?.map(assume),
    serviceControl: standing.serviceControl.map((level) => level.map(assume)),
    organization: assumingLevels(assumption, standing.organization),
  }
}

/** The same of an organization's policies. */
export function assumingLevels(assumption: Assumption, facts: OrganizationFacts): OrganizationFacts {
  const assume = (policy: CompiledPolicy): CompiledPolicy => assuming(assumption, policy)
  return {
    ...facts,
    serviceControl: facts.serviceControl.map((level) => level.map(assume)),
    resourceControl: facts.resourceControl.map((level) => level.map(assume)),
  }
}

/** The condition keys of the request that the policies on both sides ask about. */
export function conditionsOf(standing: Standing, key: KmsKey): readonly string[] {
  const policies = [
    ...(key.policy.compiled === undefined ? [] : [key.policy.compiled]),
    ...standing.identityPolicies,
    ...(standing.boundary === undefined ? [] : [standing.boundary]),
    ...standing.serviceControl.flat(),
    ...standing.organization.resourceControl.flat(),
  ]
  const found = policies.flatMap(({ document }) => document.statements.flatMap(requestConditions))
  return [...new Set(found.map((condition) => condition.key))].sort()
}
