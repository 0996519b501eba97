import { timingSafeEqual } from 'node:crypto'
import { isOfForm } from '../crypto/form-check.ts'
import type { KeyEngine } from '../crypto/key-engine.ts'
import type { StoredKey } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import { isShredded } from '../keys/materials.ts'
import { factsOf, materialUse } from '../keys/specs.ts'
import type { Db } from '../store/db.ts'
import type { RegionLink, RegionLinks } from './region-links.ts'
import type { SetDocument } from './set-document.ts'

/** What keeps a document of a linked deployment from being taken. */
export interface SetChecks {
  /**
   * Whether it may be true once the deployment that had the primary key until now has said so, too: what two deployments say
   * comes in any order.
   */
  isEarly(
    db: Db,
    about: {
      readonly link: RegionLink
      readonly document: SetDocument
      readonly local: readonly StoredKey[]
    },
  ): Promise<boolean>
  /** @returns why these bytes cannot be material of the set's keys */
  unfit(document: SetDocument, materialId: string, bytes: Buffer): string | undefined
  /** @returns why it cannot be true, in one sentence without a capital; undefined when it can */
  contradiction(
    db: Db,
    about: {
      readonly link: RegionLink
      readonly document: SetDocument
      /** Opened, as far as it could be. */
      readonly materials: ReadonlyMap<string, Buffer>
      /** The set's keys that are here. */
      readonly local: readonly StoredKey[]
      /** Regions of ours whose key is gone, which the other side does not know yet. */
      readonly gone: readonly string[]
    },
  ): Promise<string | undefined>
}

export function createSetChecks(parts: {
  keys: Keys
  links: RegionLinks
  engine: KeyEngine
  ownRegions: ReadonlySet<string>
}): SetChecks {
  const { keys, links, engine, ownRegions } = parts

  const contradiction: SetChecks['contradiction'] = async (db, about) =>
    ofRegions(about) ?? ofKeys(about) ?? (await ofPrimary(db, about)) ?? (await ofMaterials(db, about))

  const isEarly: SetChecks['isEarly'] = async (db, { link, document, local }) => {
    const known = local[0]?.key.multiRegion?.primaryRegion
    if (known === undefined || ownRegions.has(known) || link.regions.includes(known)) return false
    return link.regions.includes(document.primaryRegion) && (await links.ofRegion(known, db)) !== undefined
  }

  type About = Parameters<SetChecks['contradiction']>[1]

  /** Nobody else can say what Regions this deployment has keys in. */
  function ofRegions({ document, local, gone }: About): string | undefined {
    const { primaryRegion, replicaRegions, newReplicas } = document
    const present = local.map(({ key }) => key.region)
    const wanted = newReplicas.map(({ region }) => region)
    const foreign = wanted.find((region) => !ownRegions.has(region))
    if (foreign !== undefined) return `${foreign} is not a Region of this deployment`
    const named = [primaryRegion, ...replicaRegions].filter((region) => ownRegions.has(region))
    const missing = named.find(
      (region) => !present.includes(region) && !wanted.includes(region) && !gone.includes(region),
    )
    if (missing !== undefined) return `there is no such key in ${missing}`
    const twice = wanted.find((region) => present.includes(region))
    if (twice !== undefined) return `there is a key of this id in ${twice} already`
    const left = present.find((region) => !named.includes(region))
    return left === undefined ? undefined : `it leaves out the key in ${left}`
  }

  function ofKeys({ document, local }: About): string | undefined {
    for (const { key } of local) {
      const isSame =
        key.multiRegion !== undefined &&
        key.accountId === document.accountId &&
        key.spec === document.spec &&
        key.usage === document.usage &&
        key.origin === document.origin
      if (!isSame) return `the key of this id in ${key.region} is another one`
    }
    return undefined
  }

  /** Only the deployment of the primary key speaks for a set; it may give that part away. */
  async function ofPrimary(db: Db, { link, document, local }: About): Promise<string | undefined> {
    const { primaryRegion, newReplicas } = document
    const known = local[0]?.key.multiRegion?.primaryRegion
    if (known === undefined) {
      if (newReplicas.length === 0) return 'no key of this set is here'
      return link.regions.includes(primaryRegion) ? undefined : 'its primary key is not in that deployment'
    }
    if (ownRegions.has(known)) return 'both deployments have the primary key of this set'
    if (!link.regions.includes(known))
      return `the primary key of this set is in ${known}, which it does not serve`
    const isKnown =
      ownRegions.has(primaryRegion) ||
      link.regions.includes(primaryRegion) ||
      (await links.ofRegion(primaryRegion, db)) !== undefined
    return isKnown ? undefined : `its primary key moves to ${primaryRegion}, which is not linked here`
  }

  /** What is here stays as it is, and nothing of it may be missing there. */
  async function ofMaterials(db: Db, { document, materials, local }: About): Promise<string | undefined> {
    for (const { key } of local) {
      for (const row of await keys.materials.rows(db, key)) {
        const told = materials.get(row.material_id)
        if (told === undefined) return `it does not know the material ${row.material_id}, which is here`
        if (isShredded(row)) continue
        const bytes = await keys.materials.bytes(db, row)
        const isSame = bytes.length === told.length && timingSafeEqual(bytes, told)
        bytes.fill(0)
        if (!isSame) return `it has other bytes under the name of the material ${row.material_id}`
      }
      const { currentMaterialId } = document
      const versions = await keys.versions(db, key)
      const current = versions.findIndex(({ materialId }) => materialId === currentMaterialId)
      const ours = versions.findIndex(({ materialId }) => materialId === key.currentMaterialId)
      if (current >= 0 && ours > current) return 'it goes back to older material'
    }
    return undefined
  }

  /** Bytes that are no key of this spec would make a key that fails whenever it is used. */
  const unfit: SetChecks['unfit'] = ({ spec, usage, keyId, accountId: owner }, materialId, bytes) => {
    const { form } = factsOf(spec)
    const reason = `the material ${materialId} is no key of ${spec}`
    if (!isOfForm(form, bytes)) return reason
    try {
      engine.material({ ids: { keyId, materialId }, form, use: materialUse(spec, usage), bytes, owner })
      return undefined
    } catch {
      return reason
    }
  }

  return { isEarly, unfit, contradiction }
}
