import type { OpenedDeployment } from '../../deployment/open-deployment.ts'
import type { Transition } from '../../store/store.ts'
import { there } from '../../testing/there.ts'
import type { StoredKey } from '../key.ts'
import type { NewKey } from '../key-change.ts'

/**
 * Creates a key for symmetric encryption in us-east-1, in a transition that need not leave a record.
 *
 * @param more what it has beside that
 * @param also what the same transition does with it
 */
export async function createKey(
  { store, keys, firstAccountId: accountId }: OpenedDeployment,
  keyId: string,
  more: Partial<NewKey> = {},
  also: (tx: Transition, stored: StoredKey) => Promise<void> | void = () => {},
): Promise<void> {
  const material = await keys.newMaterial('SYMMETRIC_DEFAULT', accountId)
  const made: NewKey = {
    keyId,
    accountId,
    region: 'us-east-1',
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    description: '',
    policy: '{}',
    tags: [],
    ...more,
  }
  await store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    await keys.create(tx, made, material)
    await also(tx, there(await keys.read(tx.db, made.region, keyId)))
  })
}
