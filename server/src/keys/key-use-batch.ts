import type { KeyUseRow } from '../store/rows/key-rows.ts'
import { isLater, type KeyUse, type UsedKey, type UseOperation, type UseRecord } from './key-use.ts'

type Slot = { -readonly [Name in keyof KeyUse]: KeyUse[Name] }

const noUses: readonly KeyUse[] = []

/**
 * The last uses of a while, one for each key, material and operation. A use of what is known already costs two look-ups
 * and makes nothing new.
 */
export class UseBatch {
  readonly #regions = new Map<string, Map<string, Slot[]>>()
  readonly #limit: number
  #size = 0
  /** Through which record of each chain uses are here or were here before. */
  readonly through = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#size
  }

  /** False when there is no room for it. */
  note(key: UsedKey, operation: UseOperation, record: UseRecord): boolean {
    const { region, keyId, materialId = '' } = key
    let ofRegion = this.#regions.get(region)
    if (ofRegion === undefined) this.#regions.set(region, (ofRegion = new Map<string, Slot[]>()))
    let slots = ofRegion.get(keyId)
    if (slots === undefined) ofRegion.set(keyId, (slots = []))
    for (const slot of slots) {
      if (slot.operation !== operation || slot.materialId !== materialId) continue
      if (isLater(record, slot)) {
        slot.usedAtMs = record.usedAtMs
        slot.chain = record.chain
        slot.sequence = record.sequence
        slot.eventId = record.eventId
        slot.requestId = record.requestId
      }
      return true
    }
    if (this.#size >= this.#limit) return false
    const { chain, sequence, eventId, requestId, usedAtMs } = record
    slots.push({ materialId, operation, usedAtMs, chain, sequence, eventId, requestId })
    this.#size += 1
    return true
  }

  of(region: string, keyId: string): readonly KeyUse[] {
    return this.#regions.get(region)?.get(keyId) ?? noUses
  }

  /** In the order of the primary key, so that two nodes that write the same rows do not wait for each other. */
  rows(): KeyUseRow[] {
    const rows: KeyUseRow[] = []
    for (const [region, keys] of this.#regions) {
      for (const [key_id, slots] of keys) {
        for (const slot of slots) {
          rows.push({
            region,
            key_id,
            material_id: slot.materialId,
            operation: slot.operation,
            used_at: slot.usedAtMs,
            chain_id: slot.chain,
            sequence: slot.sequence,
            event_id: slot.eventId,
            request_id: slot.requestId,
          })
        }
      }
    }
    return rows.sort(byPrimaryKey)
  }

  *entries(): Generator<{ key: UsedKey; use: KeyUse }> {
    for (const [region, keys] of this.#regions) {
      for (const [keyId, slots] of keys) {
        for (const use of slots) yield { key: { region, keyId, materialId: use.materialId }, use }
      }
    }
  }
}

function byPrimaryKey(one: KeyUseRow, other: KeyUseRow): number {
  return (
    compare(one.region, other.region) ||
    compare(one.key_id, other.key_id) ||
    compare(one.material_id, other.material_id) ||
    compare(one.operation, other.operation)
  )
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
