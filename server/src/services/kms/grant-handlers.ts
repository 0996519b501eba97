import { createGrant } from './create-grant.ts'
import { listGrants } from './list-grants.ts'
import { listRetirableGrants } from './list-retirable-grants.ts'
import { retireGrant } from './retire-grant.ts'
import { revokeGrant } from './revoke-grant.ts'

/** The operations on grants, with what does them. */
export const grantHandlers = {
  CreateGrant: createGrant,
  ListGrants: listGrants,
  ListRetirableGrants: listRetirableGrants,
  RetireGrant: retireGrant,
  RevokeGrant: revokeGrant,
} as const

/** Those of them that CloudTrail records as changing something. */
export const writingGrantOperations = ['CreateGrant', 'RetireGrant', 'RevokeGrant'] as const
