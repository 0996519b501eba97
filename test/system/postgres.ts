import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { systemClock } from '../../server/src/clock.ts'
import { openStore } from '../../server/src/store/store.ts'

export interface PostgresServer {
  /** Of a superuser, with its password, on the maintenance database. */
  readonly adminUrl: string
  /** The URL of a new database with the current schema. */
  freshDatabase(): Promise<string>
  /** The URL of a new database without any table. */
  emptyDatabase(): Promise<string>
  /** Ends the server as a crash would; what it had not synced is in the page cache only. */
  kill(): Promise<void>
  /** Stops the server if it runs, breaking its connections, and starts it again. */
  restart(): Promise<void>
  /** Stops the server, breaking its connections; the data stay. */
  stop(): Promise<void>
  /** Stops the server and removes its data. */
  remove(): Promise<void>
}

const START_TIMEOUT_MS = 60_000
const TEMPLATE = 'keywright_template'
/** The first with `recovery_init_sync_method`. */
const OLDEST_VERSION = 14

/**
 * Debian's PostgreSQL on a free port of the loopback interface, in a directory of its own, with password
 * authentication and fsync on. It refuses to run as root, so root runs it as nobody; it ends with this process.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = findPrograms()
  const user = ordinaryUser()
  const directory = mkdtempSync(join(tmpdir(), 'keywright-postgres-'))
  const data = join(directory, 'data')
  const password = randomBytes(12).toString('hex')
  const passwordFile = join(directory, 'password')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(passwordFile, password)
  if (user) for (const path of [directory, data, passwordFile]) chownSync(path, user.uid, user.gid)

  await promisify(execFile)(
    join(programs, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'keywright',
      '-A',
      'scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--no-sync',
    ],
    { cwd: directory, ...user },
  )
  const port = await freePort()
  let server: ChildProcess | undefined
  let databases = 0

  const url = (database: string) => `postgres://keywright:${password}@127.0.0.1:${port}/${database}`

  const start = async () => {
    const output: Buffer[] = []
    // The server must not outlive a test that was killed.
    const child = spawn(
      'setpriv',
      [
        '--pdeathsig=INT',
        ...(user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : []),
        '--',
        join(programs, 'postgres'),
        `-D${data}`,
        `-p${port}`,
        '--listen_addresses=127.0.0.1',
        `--unix_socket_directories=${directory}`,
        '--shared_buffers=32MB',
        '--max_connections=60',
        // After a crash each file of every test's database would be synced by itself: thousands, a minute on a slow disk.
        '--recovery_init_sync_method=syncfs',
      ],
      { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
    server = child
    const endMs = Date.now() + START_TIMEOUT_MS
    while (!(await answers(url('postgres')))) {
      if (child.exitCode !== null || Date.now() > endMs) {
        throw new Error(`PostgreSQL did not start:\n${Buffer.concat(output).toString()}`)
      }
      // A server that starts tells nobody when it is ready.
      await delay(20)
    }
  }

  const end = async (signal: 'SIGINT' | 'SIGQUIT') => {
    const child = server
    server = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  const create = async (template: string): Promise<string> => {
    const name = `test_${++databases}`
    await query(url('postgres'), `create database ${name} template ${template}`)
    return url(name)
  }

  await start()
  await query(url('postgres'), `create database ${TEMPLATE}`)
  const store = await openStore({ engine: 'postgres', url: url(TEMPLATE) }, { clock: systemClock })
  await store.close()

  return {
    adminUrl: url('postgres'),
    freshDatabase: () => create(TEMPLATE),
    emptyDatabase: () => create('template0'),
    // An immediate shutdown ends all of the server's processes where they stand; the next start recovers from the log.
    kill: () => end('SIGQUIT'),
    async restart() {
      await end('SIGINT')
      await start()
    },
    stop: () => end('SIGINT'),
    async remove() {
      await end('SIGINT')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Runs one statement on a connection of its own; returns psql's plain output. */
export async function query(url: string, text: string): Promise<string> {
  const { stdout } = await promisify(execFile)(join(findPrograms(), 'psql'), [
    '-X',
    '-A',
    '-t',
    '-c',
    text,
    url,
  ])
  return stdout.trimEnd()
}

function findPrograms(): string {
  const root = '/usr/lib/postgresql'
  let versions: string[] = []
  try {
    versions = readdirSync(root)
  } catch {
    // Said below.
  }
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1)
  if (newest === undefined || Number(newest) < OLDEST_VERSION) {
    throw new Error(`PostgreSQL ${OLDEST_VERSION} or later is missing: apt-get install postgresql`)
  }
  return join(root, newest, 'bin')
}

/** Undefined unless this process is root. */
function ordinaryUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const nobody = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody')
  return { uid: Number(nobody?.[2]), gid: Number(nobody?.[3]) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No free port')
  return address.port
}

async function answers(url: string): Promise<boolean> {
  try {
    await query(url, 'select 1')
    return true
  } catch {
    return false
  }
}
