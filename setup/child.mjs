import { spawn } from 'node:child_process'
import { SetupError } from './root.mjs'
import { whyNotStarted } from './node.mjs'

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null, output: string }} Ending */

/**
 * Runs a program until it ends. Signals that reach us reach it, so stopping `npm start` stops the server.
 * Its input and output are ours, unless `capture` collects what it prints.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, capture?: boolean, shell?: boolean }} [options]
 * @returns {Promise<Ending>}
 */
export function runChild(file, args, { env = process.env, cwd, capture = false, shell = false } = {}) {
  const child = spawn(file, args, {
    env,
    shell,
    ...(cwd === undefined ? {} : { cwd }),
    stdio: capture ? ['ignore', 'pipe', 'pipe'] : 'inherit',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => (output += text))
  }

  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    // A terminal gives Ctrl-C to the child too; a second SIGINT would look like impatience to it.
    if (signal === 'SIGINT' && process.stdin.isTTY) return
    child.kill(signal)
  }
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)

  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      for (const signal of signals) process.off(signal, forward)
      reject(new SetupError(whyNotStarted(file), { cause: error }))
    })
    child.once('close', (code, signal) => {
      for (const each of signals) process.off(each, forward)
      resolve({ code, signal, output })
    })
  })
}

/**
 * Ends this process as the child ended: same exit code, or same signal.
 * @param {Ending} ending
 */
export function endLike({ code, signal }) {
  if (signal !== null && process.platform !== 'win32') process.kill(process.pid, signal)
  else process.exitCode = code ?? 1
}
