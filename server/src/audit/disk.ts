import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'

/**
 * The little that the journal needs of a file system. Calls block: the writing side runs in a worker thread of its
 * own, the reading side at start and in commands. Handed in, so that tests can fill it, fail it and pull its plug.
 */
export interface Disk {
  /** Makes a new, empty file for appending, mode 0600; fails when it exists. */
  create(path: string): number
  /** Opens an existing file for reading; `sync` also lets it be synced, which needs write access on some systems. */
  open(path: string, purpose: 'read' | 'sync'): number
  /** Appends all bytes or throws; part of them may be written then. */
  append(file: number, bytes: Uint8Array): void
  /** Returns once the bytes and the length of the file are on stable storage. */
  datasync(file: number): void
  /** Bytes at an offset; fewer than asked for only at the end of the file. */
  read(file: number, offset: number, lengthBytes: number): Buffer
  sizeBytes(file: number): number
  close(file: number): void
  remove(path: string): void
  makeDirectory(path: string): void
  /** Names in a directory; empty when it does not exist. */
  list(directory: string): string[]
  /** Makes created and removed names durable. */
  syncDirectory(path: string): void
}

export const systemDisk: Disk = {
  create: (path) =>
    openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL, 0o600),
  open: (path, purpose) => openSync(path, purpose === 'sync' ? constants.O_RDWR : constants.O_RDONLY),
  append(file, bytes) {
    let written = 0
    while (written < bytes.length) written += writeSync(file, bytes, written)
  },
  datasync: (file) => {
    fdatasyncSync(file)
  },
  read(file, offset, lengthBytes) {
    const bytes = Buffer.allocUnsafe(lengthBytes)
    let count = 0
    while (count < lengthBytes) {
      const more = readSync(file, bytes, count, lengthBytes - count, offset + count)
      if (more === 0) break
      count += more
    }
    return bytes.subarray(0, count)
  },
  sizeBytes: (file) => fstatSync(file).size,
  close: (file) => {
    closeSync(file)
  },
  remove: (path) => {
    unlinkSync(path)
  },
  makeDirectory: (path) => {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  },
  list(directory) {
    try {
      return readdirSync(directory)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  },
  syncDirectory(path) {
    // Windows cannot open a directory for this, and makes names durable with the file.
    if (process.platform === 'win32') return
    const directory = openSync(path, constants.O_RDONLY)
    try {
      fsyncSync(directory)
    } finally {
      closeSync(directory)
    }
  },
}
