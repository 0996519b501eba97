import { join } from 'node:path'
import { MAX_LINE_BYTES, parseLine } from './chain.ts'
import { systemDisk, type Disk } from './disk.ts'
import type { JournalLine, JournalReader, ReadPosition } from './reader.ts'
import { parseSegmentName, segmentName } from './segment-name.ts'

const CHUNK_BYTES = 256 * 1024
const LINE_FEED = 0x0a

/** Reads segment files. Memory: one chunk and one line. */
export function openFileReader(directory: string, disk: Disk = systemDisk): JournalReader {
  function segments(chain: string): number[] {
    return disk
      .list(directory)
      .map(parseSegmentName)
      .flatMap((name) => (name?.chain === chain ? [name.number] : []))
      .sort((a, b) => a - b)
  }

  async function* lines(chain: string, from?: ReadPosition): AsyncGenerator<JournalLine> {
    for (const number of segments(chain)) {
      if (from !== undefined && number < from.segment) continue
      yield* segmentLines(chain, number, number === from?.segment ? from : undefined)
    }
  }

  async function* segmentLines(
    chain: string,
    number: number,
    from?: Pick<ReadPosition, 'offsetBytes' | 'line'>,
  ): AsyncGenerator<JournalLine> {
    const segment = segmentName(chain, number)
    const file = disk.open(join(directory, segment), 'read')
    try {
      let offset = from?.offsetBytes ?? 0
      let line = from?.line ?? 0
      let rest: Buffer = Buffer.alloc(0)
      for (;;) {
        const chunk = disk.read(file, offset + rest.length, CHUNK_BYTES)
        const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
        let start = 0
        for (;;) {
          let end = bytes.indexOf(LINE_FEED, start)
          let skipped = 1
          if (end < 0) {
            // No line that was written is so long: hand it out in pieces, none of which parses.
            if (bytes.length - start <= MAX_LINE_BYTES) break
            end = start + MAX_LINE_BYTES + 1
            skipped = 0
          }
          line += 1
          const next = { segment: number, offsetBytes: offset + end + skipped, line }
          yield { bytes: bytes.subarray(start, end), complete: true, segment, line, next }
          start = end + skipped
        }
        rest = bytes.subarray(start)
        offset += start
        if (chunk.length === 0) break
        await nextTurn()
      }
      if (rest.length > 0) {
        const next = { segment: number, offsetBytes: offset, line }
        yield { bytes: rest, complete: false, segment, line: line + 1, next }
      }
    } finally {
      disk.close(file)
    }
  }

  return {
    async chains() {
      const names = disk.list(directory).map(parseSegmentName)
      return await Promise.resolve([
        ...new Set(names.flatMap((name) => (name === undefined ? [] : [name.chain]))),
      ])
    },

    lines,

    async seek(chain, sequence) {
      for (const number of segments(chain).reverse()) {
        for await (const { bytes } of segmentLines(chain, number)) {
          const first = parseLine(bytes)
          if (first !== undefined && first.sequence <= sequence)
            return { segment: number, offsetBytes: 0, line: 0 }
          break
        }
      }
      return undefined
    },

    // The very last may be torn.
    lastSequence: async (chain) =>
      (await lastLines(chain, 2)).reduce((last, { bytes }) => parseLine(bytes)?.sequence ?? last, 0),

    lastLines,
  }

  async function lastLines(chain: string, count: number): Promise<JournalLine[]> {
    let last: JournalLine[] = []
    for (const number of segments(chain).reverse()) {
      const wanted = count - last.length
      if (wanted <= 0) break
      const from = placeNearEnd(chain, number, wanted)
      const found: JournalLine[] = []
      for await (const line of segmentLines(chain, number, from)) {
        found.push(line)
        if (found.length > wanted + 1) found.shift()
      }
      if (found.length > wanted) found.splice(0, found.length - wanted)
      last = found.concat(last)
    }
    return last
  }

  /** Begins so far before the end that the last lines follow. What line it is in its file is then unknown: 0. */
  function placeNearEnd(chain: string, number: number, count: number): { offsetBytes: number; line: number } {
    const file = disk.open(join(directory, segmentName(chain, number)), 'read')
    try {
      let start = disk.sizeBytes(file)
      let seen = 0
      while (start > 0) {
        const from = Math.max(0, start - CHUNK_BYTES)
        const chunk = disk.read(file, from, start - from)
        for (
          let at = chunk.lastIndexOf(LINE_FEED);
          at >= 0;
          at = at === 0 ? -1 : chunk.lastIndexOf(LINE_FEED, at - 1)
        ) {
          seen += 1
          if (seen > count) return { offsetBytes: from + at + 1, line: 0 }
        }
        start = from
      }
      return { offsetBytes: 0, line: 0 }
    } finally {
      disk.close(file)
    }
  }
}

/** A long read lets others have their turn. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
