import type { KeyObject } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

/** What a thread can do, by name. Its arguments and answers are what structured cloning takes, KeyObjects among them. */
export type Tasks = Readonly<Record<string, (...args: never[]) => TaskAnswer>>
export type TaskAnswer = Buffer | KeyObject | boolean | undefined

/** What is asked of a thread; the answers come in the same order. */
export interface TaskRequest {
  /** The answer has it too. */
  readonly number: number
  readonly name: string
  readonly args: readonly unknown[]
}

export type TaskOutcome = { readonly number: number } & Outcome
type Outcome = { readonly answer: TaskAnswer | Uint8Array<ArrayBuffer> } | { readonly error: unknown }

/** In a worker thread: does what it is asked for, one after the other, until it is ended. */
export function serveTasks(tasks: Tasks): void {
  const port = parentPort
  if (port === null) throw new Error('serveTasks is for a worker thread')
  port.on('message', ({ number, name, args }: TaskRequest) => {
    const { outcome, moved } = outcomeOf(tasks, name, args)
    port.postMessage({ number, ...outcome } satisfies TaskOutcome, moved)
  })
  // A task that cannot be read is never answered, and nobody would know which: this thread ends, and says so of all it has.
  port.on('messageerror', (error) => {
    throw error
  })
}

function outcomeOf(
  tasks: Tasks,
  name: string,
  args: readonly unknown[],
): { outcome: Outcome; moved: ArrayBuffer[] } {
  try {
    const answer = tasks[name]?.(...(args as never[]))
    if (!Buffer.isBuffer(answer)) return { outcome: { answer }, moved: [] }
    // Moved to the other thread in memory of its own, so that no copy of a secret stays here.
    const bytes = new Uint8Array(answer)
    answer.fill(0)
    return { outcome: { answer: bytes }, moved: [bytes.buffer] }
  } catch (error) {
    return { outcome: { error }, moved: [] }
  }
}
