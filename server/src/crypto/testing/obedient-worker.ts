import { createSecretKey } from 'node:crypto'
import { threadId } from 'node:worker_threads'
import { serveTasks } from '../thread-tasks.ts'

/** What tests have a thread do. */
const tasks = {
  /** Keeps the thread until the test stores a 1 in `gate`. */
  waitFor(gate: Int32Array) {
    Atomics.wait(gate, 0, 0)
    return true
  },
  ofThread: () => Buffer.from(String(threadId)),
  echo: (bytes: Uint8Array) => Buffer.from(bytes),
  /** How much memory came along with the bytes. */
  memoryOf: (bytes: Uint8Array) => Buffer.from(String(bytes.buffer.byteLength)),
  newKey: (length: number) => createSecretKey(Buffer.alloc(length, 7)),
  fail(message: string): boolean {
    throw new RangeError(message)
  },
  /** Ends the thread as a fault in it would. */
  end(): boolean {
    process.exit(1)
  },
  environment: () => Buffer.from(Object.keys(process.env).join()),
}

export type ObedientTasks = typeof tasks

serveTasks(tasks)
