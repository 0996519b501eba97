import { CorruptRowError, StoreError } from '../store/store.ts'

const BATCH = 100

/** Entities that are due, as the database has them, authentic or not. */
export interface DueEntities<Due> {
  /** One page, oldest first, after `after`. */
  page(nowMs: number, limit: number, after: Due | undefined): Promise<readonly Due[]>
  run(due: Due): Promise<void>
}

export interface Undone<Due> {
  readonly first: Due
  readonly count: number
  /** Why the first one could not be done, for the operator. */
  readonly reason: string
}

/**
 * Runs each alone: a row that was edited, or whatever else is wrong with one, keeps what it is about from being done, and
 * nothing else.
 *
 * @returns those that could not be done
 * @throws StoreError when the database fails, and none of the others could be done either
 */
export async function runEach<Due>(
  { page, run }: DueEntities<Due>,
  nowMs: number,
  isStopped: () => boolean,
): Promise<Undone<Due> | undefined> {
  let first: Due | undefined
  let reason = ''
  let count = 0
  let due: readonly Due[] = []
  do {
    due = await page(nowMs, BATCH, due.at(-1))
    for (const each of due) {
      if (isStopped()) break
      try {
        await run(each)
      } catch (error) {
        if (error instanceof StoreError) throw error
        first ??= each
        if (count++ === 0) reason = reasonOf(error)
      }
    }
  } while (due.length === BATCH && !isStopped())
  return first === undefined ? undefined : { first, count, reason }
}

/** A sentence about keys that could not be done, which ends with what is wrong with the first. */
export function keysUndone(
  undone: Undone<{ readonly region: string; readonly keyId: string }> | undefined,
  cannot: string,
): string | undefined {
  if (undone === undefined) return undefined
  const { first, count, reason } = undone
  const key = `${first.region}/${first.keyId}`
  const whose = count === 1 ? `key ${key}` : `${count} keys (the first is ${key})`
  return `${whose} ${cannot}: ${reason}`
}

function reasonOf(error: unknown): string {
  if (error instanceof CorruptRowError) return 'not authentic in the database; restore a backup'
  return error instanceof Error ? error.message : String(error)
}
