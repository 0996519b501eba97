import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  addRootKey,
  createRootKeyFile,
  keepOnlyRootKey,
  loadRootKeyFile,
  removeRootKeyFile,
} from '../crypto/root-key-file.ts'
import {
  deriveRootKey,
  newPassphraseDescriptor,
  parsePassphraseDescriptor,
} from '../crypto/root-key-passphrase.ts'
import type { RandomSource } from '../crypto/random.ts'
import { RootKeyError, type RootKey } from '../crypto/root-key.ts'
import type { DeploymentRow } from '../store/rows/deployment-rows.ts'
import { DeploymentError } from './deployment-error.ts'

export type RootKeyProviderName = 'file' | 'passphrase'

/** Where this deployment's root key comes from, as its settings say. */
export interface RootKeySource {
  readonly provider: RootKeyProviderName
  readonly file: string
  /** Asks for the passphrase; to create is to ask twice, when a terminal is asked. */
  passphrase(purpose: 'open' | 'create'): Promise<Buffer>
  readonly random: RandomSource
}

/** A new root key, and what the database has to keep to find it again. */
export interface NewRootKey {
  readonly rootKey: RootKey
  readonly provider: RootKeyProviderName
  /** JSON; holds nothing secret. */
  readonly descriptor: string
}

/**
 * The root key of a database that nothing was ever stored in. One that is there already belongs to
 * another database, which must not be locked out by mistake, so it is refused.
 * @param takesUp a first start was cut short here, and the file is its own
 */
export async function makeFirstRootKey(source: RootKeySource, takesUp: boolean): Promise<NewRootKey> {
  const { provider, file, random } = source
  if (provider === 'passphrase') return rootKeyOfPassphrase(await source.passphrase('create'), random)
  try {
    return { rootKey: await createRootKeyFile(file, random), provider, descriptor: '{}' }
  } catch (cause) {
    if (cause instanceof RootKeyError && cause.code === 'EXISTS') {
      const [rootKey] = takesUp ? await loadRootKeyFile(file) : []
      if (rootKey !== undefined) return { rootKey, provider, descriptor: '{}' }
      throw belongsElsewhere(file)
    }
    throw cause
  }
}

/** @throws DeploymentError when there is a root key file: it belongs to another database */
export function requireNoRootKey({ provider, file }: RootKeySource): void {
  if (provider === 'file' && existsSync(file)) throw belongsElsewhere(file)
}

function belongsElsewhere(file: string): DeploymentError {
  return new DeploymentError(
    `there is a root key in ${file}, but the database is empty: point Keywright at the database that belongs to it, or move the root key away`,
  )
}

/** The root key that the database names; changes nothing, so it may run beside a server. */
export async function openRootKey(source: RootKeySource, row: DeploymentRow): Promise<RootKey> {
  if (row.root_provider !== source.provider) {
    throw new DeploymentError(
      `this deployment's root key comes from the provider ${row.root_provider}: set rootKeyProvider to ${row.root_provider}`,
    )
  }
  return source.provider === 'passphrase' ? openByPassphrase(source, row) : openFile(source, row)
}

async function openByPassphrase(source: RootKeySource, row: DeploymentRow): Promise<RootKey> {
  let stored: unknown
  try {
    stored = JSON.parse(row.root_descriptor)
  } catch {
    stored = undefined
  }
  const descriptor = parsePassphraseDescriptor(stored)
  const rootKey = await deriveRootKey(await source.passphrase('open'), descriptor)
  if (rootKey.id !== row.root_key_id) {
    throw new DeploymentError('the passphrase is not the one of this deployment: give the right one')
  }
  return rootKey
}

async function openFile({ file }: RootKeySource, row: DeploymentRow): Promise<RootKey> {
  let keys: readonly RootKey[]
  try {
    keys = await loadRootKeyFile(file)
  } catch (cause) {
    if (cause instanceof RootKeyError && cause.code === 'MISSING') {
      throw new DeploymentError(
        `the database is in use since ${new Date(row.created_at).toISOString()}, but its root key ${file} is missing: put the file back (nothing can be decrypted without it)`,
        { cause },
      )
    }
    throw cause
  }
  const rootKey = keys.find((candidate) => candidate.id === row.root_key_id)
  if (rootKey === undefined) {
    throw new DeploymentError(
      `the root key in ${file} is not the one of this database (${row.root_key_id}): put the right file in its place`,
    )
  }
  return rootKey
}

/**
 * Completes or undoes a rotation that was cut short: the key that the database does not name goes. For whoever holds the
 * lock of the data directory, once `row` was found authentic.
 *
 * The lock says nothing of a file that is elsewhere, which nodes may share: a new key in it that the database does not
 * name yet may be the one that another node is about to wrap everything under, and stays for the next rotation.
 */
export async function finishRootKeyRotation(
  { provider, file }: RootKeySource,
  row: DeploymentRow,
  dataDir: string,
): Promise<void> {
  if (provider !== 'file') return
  const keys = await loadRootKeyFile(file)
  if (keys.length < 2) return
  const completes = keys.at(-1)?.id === row.root_key_id
  if (completes || resolve(dirname(file)) === resolve(dataDir)) await keepOnlyRootKey(file, row.root_key_id)
}

/** A root key that takes the place of the present one, made durable before anything is wrapped under it. */
export async function makeNextRootKey(
  source: RootKeySource,
  present: { provider: RootKeyProviderName; rootKeyId: string },
  wanted: { provider: RootKeyProviderName; passphrase: Buffer | undefined },
): Promise<NewRootKey> {
  if (wanted.provider === 'passphrase') {
    if (wanted.passphrase === undefined) throw new DeploymentError('the new passphrase is missing')
    return rootKeyOfPassphrase(wanted.passphrase, source.random)
  }
  const rootKey =
    present.provider === 'file'
      ? await addRootKey(source.file, present.rootKeyId, source.random)
      : await createRootKeyFile(source.file, source.random).catch(inTheWay(source.file))
  return { rootKey, provider: 'file', descriptor: '{}' }
}

/** What a change of the provider left behind when it was cut short, or the root key of another deployment. */
function inTheWay(file: string): (cause: unknown) => never {
  return (cause) => {
    if (!(cause instanceof RootKeyError && cause.code === 'EXISTS')) throw cause
    throw new DeploymentError(
      `there is a root key in ${file} that this deployment does not use: move it away, then run the command again`,
      { cause },
    )
  }
}

/** After the database names the new root key: no file keeps another one. */
export async function forgetOtherRootKeys(
  source: RootKeySource,
  former: RootKeyProviderName,
  next: NewRootKey,
): Promise<void> {
  if (next.provider === 'file') await keepOnlyRootKey(source.file, next.rootKey.id)
  else if (former === 'file') await removeRootKeyFile(source.file)
}

/**
 * A key file where none is used. A change from the file to a passphrase that was cut short before its last step leaves one;
 * it may as well be another deployment's, so it is for the operator to decide.
 */
export function unusedRootKeyFile({ provider, file }: RootKeySource): string | undefined {
  return provider === 'passphrase' && existsSync(file) ? file : undefined
}

async function rootKeyOfPassphrase(passphrase: Buffer, random: RandomSource): Promise<NewRootKey> {
  const descriptor = newPassphraseDescriptor(random)
  const rootKey = await deriveRootKey(passphrase, descriptor)
  return { rootKey, provider: 'passphrase', descriptor: JSON.stringify(descriptor) }
}
