import type { KeyObject } from 'node:crypto'
import type { RandomSource } from '../crypto/random.ts'
import { identityBytes, unwrapKey, wrapKey } from '../crypto/wrap.ts'
import type { MfaDeviceRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { stepOfCode, stepOfConsecutiveCodes } from './mfa-totp.ts'
import { tagsFromText, tagsToText, type Tag } from './principal.ts'
import type { Db } from '../store/db.ts'

/** A virtual device: a seed that an authenticator app and we share. */
export interface MfaDevice {
  /** Its ARN: `arn:aws:iam::111122223333:mfa/path/name`. */
  readonly serialNumber: string
  readonly accountId: string
  /** AIDA… of the user, or the account id of its root user; undefined before it is enabled. */
  readonly principalId: string | undefined
  readonly enabledAtMs: number | undefined
  readonly tags: readonly Tag[]
  readonly createdAtMs: number
}

export interface StoredMfaDevice {
  readonly device: MfaDevice
  readonly row: MfaDeviceRow
}

export interface MfaDevices {
  read(db: Db, serialNumber: string): Promise<StoredMfaDevice | undefined>
  /** By serial number, after `after`. */
  list(
    db: Db,
    of: { readonly accountId: string } | { readonly principalId: string },
    page: { readonly after: string; readonly limit: number; readonly assigned?: boolean },
  ): Promise<MfaDevice[]>
  countOf(db: Db, principalId: string): Promise<number>
  /** The seed is given once and never again. @throws DuplicateRowError */
  create(
    tx: Transition,
    device: { readonly serialNumber: string; readonly accountId: string; readonly tags: readonly Tag[] },
  ): Promise<{ readonly device: MfaDevice; readonly seed: Buffer }>
  /** False when the two codes are not two of its codes in a row. */
  enable(
    tx: Transition,
    stored: StoredMfaDevice,
    principalId: string,
    codes: readonly [string, string],
  ): Promise<boolean>
  /** As `enable`, for a device that is enabled: nothing about a clock that is off is kept. */
  resync(tx: Transition, stored: StoredMfaDevice, codes: readonly [string, string]): Promise<boolean>
  deactivate(tx: Transition, stored: StoredMfaDevice): Promise<void>
  setTags(tx: Transition, stored: StoredMfaDevice, tags: readonly Tag[]): Promise<void>
  remove(tx: Transition, stored: StoredMfaDevice): Promise<void>
  /** Whether the code is right, for now; nothing is accepted by this. */
  check(stored: StoredMfaDevice, code: string): boolean
  /**
   * Accepts a code, which no node accepts again.
   *
   * @returns false for a wrong one and for one that was accepted before, or a newer one was
   */
  accept(tx: Transition, stored: StoredMfaDevice, code: string): Promise<boolean>
}

const SEED_BYTES = 40

export function createMfaDevices(parts: {
  store: Store
  /** Wraps the seeds; below the root key. */
  secretsKey: KeyObject
  random: RandomSource
  now: () => number
}): MfaDevices {
  const { store, secretsKey, random, now } = parts

  function fromRow(row: MfaDeviceRow): MfaDevice {
    store.rows.check('mfa_devices', row)
    return {
      serialNumber: row.serial_number,
      accountId: row.account_id,
      principalId: row.principal_id ?? undefined,
      enabledAtMs: row.enabled_at ?? undefined,
      tags: tagsFromText(row.tags),
      createdAtMs: row.created_at,
    }
  }

  function withSeed<T>(row: MfaDeviceRow, use: (seed: Buffer) => T): T {
    const seed = unwrapKey(secretsKey, row.wrapped_seed, seedIdentity(row.account_id, row.serial_number))
    try {
      return use(seed)
    } finally {
      seed.fill(0)
    }
  }

  const single = (row: MfaDeviceRow, code: string) =>
    withSeed(row, (seed) => stepOfCode(seed, code, now(), row.last_step ?? undefined))

  const consecutive = (row: MfaDeviceRow, codes: readonly [string, string]) =>
    withSeed(row, (seed) => stepOfConsecutiveCodes(seed, codes, now(), row.last_step ?? undefined))

  async function read(db: Db, serialNumber: string): Promise<StoredMfaDevice | undefined> {
    const row = await db
      .selectFrom('mfa_devices')
      .selectAll()
      .where('serial_number', '=', serialNumber)
      .executeTakeFirst()
    return row && { row, device: fromRow(row) }
  }

  async function change(
    tx: Transition,
    row: MfaDeviceRow,
    values: Partial<Pick<MfaDeviceRow, 'principal_id' | 'enabled_at' | 'last_step' | 'tags'>>,
  ): Promise<void> {
    await store.rows.update(tx, 'mfa_devices', row, values)
    tx.changed('mfa-device', row.serial_number)
  }

  return {
    read,
    async list(db, of, { after, limit, assigned }) {
      let query = db.selectFrom('mfa_devices').selectAll().where('serial_number', '>', after)
      query =
        'accountId' in of
          ? query.where('account_id', '=', of.accountId)
          : query.where('principal_id', '=', of.principalId)
      if (assigned !== undefined) query = query.where('principal_id', assigned ? 'is not' : 'is', null)
      const rows = await query.orderBy('serial_number').limit(limit).execute()
      return rows.map(fromRow)
    },
    async countOf(db, principalId) {
      const { count } = await db
        .selectFrom('mfa_devices')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('principal_id', '=', principalId)
        .executeTakeFirstOrThrow()
      return Number(count)
    },
    async create(tx, { serialNumber, accountId, tags }) {
      const seed = random.bytes(SEED_BYTES)
      const row = await store.rows.insert(tx, 'mfa_devices', {
        serial_number: serialNumber,
        account_id: accountId,
        wrapped_seed: wrapKey(secretsKey, seed, seedIdentity(accountId, serialNumber)),
        principal_id: null,
        enabled_at: null,
        last_step: null,
        tags: tagsToText(tags),
        created_at: now(),
      })
      tx.changed('mfa-device', serialNumber)
      return { device: fromRow(row), seed }
    },
    async enable(tx, { row }, principalId, codes) {
      const step = consecutive(row, codes)
      if (step === undefined) return false
      await change(tx, row, { principal_id: principalId, enabled_at: now(), last_step: step })
      return true
    },
    async resync(tx, { row }, codes) {
      const step = consecutive(row, codes)
      if (step === undefined) return false
      await change(tx, row, { last_step: step })
      return true
    },
    deactivate: (tx, { row }) => change(tx, row, { principal_id: null, enabled_at: null }),
    setTags: (tx, { row }, tags) => change(tx, row, { tags: tagsToText(tags) }),
    async remove(tx, { row }) {
      await store.rows.remove(tx, 'mfa_devices', row)
      tx.changed('mfa-device', row.serial_number)
    },
    check: ({ row }, code) => single(row, code) !== undefined,
    async accept(tx, { row }, code) {
      const step = single(row, code)
      if (step === undefined) return false
      await change(tx, row, { last_step: step })
      return true
    },
  }
}

function seedIdentity(accountId: string, serialNumber: string): Buffer {
  return identityBytes('keywright/mfa-seed/v1', accountId, serialNumber)
}
