import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { syncDirectory } from '../sync-directory.ts'

/** The data directory cannot be used; the message says why and what to do, in one line. */
export class DataDirError extends Error {
  override name: string = 'DataDirError'
}

/** Another process has the data directory; it may be one that ends soon. */
export class DataDirInUseError extends DataDirError {
  override name = 'DataDirInUseError'
}

/** Held until released or until the process ends, however it ends. */
export interface DataDirLock {
  readonly dataDir: string
  release(): void
}

/**
 * Makes the data directory for its owner alone, or checks the one that is there.
 * @throws DataDirError when it belongs to someone else or others can write to it
 */
export function prepareDataDir(dataDir: string): void {
  try {
    const first = mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    if (first !== undefined) syncNames(resolve(first), resolve(dataDir))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const reason =
      code === 'EEXIST' || code === 'ENOTDIR'
        ? 'a file stands in its way'
        : `the folder cannot be made (${code})`
    throw new DataDirError(`cannot use ${dataDir} as data directory: ${reason}`, { cause })
  }
  requireOwnDataDir(dataDir)
}

/** Each folder that was made is a name in the one above it; without that name, all that is written below is lost. */
function syncNames(first: string, last: string): void {
  for (let made = last; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made))
}

/** @throws DataDirError when the directory is missing, belongs to someone else, or others can write to it */
export function requireOwnDataDir(dataDir: string): void {
  const status = statSync(dataDir, { throwIfNoEntry: false })
  if (status === undefined) {
    throw new DataDirError(
      `there is no data directory ${dataDir}: run keywright init, or name another with --data-dir`,
    )
  }
  if (!status.isDirectory())
    throw new DataDirError(`${dataDir} is not a directory: name another with --data-dir`)
  // Windows has no such mode bits and no user numbers; there the folder's access list protects it.
  if (process.getuid === undefined) return
  if (status.uid !== process.getuid()) {
    throw new DataDirError(
      `the data directory ${dataDir} belongs to user ${status.uid}: run keywright as that user, or name another with --data-dir`,
    )
  }
  if ((status.mode & 0o022) !== 0) {
    throw new DataDirError(`other users can write to the data directory ${dataDir}: run chmod 700 ${dataDir}`)
  }
}

/**
 * Takes the data directory for this process. Node offers no flock, so the lock is the one that SQLite takes on a file of
 * its own (fcntl on POSIX, LockFileEx on Windows): the kernel releases it with the process, after kill -9 too.
 * @throws DataDirInUseError while another process, or another part of this one, holds it
 */
export function lockDataDir(dataDir: string): DataDirLock {
  const file = join(dataDir, 'lock.db')
  const pidFile = join(dataDir, 'keywright.pid')
  createLockFile(file)
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    // The journal in memory: this database never has content, and leaves no second file behind.
    database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY) {
      throw new DataDirError(`cannot lock ${file}: ${(cause as Error).message}`, { cause })
    }
    throw new DataDirInUseError(
      `the data directory ${dataDir} is in use by ${holder(pidFile)}: stop it first, or name another with --data-dir`,
      { cause },
    )
  }
  try {
    rmSync(pidFile, { force: true })
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    database.close()
    throw new DataDirError(`cannot write ${pidFile} (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
  held.add(database)
  return {
    dataDir,
    release() {
      if (!held.delete(database)) return
      rmSync(pidFile, { force: true })
      database.close()
    },
  }
}

// A connection that nobody refers to is collected, and its lock goes with it: seen within 100 ms of the start.
const held = new Set<DatabaseSync>()

const SQLITE_BUSY = 5

/**
 * Only a file that is not there yet is opened: closing any descriptor of it would release the POSIX lock that another
 * part of this process may hold.
 */
function createLockFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code !== 'EEXIST') throw new DataDirError(`cannot write ${file} (${code})`, { cause })
  }
}

function holder(pidFile: string): string {
  try {
    const pid = readFileSync(pidFile, 'latin1').trim()
    return /^\d{1,10}$/.test(pid) ? `process ${pid}` : 'another process'
  } catch {
    return 'another process'
  }
}
