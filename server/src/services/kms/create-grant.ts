import type { Grant } from '../../keys/grant.ts'
import { constraintToText, type GrantPrincipal } from '../../keys/grant.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireState } from '../../keys/usable.ts'
import { bindGrantPrincipal } from './grant-principals.ts'
import {
  constraintContext,
  grantConditions,
  requestedGrant,
  requireGrantFits,
  type RequestedGrant,
} from './grant-request.ts'
import type { Operation } from './operation.ts'

const GRANT_ID_BYTES = 32

/**
 * Lets a principal use a key. A repeated request with the same name and the same content finds the grant that the first
 * one made; the token is a new one all the same.
 *
 * @see AWS KMS API Reference, CreateGrant; Developer Guide, "Creating grants"
 */
export const createGrant: Operation<'CreateGrant'> = async (
  request,
  { caller, region, grants, binding, access, random, transition },
) => {
  const wanted = requestedGrant(request, region)
  grants.requireTokens(request.GrantTokens)
  return transition(async (tx) => {
    const { key } = await access.toManage(tx.db, request.KeyId, 'kms:CreateGrant', {
      encryptionContext: constraintContext(wanted.constraint),
      values: grantConditions(request, wanted),
      newGrant: wanted,
    })
    requireState(key, 'use')
    requireGrantFits(wanted, key)
    const grantee = await bindGrantPrincipal({ binding, region }, tx.db, wanted.grantee)
    const retiring =
      wanted.retiring === undefined
        ? undefined
        : await bindGrantPrincipal({ binding, region }, tx.db, wanted.retiring)
    const same =
      request.Name === undefined
        ? undefined
        : (await grants.named(tx.db, key, request.Name)).find(
            (grant) => grant.issuingAccount === caller.accountId && isSame(grant, wanted, grantee, retiring),
          )
    if (same === undefined) await grants.requireRoom(tx, key)
    if (request.DryRun) throw new KmsError('DryRunOperationException')

    const grantId = same?.grantId ?? random.bytes(GRANT_ID_BYTES).toString('hex')
    if (same === undefined) {
      await grants.create(tx, key, {
        grantId,
        name: request.Name,
        grantee,
        retiring,
        issuingAccount: caller.accountId,
        operations: wanted.names,
        constraint: wanted.constraint,
        sourceArn: wanted.sourceArn,
      })
    }
    return { GrantToken: grants.newToken({ region, keyId: key.keyId, grantId }), GrantId: grantId }
  })
}

function isSame(
  grant: Grant,
  { names, constraint, sourceArn }: RequestedGrant,
  grantee: GrantPrincipal,
  retiring: GrantPrincipal | undefined,
): boolean {
  return (
    grant.grantee.id === grantee.id &&
    grant.retiring?.id === retiring?.id &&
    grant.sourceArn === sourceArn &&
    grant.operations.join() === names.join() &&
    (grant.constraint && constraintToText(grant.constraint)) === (constraint && constraintToText(constraint))
  )
}
