import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** What a worker thread is started with; the bytes are the thread's own. */
export interface Argon2Job extends Argon2Parameters {
  readonly message: Uint8Array<ArrayBuffer>
  readonly salt: Uint8Array<ArrayBuffer>
  readonly lengthBytes: number
}

export interface Argon2Parameters {
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
}

// The same file name with the same ending as this one: .ts from the source, .js once built.
const WORKER = new URL(`./argon2-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

let last: Promise<unknown> = Promise.resolve()

/**
 * Argon2id (RFC 9106) in a thread of its own, which ends with the answer. At the usual 64 MiB and 3 passes it takes some
 * 150 ms of one core: on the event loop that would stop every request, in libuv's pool every fsync and DNS query queued
 * behind it. One runs at a time, so memory is bounded by one derivation.
 *
 * The caller wipes `message`, once the answer is there, and the answer; the copy that the thread gets is wiped there.
 */
export function argon2id(
  message: Uint8Array,
  salt: Uint8Array,
  { memoryKiB, passes, parallelism }: Argon2Parameters,
  lengthBytes: number,
): Promise<Buffer> {
  const turn = last.then(() => {
    const copy = { message: new Uint8Array(message), salt: new Uint8Array(salt) }
    return runWorker({ ...copy, memoryKiB, passes, parallelism, lengthBytes })
  })
  last = turn.catch(() => undefined)
  return turn
}

function runWorker(job: Argon2Job): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The message is moved, not copied. The environment may hold secrets, and the thread needs none of it.
    const worker = new Worker(WORKER, { workerData: job, transferList: [job.message.buffer], env: {} })
    worker.once('message', (answer: Uint8Array<ArrayBuffer>) => resolve(Buffer.from(answer.buffer)))
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the Argon2 thread ended without an answer')))
  })
}
