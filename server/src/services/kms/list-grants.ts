import { grantIdPattern } from '../../keys/grant.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { listEntryOf } from './grant-list-entry.ts'
import { grantPrincipalId, shownPrincipals } from './grant-principals.ts'
import type { Operation } from './operation.ts'
import { afterMarker, pageLimit, pageOf } from './paging.ts'

/**
 * Lists the grants of a key, or those for one principal, or one.
 *
 * @see AWS KMS API Reference, ListGrants
 */
export const listGrants: Operation<'ListGrants'> = async (
  request,
  { caller, grants, binding, access, store },
) => {
  const { GrantId: grantId, GranteePrincipal, GranteeServicePrincipal } = request
  // The model allows a Limit of 1000; the service gives at most 100 at a time.
  const limit = pageLimit(request.Limit, { default: 50, max: 100 })
  const afterGrantId = afterMarker('ListGrants', request.Marker)
  if (grantId !== undefined && !grantIdPattern.test(grantId)) throw new KmsError('InvalidGrantIdException')
  if (GranteePrincipal !== undefined && GranteeServicePrincipal !== undefined) {
    throw new KmsError(
      'ValidationException',
      'Only one of GranteePrincipal and GranteeServicePrincipal can be specified.',
    )
  }
  if (GranteeServicePrincipal !== undefined && caller.type !== 'AWSService') {
    throw new KmsError('ValidationException', 'Only an AWS service can specify GranteeServicePrincipal.')
  }
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:ListGrants')
  const grantee = GranteePrincipal ?? GranteeServicePrincipal
  const found = await grants.list({
    key,
    grantId,
    granteeId: grantee === undefined ? undefined : await grantPrincipalId(binding, store.db, grantee),
    afterGrantId,
    limit: limit + 1,
  })
  const { items, next } = pageOf(found, limit, 'ListGrants', (grant) => grant.grantId)
  const shown = shownPrincipals(binding, store.db)
  return { Grants: await Promise.all(items.map((grant) => listEntryOf(grant, shown))), ...next }
}
