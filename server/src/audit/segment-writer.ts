import { dirname, join } from 'node:path'
import type { Disk } from './disk.ts'
import { parseSegmentName, segmentName } from './segment-name.ts'

export interface SegmentLimits {
  /** A segment that has reached this size is followed by a new one before the next append. */
  readonly segmentBytes: number
}

export const defaultSegmentLimits: SegmentLimits = { segmentBytes: 64 * 1024 * 1024 }

const DAY_MS = 24 * 60 * 60 * 1000
const PROBE_BYTES = 128 * 1024

interface Segment {
  readonly chain: string
  readonly number: number
  readonly file: number
  readonly startedAtMs: number
  sizeBytes: number
}

/**
 * Writes a journal's lines into segment files `<chain>-<nnnn>.jsonl` of one directory. Every call blocks until its
 * bytes are on stable storage. After a failure nothing is written to the same segment again: a failed fsync may have
 * dropped the dirty pages, and a second one would then report success for bytes that are lost
 * (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
 */
export class SegmentWriter {
  readonly #disk: Disk
  readonly #directory: string
  readonly #limits: SegmentLimits
  #segment: Segment | undefined

  constructor(disk: Disk, directory: string, limits: SegmentLimits = defaultSegmentLimits) {
    this.#disk = disk
    this.#directory = directory
    this.#limits = limits
  }

  /** Opens a chain's first segment, after a trial write: a full disk then costs no chain at each attempt. */
  begin(chain: string, nowMs: number): void {
    this.end()
    this.#disk.makeDirectory(this.#directory)
    // Its own name must be as durable as what will stand in it.
    this.#disk.syncDirectory(dirname(this.#directory))
    this.#probe()
    this.#segment = this.#create(chain, 1, nowMs)
  }

  append(chain: string, lines: Uint8Array, nowMs: number): void {
    let segment = this.#segment
    if (segment === undefined || segment.chain !== chain)
      throw new Error(`Chain ${chain} is not being written`)
    try {
      const isFull = segment.sizeBytes >= this.#limits.segmentBytes
      // At most daily: the clock may stand still or go back, and a segment is never empty when it is followed.
      const isOld = segment.sizeBytes > 0 && nowMs - segment.startedAtMs >= DAY_MS
      if (isFull || isOld) {
        const next = this.#create(chain, segment.number + 1, nowMs)
        this.#disk.close(segment.file)
        this.#segment = segment = next
      }
      this.#disk.append(segment.file, lines)
      this.#disk.datasync(segment.file)
      segment.sizeBytes += lines.length
    } catch (error) {
      this.end()
      throw error
    }
  }

  end(): void {
    const segment = this.#segment
    this.#segment = undefined
    if (segment === undefined) return
    try {
      this.#disk.close(segment.file)
    } catch {
      // Every acknowledged byte was synced before; closing has nothing left to lose.
    }
  }

  /** Makes durable what an earlier process wrote: it may have ended before its last bytes were synced. */
  settle(chain: string): void {
    for (const name of this.#disk.list(this.#directory)) {
      if (parseSegmentName(name)?.chain !== chain) continue
      const file = this.#disk.open(join(this.#directory, name), 'sync')
      try {
        this.#disk.datasync(file)
      } finally {
        this.#disk.close(file)
      }
    }
    if (this.#disk.list(this.#directory).length > 0) this.#disk.syncDirectory(this.#directory)
  }

  #create(chain: string, number: number, nowMs: number): Segment {
    const file = this.#disk.create(join(this.#directory, segmentName(chain, number)))
    this.#disk.syncDirectory(this.#directory)
    return { chain, number, file, startedAtMs: nowMs, sizeBytes: 0 }
  }

  #probe(): void {
    const path = join(this.#directory, '.probe')
    if (this.#disk.list(this.#directory).includes('.probe')) this.#disk.remove(path)
    const file = this.#disk.create(path)
    try {
      this.#disk.append(file, Buffer.alloc(PROBE_BYTES))
      this.#disk.datasync(file)
    } finally {
      this.#disk.close(file)
      this.#disk.remove(path)
    }
  }
}
