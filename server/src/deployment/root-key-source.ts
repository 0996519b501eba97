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
import type { DeploymentRow } from '../store/schema.ts'
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
 */
export async function makeFirstRootKey(source: RootKeySource): Promise<NewRootKey> {
  const { provider, file, random } = source
  if (provider === 'passphrase') return rootKeyOfPassphrase(await source.passphrase('create'), random)
  try {
    return { rootKey: await createRootKeyFile(file, random), provider, descriptor: '{}' }
  } catch (cause) {
    if (cause instanceof RootKeyError && cause.code === 'EXISTS') {
      throw new DeploymentError(
        `there is a root key in ${file}, but the database is empty: point Keywright at the database that belongs to it, or move the root key away`,
        { cause },
      )
    }
    throw cause
  }
}

/** The root key that the database names. */
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
  // A rotation was cut short: the database says which of the two keys is in force.
  if (keys.length > 1) await keepOnlyRootKey(file, rootKey.id)
  return rootKey
}

/** A root key that takes the place of the present one, made durable before anything is wrapped under it. */
export async function makeNextRootKey(
  source: RootKeySource,
  present: RootKeyProviderName,
  wanted: { provider: RootKeyProviderName; passphrase: Buffer | undefined },
): Promise<NewRootKey> {
  if (wanted.provider === 'passphrase') {
    if (wanted.passphrase === undefined) throw new DeploymentError('the new passphrase is missing')
    return rootKeyOfPassphrase(wanted.passphrase, source.random)
  }
  const rootKey =
    present === 'file'
      ? await addRootKey(source.file, source.random)
      : await createRootKeyFile(source.file, source.random)
  return { rootKey, provider: 'file', descriptor: '{}' }
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

async function rootKeyOfPassphrase(passphrase: Buffer, random: RandomSource): Promise<NewRootKey> {
  const descriptor = newPassphraseDescriptor(random)
  const rootKey = await deriveRootKey(passphrase, descriptor)
  return { rootKey, provider: 'passphrase', descriptor: JSON.stringify(descriptor) }
}
