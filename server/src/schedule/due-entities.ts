import { CorruptRowError } from '../store/store.ts'

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
}

/**
 * Runs each alone: a row that was edited keeps what it is about from being done, and nothing else.
 *
 * @returns those whose rows are not authentic
 */
export async function runEach<Due>(
  { page, run }: DueEntities<Due>,
  nowMs: number,
  isStopped: () => boolean,
): Promise<Undone<Due> | undefined> {
  let first: Due | undefined
  let count = 0
  let due: readonly Due[] = []
  do {
    due = await page(nowMs, BATCH, due.at(-1))
    for (const each of due) {
      if (isStopped()) break
      try {
        await run(each)
      } catch (error) {
        if (!(error instanceof CorruptRowError)) throw error
        first ??= each
        count++
      }
    }
  } while (due.length === BATCH && !isStopped())
  return first && { first, count }
}
