import type { Clock } from '../../clock.ts'
import type { Store } from '../../store/store.ts'
import type { RequestBuckets, Taken } from './request-buckets.ts'
import { placeOf, quotaClasses } from './request-quotas.ts'

/** What a node took, as it tells the others. */
interface Round {
  readonly number: number
  readonly taken: readonly Taken[]
}

export interface RequestShares {
  /** Tells what was taken here, and takes into account what was taken elsewhere. */
  exchange(): Promise<void>
  /** Ends the rounds, and takes this node's row away. */
  stop(): Promise<void>
}

const ROUND_MS = 1000
// A node that reads a little late misses nothing.
const ROUNDS_TOLD = 3
// Who has told nothing for so long asks for next to nothing, and need not know who else does.
const ROUNDS_LISTENING = 5
const MOST_TAKEN = 500
const LONGEST_ROW = 256 * 1024
const MOST_NODES = 64
// Of a row seen for the first time: whether its node is at work, or died some time ago.
const LATELY_MS = 5000
const FORGOTTEN_AFTER_MS = 600_000

/**
 * Lets the nodes of a deployment share the request quotas: each writes what it took into a row of its own, about once a
 * second while there is something worth telling, and owes what the others have written.
 *
 * Nothing waits for it. Without the database each node goes on with what it knows.
 */
export function startRequestShares(parts: {
  store: Store
  buckets: RequestBuckets
  /** Of this process among those of the deployment. */
  node: string
  clock: Clock
  onFailure: (error: unknown) => void
}): RequestShares {
  const { store, buckets, node, clock, onFailure } = parts
  /** The newest round of each other node that was taken into account. */
  let heard = new Map<string, number>()
  let rounds: readonly Round[] = []
  let number = 0
  let roundsWithoutNews = ROUNDS_LISTENING
  let hasRow = false
  let stopped = false
  let cancel = () => undefined as void
  let running: Promise<void> = Promise.resolve()

  async function exchange(): Promise<void> {
    const taken = buckets.untold(MOST_TAKEN)
    try {
      if (taken.length > 0) {
        rounds = [...rounds, { number: ++number, taken }].slice(-ROUNDS_TOLD)
        roundsWithoutNews = 0
        await tell()
      } else roundsWithoutNews++
      if (roundsWithoutNews < ROUNDS_LISTENING) await listen()
      else heard.clear()
    } catch (error) {
      onFailure(error)
    } finally {
      buckets.settle()
    }
  }

  async function tell(): Promise<void> {
    const row = { node, seen_at: clock.now(), taken: toText(rounds) }
    await store.transition(async (tx) => {
      tx.unrecorded = 'how much was asked for of late; each request has a record of its own'
      await tx.db
        .insertInto('request_shares')
        .values(row)
        .onConflict((conflict) =>
          conflict.column('node').doUpdateSet({ seen_at: row.seen_at, taken: row.taken }),
        )
        .execute()
    })
    hasRow = true
    // Now and then, so that a node that died leaves nothing for ever.
    if (number % 60 === 1) await forget(row.seen_at - FORGOTTEN_AFTER_MS)
  }

  async function forget(beforeMs: number): Promise<void> {
    await store.transition(async (tx) => {
      tx.unrecorded = 'a node that is gone asks for nothing'
      await tx.db.deleteFrom('request_shares').where('seen_at', '<', beforeMs).execute()
    })
  }

  async function listen(): Promise<void> {
    const rows = await store.db
      .selectFrom('request_shares')
      .selectAll()
      .where('node', '!=', node)
      .orderBy('seen_at', 'desc')
      .limit(MOST_NODES)
      .execute()
    const next = new Map<string, number>()
    for (const row of rows) {
      const told = fromText(row.taken)
      const newest = told.at(-1)?.number
      if (newest === undefined) continue
      const last = heard.get(row.node)
      const isFirst = last === undefined
      // A row that nobody writes any more is not listened to for long.
      if (!isFirst || Math.abs(clock.now() - row.seen_at) <= LATELY_MS) {
        const fresh = told.filter((round) => (isFirst ? round.number === newest : round.number > last))
        for (const each of summed(fresh)) buckets.takenElsewhere(each)
      }
      next.set(row.node, newest)
    }
    heard = next
  }

  const arm = () => {
    cancel = clock.wakeAt(clock.now() + ROUND_MS, () => {
      running = exchange().finally(() => {
        if (!stopped) arm()
      })
    })
  }
  arm()
  return {
    exchange,
    async stop() {
      stopped = true
      cancel()
      await running
      if (!hasRow) return
      try {
        await store.transition(async (tx) => {
          tx.unrecorded = 'a node that is gone asks for nothing'
          await tx.db.deleteFrom('request_shares').where('node', '=', node).execute()
        })
      } catch (error) {
        onFailure(error)
      }
    },
  }
}

/** Classes by their names: nodes of two versions may have different lists. */
function toText(rounds: readonly Round[]): string {
  return JSON.stringify(
    rounds.map(({ number, taken }) => [
      number,
      taken.map(({ accountId, region, at, tokens }) => [accountId, region, quotaClasses[at], tokens]),
    ]),
  )
}

/** What is not of the form is left out: the row is not authenticated, and whoever edits it can only throttle. */
function fromText(text: string): Round[] {
  if (text.length > LONGEST_ROW) return []
  let rounds: unknown
  try {
    rounds = JSON.parse(text)
  } catch {
    return []
  }
  if (!Array.isArray(rounds)) return []
  return rounds.flatMap((round: unknown): Round[] => {
    const [number, taken] = Array.isArray(round) ? (round as unknown[]) : []
    if (!Number.isSafeInteger(number) || !Array.isArray(taken)) return []
    return [{ number: number as number, taken: taken.flatMap(takenFrom) }]
  })
}

function takenFrom(entry: unknown): Taken[] {
  const [accountId, region, name, tokens] = Array.isArray(entry) ? (entry as unknown[]) : []
  const at = placeOf(name)
  if (typeof accountId !== 'string' || typeof region !== 'string' || at === undefined) return []
  if (typeof tokens !== 'number' || !(tokens > 0) || tokens === Infinity) return []
  return [{ accountId, region, at, tokens }]
}

/** Each quota once, since who takes from one is counted. */
function summed(rounds: readonly Round[]): Iterable<Taken> {
  const sums = new Map<string, Taken>()
  for (const taken of rounds.flatMap((round) => round.taken)) {
    const name = `${taken.accountId} ${taken.region} ${taken.at}`
    sums.set(name, { ...taken, tokens: taken.tokens + (sums.get(name)?.tokens ?? 0) })
  }
  return sums.values()
}
