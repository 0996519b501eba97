import type { Store } from '../store/store.ts'
import type { JournalLine, JournalReader, ReadPosition } from './reader.ts'

const BATCHES_PER_PAGE = 32
const LINE_FEED = 0x0a

/** Reads the rows of journal_batches. Memory: one page of batches. */
export function openDatabaseReader(store: Store): JournalReader {
  const batches = () => store.db.selectFrom('journal_batches')

  return {
    async chains() {
      const rows = await batches().select('chain_id').distinct().execute()
      return rows.map((row) => row.chain_id)
    },

    async *lines(chain, from) {
      let position = from ?? { segment: 0, offsetBytes: 0, line: 0 }
      for (;;) {
        const rows = await batches()
          .select(['first_sequence', 'lines'])
          .where('chain_id', '=', chain)
          .where('first_sequence', '>=', position.segment)
          .orderBy('first_sequence')
          .limit(BATCHES_PER_PAGE)
          .execute()
        for (const row of rows) yield* batchLines(row, position)
        const last = rows.at(-1)
        if (last === undefined || rows.length < BATCHES_PER_PAGE) return
        position = { segment: last.first_sequence + 1, offsetBytes: 0, line: 0 }
      }
    },

    async seek(chain, sequence) {
      const row = await batches()
        .select('first_sequence')
        .where('chain_id', '=', chain)
        .where('first_sequence', '<=', sequence)
        .orderBy('first_sequence', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && { segment: row.first_sequence, offsetBytes: 0, line: 0 }
    },

    async lastSequence(chain) {
      const row = await batches()
        .select('last_sequence')
        .where('chain_id', '=', chain)
        .orderBy('first_sequence', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.last_sequence ?? 0
    },

    async lastLines(chain, count) {
      let last: JournalLine[] = []
      let before = Number.MAX_SAFE_INTEGER
      while (last.length < count) {
        const rows = await batches()
          .select(['first_sequence', 'lines'])
          .where('chain_id', '=', chain)
          .where('first_sequence', '<', before)
          .orderBy('first_sequence', 'desc')
          .limit(BATCHES_PER_PAGE)
          .execute()
        for (const row of rows) last = [...batchLines(row), ...last]
        const oldest = rows.at(-1)
        if (oldest === undefined || rows.length < BATCHES_PER_PAGE) break
        before = oldest.first_sequence
      }
      return last.slice(-count)
    },
  }
}

function* batchLines(
  row: { first_sequence: number; lines: Buffer },
  from?: ReadPosition,
): Generator<JournalLine> {
  const bytes = Buffer.from(row.lines)
  const segment = `batch ${row.first_sequence}`
  let start = from?.segment === row.first_sequence ? from.offsetBytes : 0
  let line = from?.segment === row.first_sequence ? from.line : 0
  while (start < bytes.length) {
    const feed = bytes.indexOf(LINE_FEED, start)
    const end = feed < 0 ? bytes.length : feed
    line += 1
    const next = { segment: row.first_sequence, offsetBytes: end + 1, line }
    yield { bytes: bytes.subarray(start, end), complete: feed >= 0, segment, line, next }
    start = end + 1
  }
}
