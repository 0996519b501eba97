import { grantIdPattern } from '../../keys/grant.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { Operation } from './operation.ts'

/**
 * Takes a grant away, as somebody who manages the key.
 *
 * @see AWS KMS API Reference, RevokeGrant
 */
export const revokeGrant: Operation<'RevokeGrant'> = async (request, { grants, access, transition }) => {
  const { GrantId: grantId } = request
  if (!grantIdPattern.test(grantId)) throw new KmsError('InvalidGrantIdException')
  return transition(async (tx) => {
    const { key } = await access.toManage(tx.db, request.KeyId, 'kms:RevokeGrant')
    const stored = await grants.read(tx.db, { region: key.region, keyId: key.keyId, grantId })
    if (stored === undefined) throw new KmsError('NotFoundException', `Grant ID ${grantId} not found`)
    if (request.DryRun) throw new KmsError('DryRunOperationException')
    await grants.remove(tx, stored)
    return undefined
  })
}
