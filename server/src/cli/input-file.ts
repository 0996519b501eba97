import { closeSync, openSync, readSync } from 'node:fs'

/**
 * What a command was given as a file: a pipe or a device too, whose size nobody knows before it was read.
 *
 * @returns undefined when there is more of it
 */
export function readInputFile(file: string, maxBytes: number): Buffer | undefined {
  const fd = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(fd, buffer, length, buffer.length - length, null)
    }
    return length > maxBytes ? undefined : buffer.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}
