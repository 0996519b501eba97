import { createSecretKey, timingSafeEqual } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { link, open, readdir, rename, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemRandom, type RandomSource } from './random.ts'
import { localRootKey, RootKeyError, type RootKey, type RootKeyProvider } from './root-key.ts'

/**
 * Root keys in a file that only the service's user can read: `{"keywright-root-key":1,"keys":[{"id","key"}]}`, `key` in
 * base64. It holds one key, or two while a rotation is under way, oldest first.
 *
 * Every change is written to a file beside it, synced, and put in its place by one rename (the first by a link, which
 * never replaces), so that a crash leaves the old file or the new one, whole. Whoever changes the file holds the lock of the
 * data directory; nothing here protects two changers from each other.
 */

const FORMAT = 'keywright-root-key'
const FORMAT_VERSION = 1
const KEY_BYTES = 32
const MAX_FILE_BYTES = 4096
const WINDOWS = process.platform === 'win32'

interface StoredKey {
  readonly id: string
  readonly bytes: Buffer
}

/** `<data dir>/root.key`. */
export function rootKeyFilePath(dataDirectory: string): string {
  return join(dataDirectory, 'root.key')
}

export function fileRootKeyProvider(path: string): RootKeyProvider {
  return { name: 'file', load: () => loadRootKeyFile(path) }
}

/** Makes the first root key. Rejects with RootKeyError EXISTS, and leaves the file alone, when there is one. */
export async function createRootKeyFile(path: string, random: RandomSource = systemRandom): Promise<RootKey> {
  const key = newKey(random)
  try {
    await writeWhole(path, [key], 'create')
    return rootKeyOf(key)
  } finally {
    key.bytes.fill(0)
  }
}

/**
 * The one key of the file, or the two of a rotation that is under way, oldest first.
 * Rejects with RootKeyError: MISSING, UNSAFE (others can or could read it), MALFORMED or INPUT_OUTPUT.
 */
export async function loadRootKeyFile(path: string): Promise<readonly RootKey[]> {
  return withStoredKeys(path, async (keys) => keys.map(rootKeyOf))
}

/**
 * Begins a rotation: adds a new key after the one in force and returns it. A rotation that was cut short before the database
 * named its new key is taken up again with that key; it may even be under way in another process that shares the file,
 * so the key must not go.
 */
export async function addRootKey(
  path: string,
  inForce: string,
  random: RandomSource = systemRandom,
): Promise<RootKey> {
  return withStoredKeys(path, async (stored) => {
    const [first, second] = stored
    if (first?.id === inForce && second !== undefined) return rootKeyOf(second)
    const keys = stored.filter((key) => key.id === inForce)
    if (keys.length !== 1) throw notHeld(path, inForce)
    const key = newKey(random)
    try {
      await writeWhole(path, [...keys, key], 'replace')
      return rootKeyOf(key)
    } finally {
      key.bytes.fill(0)
    }
  })
}

/** Ends a rotation, either way: the named key stays and the other is gone from the file. */
export async function keepOnlyRootKey(path: string, id: string): Promise<void> {
  await withStoredKeys(path, async (keys) => {
    const kept = keys.filter((key) => key.id === id)
    if (kept.length !== 1) throw notHeld(path, id)
    await writeWhole(path, kept, 'replace')
  })
}

function notHeld(path: string, id: string): RootKeyError {
  return new RootKeyError('ROTATION', `${path} does not hold root key ${id}: put back the file that holds it`)
}

function newKey(random: RandomSource): StoredKey {
  const bytes = random.bytes(KEY_BYTES)
  return { id: rootKeyOf({ bytes }).id, bytes }
}

function rootKeyOf({ bytes }: { readonly bytes: Buffer }): RootKey {
  return localRootKey(createSecretKey(bytes))
}

async function withStoredKeys<T>(path: string, use: (keys: readonly StoredKey[]) => Promise<T>): Promise<T> {
  const text = await readGuarded(path)
  let keys: readonly StoredKey[] = []
  try {
    keys = parse(text, path)
    return await use(keys)
  } finally {
    text.fill(0)
    for (const key of keys) key.bytes.fill(0)
  }
}

/** Checks the opened file, not the path, so that nothing can be put in its place between check and read. */
async function readGuarded(path: string): Promise<Buffer> {
  // Without O_NONBLOCK, opening a named pipe would wait for someone to write to it.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') {
      throw new RootKeyError(
        'MISSING',
        `${path} is missing: put back the root key file that belongs to this database`,
      )
    }
    throw failed('read', path, error)
  })
  try {
    const stat = await file.stat()
    requirePrivate(path, stat, process.getuid?.())
    if (stat.size > MAX_FILE_BYTES) throw malformed(path)
    const content = Buffer.alloc(MAX_FILE_BYTES)
    const { bytesRead } = await file.read(content, 0, MAX_FILE_BYTES, 0)
    return content.subarray(0, bytesRead)
  } catch (error) {
    throw error instanceof RootKeyError ? error : failed('read', path, error)
  } finally {
    await file.close()
  }
}

/** Takes the file away, once nothing is wrapped under its keys any more. One that is gone already is no error. */
export async function removeRootKeyFile(path: string): Promise<void> {
  try {
    await unlink(path)
    await syncDirectory(dirname(path))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw failed('remove', path, error)
  }
}

/**
 * Refuses what other users could have read or written. Windows has neither modes nor user ids; there the access list of the
 * data directory is what protects. Root may start the service on a directory that belongs to the service's user.
 */
export function requirePrivate(
  path: string,
  stat: Pick<Stats, 'isFile' | 'mode' | 'uid'>,
  userId: number | undefined,
): void {
  if (!stat.isFile())
    throw new RootKeyError('UNSAFE', `${path} is not a regular file: put the root key file there`)
  if (userId === undefined) return
  if ((stat.mode & 0o077) !== 0) {
    throw new RootKeyError('UNSAFE', `${path} can be used by other users: run chmod 600 ${path}`)
  }
  if (userId !== 0 && stat.uid !== userId) {
    throw new RootKeyError(
      'UNSAFE',
      `${path} belongs to user ${stat.uid}: run chown ${userId} ${path} as root`,
    )
  }
}

function parse(text: Buffer, path: string): StoredKey[] {
  let value: unknown
  try {
    value = JSON.parse(text.toString('utf8'))
  } catch {
    // The parser's own error quotes the text, and the text is a key.
    throw malformed(path)
  }
  if (!hasExactly(value, [FORMAT, 'keys'])) throw malformed(path)
  if (value[FORMAT] !== FORMAT_VERSION) {
    throw new RootKeyError(
      'MALFORMED',
      `${path} is of a version that this release does not know: use a newer release`,
    )
  }
  const entries = value['keys']
  if (!Array.isArray(entries) || entries.length < 1 || entries.length > 2) throw malformed(path)
  const keys = entries.map((entry: unknown) => parseKey(entry, path))
  if (keys.length === 2 && keys[0]?.id === keys[1]?.id) throw malformed(path)
  return keys
}

/** The id is derived from the key, so a digit that changed in either is noticed before anything is wrapped. */
function parseKey(entry: unknown, path: string): StoredKey {
  if (!hasExactly(entry, ['id', 'key'])) throw malformed(path)
  const { id, key } = entry
  if (typeof id !== 'string' || typeof key !== 'string') throw malformed(path)
  const bytes = Buffer.from(key, 'base64')
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== key) throw malformed(path)
  const derivedId = Buffer.from(rootKeyOf({ bytes }).id)
  const statedId = Buffer.from(id)
  if (statedId.length !== derivedId.length || !timingSafeEqual(statedId, derivedId)) throw malformed(path)
  return { id, bytes }
}

async function writeWhole(
  path: string,
  keys: readonly StoredKey[],
  how: 'create' | 'replace',
): Promise<void> {
  const directory = dirname(path)
  const temporary = `${path}.${systemRandom.bytes(8).toString('hex')}.tmp`
  const stored = keys.map(({ id, bytes }) => ({ id, key: bytes.toString('base64') }))
  const content = Buffer.from(`${JSON.stringify({ [FORMAT]: FORMAT_VERSION, keys: stored })}\n`)
  try {
    await writeSynced(temporary, content)
    if (how === 'create') {
      await link(temporary, path)
      await unlink(temporary)
    } else {
      await rename(temporary, path)
      await removeLeftovers(path)
    }
    await syncDirectory(directory)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    if (how === 'create' && errorCode(error) === 'EEXIST') {
      throw new RootKeyError('EXISTS', `${path} exists already: it is left as it was`)
    }
    throw failed('write', path, error)
  } finally {
    content.fill(0)
  }
}

async function writeSynced(path: string, content: Buffer): Promise<void> {
  const file: FileHandle = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A crash between writing and renaming leaves a file that may hold a key which is to be forgotten. */
async function removeLeftovers(path: string): Promise<void> {
  const prefix = `${basename(path)}.`
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(prefix) && /^[0-9a-f]{16}\.tmp$/.test(name.slice(prefix.length))) {
      await unlink(join(dirname(path), name))
    }
  }
}

/** Makes the new name itself durable. Windows cannot open a directory, and writes names through. */
async function syncDirectory(directory: string): Promise<void> {
  if (WINDOWS) return
  const handle = await open(directory, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function hasExactly(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const own = Object.keys(value)
  return own.length === names.length && names.every((name) => own.includes(name))
}

function malformed(path: string): RootKeyError {
  return new RootKeyError('MALFORMED', `${path} is not a whole root key file: put back a copy of it`)
}

function failed(doing: 'read' | 'write' | 'remove', path: string, error: unknown): RootKeyError {
  const code = errorCode(error) ?? 'unknown error'
  return new RootKeyError(
    'INPUT_OUTPUT',
    `cannot ${doing} ${path} (${code}): check the directory and its disk`,
    {
      cause: error,
    },
  )
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
