import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** A failure that its one line explains; printed without a stack. */
export class SetupError extends Error {}

/**
 * Runs a command of ours to its end: one line for what we can explain, a stack for what we cannot.
 * @param {() => Promise<void>} work
 */
export async function main(work) {
  try {
    await work()
  } catch (error) {
    console.error(error instanceof SetupError ? `keywright: ${error.message}` : error)
    process.exitCode = 1
  }
}
