import { createReadStream } from 'node:fs'
import { mayBeErasure, readErasure, type ProvenErasure } from './erasure-record.ts'

// A record has at most 64 KiB; written as escapes for a terminal it may be six times as long.
const MAX_LINE_BYTES = 512 * 1024
const LINE_FEED = 0x0a

/** As many as a request to a running server has room for. */
export const ERASURES_AT_ONCE = 100

/** The file that was named is none, or holds something else. */
class BroughtJournalError extends Error {
  override name = 'BroughtJournalError'
}

/**
 * The erasures that a file says there were: a journal's segment, or what `keywright audit tail --json` printed. Nothing is
 * verified here. Memory: a line, and what is returned.
 *
 * @throws BroughtJournalError
 */
export async function readBroughtErasures(path: string): Promise<ProvenErasure[]> {
  const erasures: ProvenErasure[] = []
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
      let bytes = Buffer.concat([rest, chunk as Buffer])
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED)) {
        take(bytes.subarray(0, end), erasures)
        bytes = bytes.subarray(end + 1)
      }
      if (bytes.length > MAX_LINE_BYTES) throw new BroughtJournalError(`${path} is not a journal`)
      rest = bytes
    }
  } catch (cause) {
    if (cause instanceof BroughtJournalError) throw cause
    throw new BroughtJournalError(`cannot read ${path} (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
  take(rest, erasures)
  return erasures.sort((a, b) => a.position - b.position)
}

function take(line: Buffer, erasures: ProvenErasure[]): void {
  if (!mayBeErasure(line)) return
  let parsed: unknown
  try {
    parsed = JSON.parse(line.toString())
  } catch {
    return
  }
  const erasure = readErasure((parsed as { record?: unknown } | null)?.record ?? parsed)
  if (erasure !== undefined) erasures.push(erasure)
}
