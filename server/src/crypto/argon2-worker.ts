import { argon2Sync } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { Argon2Job } from './argon2.ts'

// One derivation per thread: computed where it may take its time and its memory, answered, over.
const { message, salt, memoryKiB, passes, parallelism, lengthBytes } = workerData as Argon2Job

const derived = argon2Sync('argon2id', {
  message,
  nonce: salt,
  memory: memoryKiB,
  passes,
  parallelism,
  tagLength: lengthBytes,
})
message.fill(0)

const answer = new Uint8Array(derived)
derived.fill(0)
parentPort?.postMessage(answer, [answer.buffer])
