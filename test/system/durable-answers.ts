import { bytesOf, descriptorOf, type SystemCall } from './strace-log.ts'

export interface AnswerOrder {
  /** Answers that carry a request id. */
  readonly answers: number
  /** Of them, those whose record was durable in the database's log first, and those in the journal. */
  readonly byDatabase: number
  readonly byJournal: number
  /** One sentence for each answer that was written before something durable held its record. */
  readonly early: readonly string[]
}

interface FileCall {
  readonly call: SystemCall
  /** Of the file, or the socket, whose descriptor the call begins with. */
  readonly path: string | undefined
}

/** An SQLite WAL file: a header, then frames of a header and a page. "WAL File Format", sqlite.org/fileformat2.html */
const WAL_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const PAGE_BYTES = 4096

/**
 * Holds every HTTP answer against the file that must hold its record: the answer's write may be entered only after a sync
 * had returned that was entered after the record was written. The record is a line of a journal segment, or, for a
 * change, a row of a transaction in the database's write-ahead log whose commit frame was written before that sync.
 */
export function checkAnswerOrder(calls: readonly SystemCall[]): AnswerOrder {
  const files: FileCall[] = calls.map((call) => ({ call, path: pathOf(call) }))
  const journal = durableIn(
    files.filter(({ path }) => path?.endsWith('.jsonl')),
    () => true,
  )
  const database = durableIn(
    files.filter(({ path }) => path?.endsWith('.db-wal')),
    isCommitFrame,
  )
  let [answers, byDatabase, byJournal] = [0, 0, 0]
  const early: string[] = []
  for (const { call, path } of files) {
    if (path === undefined || !path.startsWith('TCP')) continue
    // One write can carry several answers of a connection.
    for (const [, requestId = ''] of bytesOf(call.args)
      .toString('latin1')
      .matchAll(/x-amzn-RequestId: ([0-9a-f-]{36})/gi)) {
      answers += 1
      const inDatabase = database(requestId)
      const inJournal = journal(requestId)
      if (inDatabase < call.start) byDatabase += 1
      else if (inJournal < call.start) byJournal += 1
      else
        early.push(
          `the answer to ${requestId} was written at ${call.start}; its record was durable at ${Math.min(inDatabase, inJournal)}`,
        )
    }
  }
  return { answers, byDatabase, byJournal, early }
}

/** For a request id, the place in the log where one of these files came to hold it for good; Infinity when none did. */
function durableIn(
  calls: readonly FileCall[],
  completes: (call: SystemCall) => boolean,
): (requestId: string) => number {
  const files = [...Map.groupBy(calls, ({ path }) => path).values()].map((own) => ({
    writes: own
      .filter(({ call }) => /^p?write/.test(call.name) && call.result > 0)
      .map(({ call }) => ({ call, text: bytesOf(call.args).toString('latin1') })),
    syncs: own
      .filter(({ call }) => /^f(data)?sync$/.test(call.name) && call.result === 0)
      .map(({ call }) => call),
  }))
  return (requestId) => {
    // A row that continues on another page is cut anywhere, but one half of a request id stays whole.
    const halves = [requestId.slice(0, 18), requestId.slice(18)]
    return Math.min(
      ...files.map(({ writes, syncs }) => {
        const at = writes.findIndex(({ text }) => halves.some((half) => text.includes(half)))
        if (at < 0) return Infinity
        // The header of a frame is the write before its page.
        const last = writes.findIndex(({ call }, index) => index >= at - 1 && completes(call))
        const page = writes[last]?.call.result === FRAME_HEADER_BYTES ? last + 1 : last
        const written = Math.max(writes[at]?.call.end ?? Infinity, writes[page]?.call.end ?? Infinity)
        return syncs.find(({ start }) => start > written)?.end ?? Infinity
      }),
    )
  }
}

/** The header of the last frame of a transaction: it holds the database's size in pages, others hold 0. */
function isCommitFrame({ args, result }: SystemCall): boolean {
  const offset = Number(/(\d+)$/.exec(args)?.[1])
  const isHeader =
    result === FRAME_HEADER_BYTES && (offset - WAL_HEADER_BYTES) % (FRAME_HEADER_BYTES + PAGE_BYTES) === 0
  return isHeader && bytesOf(args).readUInt32BE(4) !== 0
}

function pathOf({ name, args }: SystemCall): string | undefined {
  return name === 'openat' || name === 'close' ? undefined : descriptorOf(args)?.what
}
