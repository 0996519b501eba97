import { closeSync, openSync, readSync } from 'node:fs'
import { CommandError } from './failure.ts'

/**
 * What a command was given as a file: a pipe or a device too, whose size nobody knows before it was read.
 *
 * @throws CommandError with these texts when there is more of it, or when it cannot be read
 */
export function readInputFile(
  file: string,
  limits: { maxBytes: number; tooLong: string; unreadable: (code: string) => string },
): Buffer {
  let bytes: Buffer | undefined
  try {
    bytes = readBounded(file, limits.maxBytes)
  } catch (cause) {
    throw new CommandError(limits.unreadable((cause as NodeJS.ErrnoException).code ?? 'unknown'), { cause })
  }
  if (bytes === undefined) throw new CommandError(limits.tooLong)
  return bytes
}

/** Undefined when there is more of it. */
function readBounded(file: string, maxBytes: number): Buffer | undefined {
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
