import { POLICY_NAME } from './key-policy.ts'
import type { Operation } from './operation.ts'
import { afterMarker } from './paging.ts'

/**
 * Names the key's one policy. There is never a second page, so no marker is valid.
 *
 * @see AWS KMS API Reference, ListKeyPolicies
 */
export const listKeyPolicies: Operation<'ListKeyPolicies'> = async (request, { access, store }) => {
  afterMarker('ListKeyPolicies', request.Marker)
  await access.toManage(store.db, request.KeyId, 'kms:ListKeyPolicies')
  return { PolicyNames: [POLICY_NAME], Truncated: false }
}
