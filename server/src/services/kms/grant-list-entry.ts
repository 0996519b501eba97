import type { StructureOf } from '../../shape.ts'
import { isServiceName, type Grant, type GrantPrincipal } from '../../keys/grant.ts'
import { keyArn } from '../../keys/key.ts'
import { rootArn } from './grant-principals.ts'
import type { grantListEntry } from './grant-shapes.ts'

type GrantListEntry = StructureOf<typeof grantListEntry.members>

/** A grant as ListGrants and ListRetirableGrants give it. */
export async function listEntryOf(
  grant: Grant,
  shown: (principal: GrantPrincipal) => Promise<string>,
): Promise<GrantListEntry> {
  const { grantee, retiring, constraint, sourceArn } = grant
  const context = constraint && { [constraint.type]: new Map(constraint.pairs) }
  return {
    KeyId: keyArn(grant.accountId, grant.region, grant.keyId),
    GrantId: grant.grantId,
    ...(grant.name !== undefined && { Name: grant.name }),
    CreationDate: new Date(grant.createdAtMs),
    ...(isServiceName(grantee.id)
      ? { GranteeServicePrincipal: grantee.name }
      : { GranteePrincipal: await shown(grantee) }),
    ...(retiring &&
      (isServiceName(retiring.id)
        ? { RetiringServicePrincipal: retiring.name }
        : { RetiringPrincipal: await shown(retiring) })),
    IssuingAccount: rootArn(grant.issuingAccount, grant.region),
    Operations: grant.operations,
    ...((context ?? sourceArn) !== undefined && {
      Constraints: { ...context, ...(sourceArn !== undefined && { SourceArn: sourceArn }) },
    }),
  }
}
