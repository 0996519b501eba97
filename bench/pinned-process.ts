import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { serviceFlags } from '../setup/node.mjs'
import { startServer } from '../test/server-process.ts'
import { credentials } from './signed-request.ts'

/** A server in a process of its own that has one CPU, with all of its threads, unless it was given more. */
export interface PinnedServer extends AsyncDisposable {
  readonly pid: number
  readonly url: string
  readonly port: number
}

export function fileOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

/** @throws Error which says the line that installs what is missing */
export function requirePrograms(): void {
  const missing = Object.entries({ wrk: 'wrk', taskset: 'util-linux' })
    .filter(([program]) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error !== undefined)
    .map(([, debianPackage]) => debianPackage)
  if (missing.length > 0) {
    throw new Error(`the bench needs programs that are missing: apt-get install -y ${missing.join(' ')}`)
  }
}

/** Keywright as it is shipped: every check on, each answer after its durable record. */
export async function startKeywright(
  cores: number | readonly number[],
  dataDir: string,
  flags: readonly string[] = [],
): Promise<PinnedServer> {
  const server = await startServer({
    dataDir,
    args: ['--log-level', 'warn', ...flags],
    nodeArgs: [...serviceFlags, ...nodeArguments],
    env: {
      KEYWRIGHT_ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
      KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    prefix: pinned(cores),
  })
  return {
    // taskset replaces itself by the command, so the pid is the command's own.
    pid: server.process.pid as number,
    url: server.url,
    port: Number(new URL(server.url).port),
    [Symbol.asyncDispose]: async () => {
      await server.stop()
    },
  }
}

// Such as `--cpu-prof`, to see where the time goes in the very load that is measured.
const nodeArguments = (process.env['BENCH_SERVER_NODE_ARGS'] ?? '')
  .split(' ')
  .filter((argument) => argument !== '')

/** The reference: `bare-server.ts` with an answer of so many bytes. */
export async function startBareServer(core: number, bodyBytes: number): Promise<PinnedServer> {
  const [command, ...args] = [...pinned(core), process.execPath, fileOf('bare-server.ts'), String(bodyBytes)]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill())
  const exited = once(child, 'exit')
  const [line] = (await Promise.race([once(child.stdout, 'data'), exited])) as [unknown]
  const url = /^serving (\S+)\n$/.exec(String(line))?.[1]
  if (url === undefined) throw new Error(`the bare server did not start: ${String(line)}`)
  return {
    pid: child.pid as number,
    url,
    port: Number(new URL(url).port),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** Runs a program to its end, on these CPUs only, and returns what it printed. */
export async function runPinned(
  cores: number | readonly number[],
  program: string,
  args: readonly string[],
): Promise<string> {
  const [command = '', ...rest] = [...pinned(cores), program, ...args]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += String(chunk)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${text}`)
  return text
}

function pinned(cores: number | readonly number[]): string[] {
  // An array as text is the list that taskset takes.
  return ['taskset', '-c', String(cores)]
}
