import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A Keywright server in a process of its own, as users run it. */
export interface ServerProcess {
  /** From the stable first line that it prints; no slash at the end. */
  readonly url: string
  readonly dataDir: string
  /** The root user's, from the file in the data directory or, when there is none, from the environment it was given. */
  readonly credentials: Credentials
  readonly process: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves with standard error once it matches; rejects when the process ends before. */
  logged(pattern: RegExp): Promise<string>
  /** SIGTERM; resolves with the exit code. Also after it has ended. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
}

export interface ServerOptions {
  /** Kept afterwards when it is given; otherwise a fresh one, removed when the test process ends. */
  readonly dataDir?: string
  /** After `serve`. The port is 0 unless one is given here. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly nodeArgs?: readonly string[]
  readonly cwd?: string
  /** A command that runs the server: `['taskset', '-c', '1']`. */
  readonly prefix?: readonly string[]
}

/** What a command line printed, and how it ended. */
export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The server ended, or did not serve in time. */
export class ServerStartError extends Error {
  override name = 'ServerStartError'
  readonly finished: Finished
  constructor(reason: string, finished: Finished) {
    super(`${reason}\n${finished.stdout}${finished.stderr}`)
    this.finished = finished
  }
}

const command = fileURLToPath(new URL('../server/src/cli/keywright.ts', import.meta.url))
const START_LIMIT_MS = 60_000
const COMMAND_LIMIT_MS = 60_000
const END_LIMIT_MS = 5_000

// Whatever a failed test left behind goes with the test process.
const running = new Set<ChildProcess>()
const folders = new Set<string>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** A folder that is removed when the test process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keywright-test-'))
  folders.add(folder)
  return folder
}

/**
 * Starts `keywright serve` and waits for its first line. Rejects with ServerStartError, which carries what it printed, when
 * the process ends before that.
 */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const dataDir = options.dataDir ?? join(temporaryFolder(), 'data')
  const args = options.args ?? []
  const port =
    args.some((arg) => /^--port\b/.test(arg)) || options.env?.['KEYWRIGHT_PORT'] !== undefined
      ? []
      : ['--port', '0']
  const run = launch(['serve', ...port, ...args], { ...options, dataDir })
  const url = await run.stdout.first(/^Keywright is serving (\S+)\n/).catch(async (cause: unknown) => {
    // One that ends by itself is let end: its exit code is part of the answer.
    const limit = setTimeout(() => run.child.kill('SIGKILL'), END_LIMIT_MS)
    const finished = await run.ended.finally(() => clearTimeout(limit))
    throw new ServerStartError(`the server did not start: ${(cause as Error).message}`, finished)
  })
  // A test that forgot to stop its server must not hang: only a wait for the server keeps the process alive.
  run.unref()
  return {
    url: url[1] ?? '',
    dataDir,
    get credentials() {
      return credentialsOf(dataDir, options.env)
    },
    process: run.child,
    stdout: () => run.stdout.text(),
    stderr: () => run.stderr.text(),
    async logged(pattern) {
      run.ref()
      await run.stderr.first(pattern).finally(run.unref)
      return run.stderr.text()
    },
    async stop() {
      run.ref()
      run.child.kill('SIGTERM')
      return (await run.ended).code
    },
    async kill() {
      run.ref()
      run.child.kill('SIGKILL')
      await run.ended
    },
  }
}

/**
 * Node arguments under which a process lives that far in the future. The shipped command has no setting for it: this changes
 * the Node that runs it.
 */
export function clockAhead(ms: number): readonly string[] {
  const shifted = `const now = Date.now; Date.now = () => now() + ${ms}`
  return ['--import', `data:text/javascript,${encodeURIComponent(shifted)}`]
}

/** Runs one `keywright` command to its end. One that takes longer than a minute is killed. */
export async function runKeywright(
  args: readonly string[],
  options: Omit<ServerOptions, 'args' | 'dataDir'> & { dataDir: string },
): Promise<Finished> {
  const run = launch(args, options)
  const limit = setTimeout(() => run.child.kill('SIGKILL'), COMMAND_LIMIT_MS)
  return run.ended.finally(() => {
    clearTimeout(limit)
  })
}

function launch(args: readonly string[], options: ServerOptions & { dataDir: string }) {
  const [file, ...before] = [...(options.prefix ?? []), process.execPath]
  const child = spawn(file, [...before, ...(options.nodeArgs ?? []), command, ...args], {
    cwd: options.cwd ?? temporaryFolder(),
    env: {
      ...surroundings(),
      ...databaseOf(options.dataDir),
      KEYWRIGHT_DATA_DIR: options.dataDir,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const stdout = printed(child.stdout)
  const stderr = printed(child.stderr)
  const finishedSoFar = (): Finished => ({
    code: child.exitCode,
    signal: child.signalCode,
    stdout: stdout.text(),
    stderr: stderr.text(),
  })
  const ended = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject)
    // Not 'exit': what it printed last may still be on its way then.
    child.on('close', () => {
      running.delete(child)
      resolve(finishedSoFar())
    })
  })
  // Who waits for a line hears of a failed spawn by the end of the streams.
  ended.catch(() => {})
  const handles = [child, child.stdout, child.stderr] as unknown as { ref(): void; unref(): void }[]
  return {
    child,
    stdout,
    stderr,
    ended,
    ref: () => {
      for (const handle of handles) handle.ref()
    },
    unref: () => {
      for (const handle of handles) handle.unref()
    },
  }
}

/** What a stream has said so far, and a wait for what it will say. */
function printed(stream: Readable) {
  let said = ''
  let over = false
  const waiting = new Set<() => void>()
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    said += text
    for (const look of waiting) look()
  })
  stream.on('close', () => {
    over = true
    for (const look of waiting) look()
  })
  return {
    text: () => said,
    first: (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        const settle = (outcome: () => void) => {
          clearTimeout(limit)
          waiting.delete(look)
          outcome()
        }
        const look = () => {
          const match = pattern.exec(said)
          if (match !== null) settle(() => resolve(match))
          else if (over) settle(() => reject(new Error(`it ended before it printed ${pattern}`)))
        }
        const limit = setTimeout(() => {
          settle(() => reject(new Error(`it did not print ${pattern} within ${START_LIMIT_MS / 1000} s`)))
        }, START_LIMIT_MS)
        waiting.add(look)
        look()
      }),
  }
}

const databases = new Set<string>()

/**
 * With TEST_POSTGRES_URL (of a superuser, on the maintenance database) each data directory has a database of its own
 * there, made when it is first used; without it SQLite in the data directory.
 */
function databaseOf(dataDir: string): NodeJS.ProcessEnv {
  const admin = process.env['TEST_POSTGRES_URL']
  if (admin === undefined) return {}
  const name = `test_${createHash('sha256').update(dataDir).digest('hex').slice(0, 24)}`
  if (!databases.has(name))
    execFileSync('/usr/bin/psql', ['-X', '-q', '-c', `create database ${name}`, admin])
  databases.add(name)
  const url = new URL(admin)
  url.pathname = name
  return { KEYWRIGHT_DATABASE_URL: url.href }
}

/** Neither Keywright's settings nor AWS's of whoever runs the tests may change what they say. */
function surroundings(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(KEYWRIGHT|AWS)_|^NODE_(OPTIONS|TEST_CONTEXT|V8_COVERAGE)$/i.test(name),
    ),
  )
}

function credentialsOf(dataDir: string, env: ServerOptions['env'] = {}): Credentials {
  const file = join(dataDir, 'credentials')
  const { KEYWRIGHT_ROOT_ACCESS_KEY_ID: id, KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: secret } = env
  if (!existsSync(file) && id !== undefined && secret !== undefined)
    return { accessKeyId: id, secretAccessKey: secret }
  return readCredentials(file)
}

/** Reads a file in the AWS shared-credentials format, as `keywright` writes it. */
export function readCredentials(file: string): Credentials {
  const text = readFileSync(file, 'utf8')
  const value = (name: string) => {
    const found = new RegExp(`^${name} = (\\S+)$`, 'm').exec(text)?.[1]
    if (found === undefined) throw new Error(`${file} has no ${name}`)
    return found
  }
  return { accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') }
}
