import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Makes the names in a directory durable, not only the bytes of its files. Synchronous: it runs before anything is served. */
export function syncDirectory(path: string): void {
  // Windows cannot open a directory, and writes names through.
  if (process.platform === 'win32') return
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
