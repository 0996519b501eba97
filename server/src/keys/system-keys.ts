import { createSecretKey, type KeyObject } from 'node:crypto'
import type { RandomSource } from '../crypto/random.ts'
import type { RootKey } from '../crypto/root-key.ts'
import { identityBytes } from '../crypto/wrap.ts'
import type { Db } from '../store/db.ts'

/** The keys that the deployment itself needs, each for one purpose, wrapped under the root key. */
export interface SystemKeys {
  /** Authenticates the rows of the database. */
  readonly rows: KeyObject
  /** Wraps secret access keys. */
  readonly secrets: KeyObject
  /** Signs the seals of the journal; whoever uses it wipes it. */
  readonly sealSeed: Buffer
}

const names = ['rows', 'secrets', 'seals'] as const
type Name = (typeof names)[number]

const SYSTEM_KEY_BYTES = 32

export function systemKeyIdentity(name: string): Buffer {
  return identityBytes('keywright/system-key/v1', name)
}

/** New keys, and the rows that hold them; nothing is stored yet. */
export async function makeSystemKeys(
  rootKey: RootKey,
  random: RandomSource,
): Promise<{ keys: SystemKeys; rows: { name: string; wrapped: Buffer; root_key_id: string }[] }> {
  const bytes = {
    rows: random.bytes(SYSTEM_KEY_BYTES),
    secrets: random.bytes(SYSTEM_KEY_BYTES),
    seals: random.bytes(SYSTEM_KEY_BYTES),
  }
  const rows = []
  for (const name of names) {
    const wrapped = await rootKey.wrap(bytes[name], systemKeyIdentity(name))
    rows.push({ name, wrapped, root_key_id: rootKey.id })
  }
  return { keys: systemKeys(bytes), rows }
}

/** Rejects with WrapError when the root key is not the one that wrapped them. */
export async function openSystemKeys(db: Db, rootKey: RootKey): Promise<SystemKeys> {
  const rows = await db.selectFrom('system_keys').selectAll().execute()
  const open = async (name: Name) => {
    const row = rows.find((candidate) => candidate.name === name)
    if (row === undefined) throw new Error(`the system key ${name} is missing from the database`)
    return rootKey.unwrap(row.wrapped, systemKeyIdentity(name))
  }
  return systemKeys({ rows: await open('rows'), secrets: await open('secrets'), seals: await open('seals') })
}

function systemKeys(bytes: Record<Name, Buffer>): SystemKeys {
  const keys = {
    rows: createSecretKey(bytes.rows),
    secrets: createSecretKey(bytes.secrets),
    sealSeed: bytes.seals,
  }
  bytes.rows.fill(0)
  bytes.secrets.fill(0)
  return keys
}
