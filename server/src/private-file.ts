import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** A file that holds a secret is not what it must be; the message names the file, never its content. */
export class PrivateFileError extends Error {
  override name = 'PrivateFileError'
}

/**
 * Reads a short file that holds a secret. Synchronous: it runs before anything is served.
 * @throws PrivateFileError when it is missing, longer than `maxBytes`, not a regular file, or open to other users
 */
export function readPrivateFile(file: string, maxBytes: number): Buffer {
  // Non-blocking, because opening a pipe that nobody writes to would wait for ever.
  const fd = open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) throw new PrivateFileError(`${file} is not a regular file`)
    // Windows has no such mode bits; there the folder's access list protects the file.
    if (process.platform !== 'win32') {
      if ((status.mode & 0o077) !== 0) {
        throw new PrivateFileError(`${file} is open to other users: run chmod 600 ${file}`)
      }
    }
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(fd, buffer, length, buffer.length - length, null)
    }
    if (length > maxBytes) throw new PrivateFileError(`${file} is longer than ${maxBytes} bytes`)
    return buffer.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}

function open(file: string, flags: number): number {
  try {
    return openSync(file, flags)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const reason =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES'
          ? 'may not be read by this user'
          : `cannot be read (${code})`
    throw new PrivateFileError(`${file} ${reason}`, { cause })
  }
}
