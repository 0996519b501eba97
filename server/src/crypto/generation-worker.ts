import { readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { setPriority } from 'node:os'
import { canonicalPrivateKey } from './import-private-key.ts'
import { generatePrivateKey } from './key-generation.ts'
import { serveTasks } from './thread-tasks.ts'

const tasks = { generatePrivateKey, canonicalPrivateKey }

export type GenerationTasks = typeof tasks

const NICE = 10

/**
 * A key that is made takes what time the rest of the process leaves. On Linux each thread has a priority of its own;
 * elsewhere it is the whole process's, which stays as it is.
 */
function stepBack(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICE)
  } catch {
    // Without /proc, or where a sandbox forbids it, keys are made all the same.
  }
}

stepBack()
serveTasks(tasks)
