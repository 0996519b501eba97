import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { isOpening, lastOf, operationName, type KeyUse, type LastUsageOperation } from '../keys/key-use.ts'
import type { KeyUses } from '../keys/key-uses.ts'
import type { KeyState, KmsKey } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import type { MaterialVersion } from '../keys/material-version.ts'
import { CorruptRowError, type Store } from '../store/store.ts'
import type { KeyUseJournal, KeyUseRebuild } from './key-use-journal.ts'
import type { OperatorChange } from './operator-change.ts'
import type { Operator } from './operator-record.ts'

/** Which keys, and which older material of keys, nobody has used for a while. */
export interface KeyUsage {
  stale(question: Question): Promise<StaleKeys>
  rebuild(operator: Operator): Promise<KeyUseRebuild>
}

interface Question {
  readonly days: number
  readonly region?: string | undefined
  readonly accountId?: string | undefined
}

/**
 * Whether there was a use in so many days. `unknown`: none is known, and uses are not known for so many days yet, or what
 * could have been used is younger.
 */
export type Verdict = 'in use' | 'unused' | 'unknown'

/** Times are milliseconds since the epoch. */
export interface StaleKeys {
  readonly days: number
  readonly asOf: number
  /** Uses before are not known. */
  readonly trackedSince: number
  /** How many there are to ask of. */
  readonly keys: number
  /** Keys that were not used for so many days, or have older material, or of which nothing can be said yet. */
  readonly found: readonly StaleKey[]
  /** Whether there are more than are told. */
  readonly truncated: boolean
  /** Keys whose rows are not authentic. */
  readonly damaged: number
}

export interface StaleKey {
  readonly arn: string
  readonly keyId: string
  readonly accountId: string
  readonly region: string
  readonly aliases: readonly string[]
  readonly state: KeyState
  readonly manager: KmsKey['manager']
  readonly createdAt: number
  readonly verdict: Verdict
  readonly lastUse?: { readonly operation: LastUsageOperation; readonly at: number; readonly eventId: string }
  /** Material that only opens what it sealed before the key was rotated. */
  readonly olderMaterial: readonly OlderMaterial[]
}

export interface OlderMaterial {
  readonly keyMaterialId: string
  /** When it became the current one by rotation; absent for the first. */
  readonly rotatedAt?: number
  readonly verdict: Verdict
  /** When it last opened something, by Decrypt or ReEncrypt. */
  readonly lastOpened?: number
}

type Judge = (use: KeyUse | undefined, knownSinceMs: number) => Verdict

const DAY_MS = 86_400_000
const KEYS_PER_PAGE = 200
const MOST_FOUND = 10_000

export function createKeyUsage(parts: {
  store: Store
  keys: Keys
  keyUses: KeyUses
  keyUseJournal: KeyUseJournal
  clock: Clock
  change: OperatorChange
}): KeyUsage {
  const { store, keys, keyUses, keyUseJournal, clock, change } = parts

  async function stale(question: Question): Promise<StaleKeys> {
    const { days } = question
    const asOf = clock.now()
    const trackedSince = await keyUses.trackedSinceMs(store.db)
    const judge: Judge = (use, knownSinceMs) => {
      const sinceMs = asOf - (use?.usedAtMs ?? knownSinceMs)
      if (sinceMs >= days * DAY_MS) return 'unused'
      return use === undefined ? 'unknown' : 'in use'
    }
    const found: StaleKey[] = []
    const cutoffMs = asOf - days * DAY_MS
    let damaged = 0
    let truncated = false
    let after: { region: string; key_id: string } | undefined
    for (;;) {
      const page = await candidates(question, cutoffMs, after)
      for (const { region, key_id } of page) {
        try {
          const stored = await keys.read(store.db, region, key_id)
          const told = stored && (await staleKey(stored.key, trackedSince, judge))
          if (told !== undefined) found.push(told)
        } catch (error) {
          if (!(error instanceof CorruptRowError)) throw error
          damaged += 1
        }
      }
      after = page.at(-1)
      if (page.length < KEYS_PER_PAGE) break
      truncated = found.length >= MOST_FOUND
      if (truncated) break
      await nextTurn()
    }
    return { days, asOf, trackedSince, keys: await count(question), found, truncated, damaged }
  }

  function keysOf({ region, accountId }: Question) {
    let query = store.db.selectFrom('kms_keys')
    if (region !== undefined) query = query.where('kms_keys.region', '=', region)
    if (accountId !== undefined) query = query.where('kms_keys.account_id', '=', accountId)
    return query
  }

  async function count(question: Question): Promise<number> {
    const { keys: counted } = await keysOf(question)
      .select((eb) => eb.fn.countAll().as('keys'))
      .executeTakeFirstOrThrow()
    return Number(counted)
  }

  /** Keys without a use that was written in the time that counts, and keys with several pieces of material. */
  function candidates(
    question: Question,
    cutoffMs: number,
    after: { region: string; key_id: string } | undefined,
  ) {
    let query = keysOf(question)
      .select(['region', 'key_id'])
      .where(({ eb, exists, not, or, selectFrom }) =>
        or([
          not(
            exists(
              selectFrom('key_uses')
                .select('used_at')
                .whereRef('key_uses.region', '=', 'kms_keys.region')
                .whereRef('key_uses.key_id', '=', 'kms_keys.key_id')
                .where('used_at', '>', cutoffMs),
            ),
          ),
          eb(
            selectFrom('key_materials')
              .select((inner) => inner.fn.countAll<number>().as('materials'))
              .whereRef('key_materials.region', '=', 'kms_keys.region')
              .whereRef('key_materials.key_id', '=', 'kms_keys.key_id'),
            '>',
            1,
          ),
        ]),
      )
    if (after !== undefined) {
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('kms_keys.region', 'kms_keys.key_id'), '>', tuple(after.region, after.key_id)),
      )
    }
    return query.orderBy('region').orderBy('key_id').limit(KEYS_PER_PAGE).execute()
  }

  async function staleKey(key: KmsKey, trackedSince: number, judge: Judge): Promise<StaleKey | undefined> {
    const uses = await keyUses.usesOf(store.db, key)
    const knownSince = Math.max(trackedSince, key.createdAtMs)
    const last = lastOf(uses)
    const verdict = judge(last, knownSince)
    const olderMaterial = (await olderVersions(key)).map((version) =>
      olderMaterialOf(version, uses, (use) => judge(use, knownSince)),
    )
    // Of a new key that was not used yet all is known.
    const isOfInterest = verdict === 'unused' || (verdict === 'unknown' && key.createdAtMs < trackedSince)
    if (!isOfInterest && olderMaterial.length === 0) return undefined
    return {
      arn: key.arn,
      keyId: key.keyId,
      accountId: key.accountId,
      region: key.region,
      aliases: key.aliasNames,
      state: key.state,
      manager: key.manager,
      createdAt: key.createdAtMs,
      verdict,
      ...(last && {
        lastUse: { operation: operationName(last.operation), at: last.usedAtMs, eventId: last.eventId },
      }),
      olderMaterial,
    }
  }

  /** What was current once. What still waits for its rotation has sealed nothing. */
  async function olderVersions(key: KmsKey): Promise<MaterialVersion[]> {
    if (key.spec !== 'SYMMETRIC_DEFAULT') return []
    return (await keys.versions(store.db, key)).filter(({ state }) => state === 'NON_CURRENT')
  }

  return {
    stale,
    async rebuild(operator) {
      await change(operator, 'RebuildKeyUses', {}, () => Promise.resolve({ result: undefined }))
      return keyUseJournal.rebuild()
    },
  }
}

function olderMaterialOf(
  { materialId, rotation }: MaterialVersion,
  uses: readonly KeyUse[],
  judge: (use: KeyUse | undefined) => Verdict,
): OlderMaterial {
  const opened = lastOf(uses.filter((use) => use.materialId === materialId && isOpening(use)))
  return {
    keyMaterialId: materialId,
    ...(rotation && { rotatedAt: rotation.atMs }),
    verdict: judge(opened),
    ...(opened && { lastOpened: opened.usedAtMs }),
  }
}
