import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { RandomSource } from '../crypto/random.ts'
import { identityBytes, unwrapKey, wrapKey } from '../crypto/wrap.ts'
import { X_WING_SEED_BYTES, xWingPrivateKey, type XWingPrivateKey } from '../crypto/x-wing.ts'
import type { LinkIdentityRow } from '../store/rows/link-rows.ts'
import { DuplicateRowError, type Store } from '../store/store.ts'
import { makeLinkCertificate } from './link-certificate.ts'

/** What this deployment shows to others, with the keys that belong to it. */
export interface LinkIdentity {
  readonly deploymentId: string
  readonly certificate: X509Certificate
  /** For TLS, and to sign messages. */
  readonly privateKey: KeyObject
  /** Opens material that was wrapped to this deployment. */
  readonly wrapping: XWingPrivateKey
}

export interface LinkIdentities {
  readonly deploymentId: string
  /** Made when it is first asked for, once in the life of a deployment. */
  own(): Promise<LinkIdentity>
}

/** @param wrappingKey below the root key */
export function createLinkIdentities(parts: {
  store: Store
  wrappingKey: KeyObject
  deploymentId: string
  random: RandomSource
  now: () => number
}): LinkIdentities {
  const { store, wrappingKey, deploymentId, random, now } = parts
  let opened: LinkIdentity | undefined

  async function find(): Promise<LinkIdentityRow | undefined> {
    const row = await store.db.selectFrom('link_identity').selectAll().where('id', '=', 1).executeTakeFirst()
    return row && store.rows.check('link_identity', row)
  }

  async function make(): Promise<LinkIdentityRow> {
    const nowMs = now()
    const { certificate, privateKey } = await makeLinkCertificate(deploymentId, nowMs)
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
    const seed = random.bytes(X_WING_SEED_BYTES)
    try {
      return await store.transition(async (tx) => {
        tx.unrecorded = 'keys of the deployment itself'
        return await store.rows.insert(tx, 'link_identity', {
          id: 1,
          certificate,
          wrapped_key: wrapKey(wrappingKey, pkcs8, identityOf('key', deploymentId), random),
          wrapped_seed: wrapKey(wrappingKey, seed, identityOf('seed', deploymentId), random),
          created_at: nowMs,
        })
      })
    } finally {
      pkcs8.fill(0)
      seed.fill(0)
    }
  }

  async function own(): Promise<LinkIdentity> {
    if (opened !== undefined) return opened
    const row =
      (await find()) ??
      (await make().catch(async (error: unknown) => {
        const made = error instanceof DuplicateRowError ? await find() : undefined
        if (made === undefined) throw error
        return made
      }))
    const pkcs8 = unwrapKey(wrappingKey, row.wrapped_key, identityOf('key', deploymentId))
    const seed = unwrapKey(wrappingKey, row.wrapped_seed, identityOf('seed', deploymentId))
    try {
      opened = {
        deploymentId,
        certificate: new X509Certificate(row.certificate),
        privateKey: createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }),
        wrapping: xWingPrivateKey(seed),
      }
      return opened
    } finally {
      pkcs8.fill(0)
      seed.fill(0)
    }
  }

  return { deploymentId, own }
}

function identityOf(what: 'key' | 'seed', deploymentId: string): Buffer {
  return identityBytes('keywright/link-identity/v1', what, deploymentId)
}
