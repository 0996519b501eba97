import type { Disk } from '../disk.ts'

interface MemoryFile {
  bytes: Buffer
  syncedLength: number
}

/**
 * A disk for tests that behaves as badly as a real one may: it loses what was not synced when its plug is pulled, it
 * fills up, it fails to write or to sync, and after a failed sync it forgets that there was anything to sync.
 */
export class MemoryDisk implements Disk {
  readonly #files = new Map<string, MemoryFile>()
  readonly #syncedNames = new Set<string>()
  readonly #open = new Map<number, string>()
  #lastFile = 0
  /** Called before each operation; throws to make it fail. */
  before: (operation: 'create' | 'append' | 'datasync' | 'syncDirectory', path: string) => void = () => {}
  /** Bytes that still fit. */
  freeBytes = Number.POSITIVE_INFINITY

  create(path: string): number {
    this.before('create', path)
    if (this.#files.has(path)) throw new Error('EEXIST')
    this.#files.set(path, { bytes: Buffer.alloc(0), syncedLength: 0 })
    return this.open(path)
  }

  open(path: string): number {
    if (!this.#files.has(path)) throw new Error('ENOENT')
    this.#lastFile += 1
    this.#open.set(this.#lastFile, path)
    return this.#lastFile
  }

  append(handle: number, bytes: Uint8Array): void {
    const { path, file } = this.#at(handle)
    this.before('append', path)
    const fits = Math.min(this.freeBytes, bytes.length)
    file.bytes = Buffer.concat([file.bytes, bytes.subarray(0, fits)])
    this.freeBytes -= fits
    if (fits < bytes.length) throw new Error('ENOSPC: no space left on device')
  }

  datasync(handle: number): void {
    const { path, file } = this.#at(handle)
    this.before('datasync', path)
    file.syncedLength = file.bytes.length
  }

  read(handle: number, offset: number, lengthBytes: number): Buffer {
    return this.#at(handle).file.bytes.subarray(offset, offset + lengthBytes)
  }

  sizeBytes(handle: number): number {
    return this.#at(handle).file.bytes.length
  }

  close(handle: number): void {
    this.#open.delete(handle)
  }

  remove(path: string): void {
    this.freeBytes += this.#files.get(path)?.bytes.length ?? 0
    this.#files.delete(path)
  }

  makeDirectory(): void {}

  list(directory: string): string[] {
    return [...this.#files.keys()].flatMap((path) =>
      path.startsWith(`${directory}/`) ? [path.slice(directory.length + 1)] : [],
    )
  }

  syncDirectory(path: string): void {
    this.before('syncDirectory', path)
    for (const name of this.#files.keys()) this.#syncedNames.add(name)
  }

  /** The state after a loss of power: of what was not synced, `keep` says how many bytes happen to be there. */
  afterPowerLoss(keep: (unsyncedBytes: number) => number = () => 0): MemoryDisk {
    const disk = new MemoryDisk()
    for (const [path, { bytes, syncedLength }] of this.#files) {
      if (!this.#syncedNames.has(path)) continue
      const length = syncedLength + keep(bytes.length - syncedLength)
      disk.#files.set(path, { bytes: Buffer.from(bytes.subarray(0, length)), syncedLength: length })
      disk.#syncedNames.add(path)
    }
    return disk
  }

  /** Changes a file behind the journal's back. */
  tamper(path: string, change: (bytes: Buffer) => Buffer | undefined): void {
    const file = this.#files.get(path)
    if (file === undefined) throw new Error('ENOENT')
    const bytes = change(Buffer.from(file.bytes))
    if (bytes === undefined) this.#files.delete(path)
    else this.#files.set(path, { bytes, syncedLength: bytes.length })
  }

  #at(handle: number): { path: string; file: MemoryFile } {
    const path = this.#open.get(handle)
    const file = path === undefined ? undefined : this.#files.get(path)
    if (path === undefined || file === undefined) throw new Error('EBADF')
    return { path, file }
  }
}
