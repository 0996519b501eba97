import { isServiceName } from '../../keys/grant.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { listEntryOf } from './grant-list-entry.ts'
import { bindGrantPrincipal, invalidPrincipal, shownPrincipals } from './grant-principals.ts'
import type { Operation } from './operation.ts'
import { afterMarker, pageLimit, pageOf } from './paging.ts'

/**
 * Lists the grants in the Region that a principal of the caller's account may retire, whoever has the keys.
 *
 * @see AWS KMS API Reference, ListRetirableGrants
 */
export const listRetirableGrants: Operation<'ListRetirableGrants'> = async (
  request,
  { caller, standing, region, grants, binding, access, store },
) => {
  const { RetiringPrincipal, RetiringServicePrincipal } = request
  const limit = pageLimit(request.Limit, { default: 50, max: 100 })
  const afterGrantId = afterMarker('ListRetirableGrants', request.Marker)
  const retiring = RetiringPrincipal ?? RetiringServicePrincipal
  if (retiring === undefined) {
    throw new KmsError(
      'ValidationException',
      "1 validation error detected: Value null at 'retiringPrincipal' failed to satisfy constraint: Member must not be null",
    )
  }
  if (RetiringPrincipal !== undefined && RetiringServicePrincipal !== undefined) {
    throw new KmsError(
      'ValidationException',
      'Only one of RetiringPrincipal and RetiringServicePrincipal can be specified.',
    )
  }
  const { principal } = standing
  if (isServiceName(retiring) && !(principal.type === 'service' && principal.names.includes(retiring))) {
    throw new KmsError(
      'ValidationException',
      'Only an AWS service can specify itself as RetiringServicePrincipal.',
    )
  }
  // No policy of an account speaks for a service, and it asks about itself.
  if (!isServiceName(retiring)) access.requireAccount('kms:ListRetirableGrants')
  const { id, accountId } = await bindGrantPrincipal({ binding, region }, store.db, retiring)
  // A principal of another account is nobody's business here, there or not.
  if (accountId !== undefined && accountId !== caller.accountId) {
    throw invalidPrincipal(retiring)
  }
  const found = await grants.listRetirable({ region, retiringId: id, afterGrantId, limit: limit + 1 })
  const { items, next } = pageOf(found, limit, 'ListRetirableGrants', (grant) => grant.grantId)
  const shown = shownPrincipals(binding, store.db)
  return { Grants: await Promise.all(items.map((grant) => listEntryOf(grant, shown))), ...next }
}
