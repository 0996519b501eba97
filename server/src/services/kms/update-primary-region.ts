import { KmsError } from '../../keys/kms-error.ts'
import { requireAtRest, requirePrimary, requireState } from '../../keys/usable.ts'
import type { Db } from '../../store/db.ts'
import { moveToLinkedRegion } from './linked-regions.ts'
import type { Operation } from './operation.ts'

/**
 * Makes a replica the primary key of its set, and the primary key a replica. Both can be used all the while; they are
 * Updating until all keys of the set agree, which is right after the answer.
 *
 * @see AWS KMS API Reference, UpdatePrimaryRegion
 */
export const updatePrimaryRegion: Operation<'UpdatePrimaryRegion'> = async (request, context) => {
  const { keys, regions, linked, access, transition } = context
  const { PrimaryRegion: primaryRegion } = request
  const asked = { values: { 'kms:primaryregion': primaryRegion } }
  const requireMovable = async (db: Db) => {
    const from = await access.toManage(db, request.KeyId, 'kms:UpdatePrimaryRegion', asked)
    const { key } = from
    requireAtRest(key, 'move the primary')
    requirePrimary(key)
    if (primaryRegion === key.region) {
      throw new KmsError('UnsupportedOperationException', `${key.arn} is the primary key already.`)
    }
    return from
  }
  const there = access.inRegion(primaryRegion)
  const link = regions.has(primaryRegion) ? undefined : await linked.ofRegion(primaryRegion)
  if (link !== undefined) {
    return await moveToLinkedRegion(context, link, primaryRegion, async (db) => {
      const from = await requireMovable(db)
      await there.requireElsewhere(from.key, 'kms:UpdatePrimaryRegion', asked)
      requireState(from.key, 'move the primary')
      return from
    })
  }
  return transition(async (tx) => {
    const from = await requireMovable(tx.db)
    const to = await there.toManage(tx.db, from.key.keyId, 'kms:UpdatePrimaryRegion', asked)
    requireState(from.key, 'move the primary')
    requireState(to.key, 'move the primary')
    await keys.sets.movePrimary(tx, from, to)
    return undefined
  })
}
