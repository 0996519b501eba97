import { chmodSync, closeSync, constants, lstatSync, openSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { checkRequest } from './commands.ts'
import type { CommandName, CommandRequest, CommandResult } from './commands.ts'
import type { DataDirLock } from './data-dir.ts'
import { CommandError, describeFailure } from './failure.ts'

/**
 * The control socket: one request and one answer to a connection, each one line of JSON.
 *   {"command":"account create","args":{"name":"billing"},"userName":"alice"}
 *   {"ok":true,"result":{…}} or {"ok":false,"error":"one line"}
 * Who may connect is the file system's decision: the socket has mode 0600 in a directory of mode 0700, and so belongs to
 * the user who could open the store anyway. The name is for the record; it proves nothing.
 */
export interface ControlServer {
  readonly path: string
  /** Takes no more requests, waits for those that run, and removes the socket. */
  close(): Promise<void>
}

/** No server listens there: the command opens the store itself. */
export class NoServerError extends Error {
  override name = 'NoServerError'
}

const MAX_REQUEST_BYTES = 65_536
const MAX_ANSWER_BYTES = 256 * 2 ** 20
const MAX_CONNECTIONS = 16
const REQUEST_TIMEOUT_MS = 5_000

// sun_path holds 108 bytes on Linux and 104 on macOS and the BSDs, the closing zero included.
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

export function controlSocketOf(dataDir: string): string {
  return join(dataDir, 'control.sock')
}

/**
 * Listens for commands. The lock is asked for because it makes what is there stale: nobody else can be listening.
 * Rejects with CommandError when the socket cannot be made.
 */
export async function startControlServer(
  { dataDir }: DataDirLock | { readonly dataDir: string },
  run: (request: CommandRequest) => Promise<unknown>,
): Promise<ControlServer> {
  const path = controlSocketOf(dataDir)
  removeStale(path)
  const running = new Set<Promise<void>>()
  /** Connections that have not said what they want. */
  const waiting = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    waiting.add(socket)
    const start = (request: CommandRequest) => {
      waiting.delete(socket)
      return run(request)
    }
    const done = answer(socket, start).finally(() => {
      waiting.delete(socket)
      running.delete(done)
    })
    running.add(done)
  })
  server.maxConnections = MAX_CONNECTIONS
  const address = reachable(dataDir)
  try {
    await listenPrivately(server, address.path)
  } catch (cause) {
    address.close()
    throw new CommandError(`cannot listen on ${path}: ${describeFailure(cause)}`, { cause })
  }
  return {
    path,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of waiting) socket.destroy()
      await Promise.all(running)
      await closed
      rmSync(path, { force: true })
      address.close()
    },
  }
}

/** Bind happens within listen(), so the socket has its mode from its first moment; the directory is private besides. */
function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o177)
    try {
      server.listen(path, () => {
        server.off('error', reject)
        // Running out of descriptors must not end the service; the client sees its connection fail.
        server.on('error', () => {})
        chmodSync(path, 0o600)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}

function removeStale(path: string): void {
  const status = lstatSync(path, { throwIfNoEntry: false })
  if (status === undefined) return
  if (!status.isSocket()) throw new CommandError(`${path} is in the way of the control socket: remove it`)
  rmSync(path)
}

/**
 * A path to the socket that is short enough for its address. On Linux a longer one goes by way of an open descriptor of the
 * directory, which names the same file.
 */
function reachable(dataDir: string): { path: string; close(): void } {
  const path = controlSocketOf(dataDir)
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { path, close: () => {} }
  if (process.platform !== 'linux') {
    throw new CommandError(
      `the path of the control socket has more than ${MAX_PATH_BYTES} bytes: choose a shorter --data-dir`,
    )
  }
  const fd = openSync(dataDir, constants.O_RDONLY | constants.O_DIRECTORY)
  return {
    path: controlSocketOf(`/proc/self/fd/${fd}`),
    close: () => {
      closeSync(fd)
    },
  }
}

/** Serves one connection; whatever the other end does, it ends, and nothing is thrown. */
async function answer(socket: Socket, run: (request: CommandRequest) => Promise<unknown>): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  try {
    const line = await readLine(socket, MAX_REQUEST_BYTES, REQUEST_TIMEOUT_MS)
    const result = await run(parseRequest(line))
    socket.end(`${JSON.stringify({ ok: true, result: result ?? null })}\n`)
  } catch (error) {
    socket.end(`${JSON.stringify({ ok: false, error: describeFailure(error) })}\n`)
  }
  // A client that does not read its answer is not waited for.
  const patience = setTimeout(() => socket.destroy(), REQUEST_TIMEOUT_MS)
  await closed
  clearTimeout(patience)
}

function parseRequest(line: string): CommandRequest {
  let request: unknown
  try {
    request = JSON.parse(line)
  } catch {
    // The parser's message quotes its input, which may hold a passphrase.
    throw new CommandError('the request is not JSON')
  }
  if (typeof request !== 'object' || request === null) throw new CommandError('the request is not an object')
  const { command, args, userName, ...others } = request as Record<string, unknown>
  if (Object.keys(others).length > 0) throw new CommandError('the request has unknown members')
  return checkRequest(command, args, userName)
}

/** The bytes up to the first newline as UTF-8. Rejects with CommandError beyond the bounds. */
function readLine(socket: Socket, maxBytes: number, timeoutMs: number | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            finish(() => reject(new CommandError(`no whole line within ${timeoutMs} ms`)))
          }, timeoutMs)
    const finish = (settle: () => void) => {
      clearTimeout(timer)
      socket.off('data', onData)
      socket.off('end', onEnd)
      socket.off('close', onEnd)
      // What comes after the line is let go, so that a client which writes on does not wait for ever.
      socket.resume()
      settle()
    }
    const onData = (chunk: Buffer) => {
      const end = chunk.indexOf(10)
      chunks.push(end < 0 ? chunk : chunk.subarray(0, end))
      length += chunks.at(-1)?.length ?? 0
      if (length > maxBytes)
        return finish(() => reject(new CommandError(`a line of more than ${maxBytes} bytes`)))
      if (end >= 0) finish(() => resolve(Buffer.concat(chunks).toString('utf8')))
    }
    const onEnd = () => {
      finish(() => reject(new CommandError('the connection ended before the line did')))
    }
    socket.on('data', onData)
    socket.on('end', onEnd)
    socket.on('close', onEnd)
  })
}

/**
 * Gives a command to the server that runs on this data directory and resolves with its result.
 * Rejects with NoServerError when none runs, with CommandError when it refuses or goes away.
 */
export async function callControl<Name extends CommandName>(
  dataDir: string,
  command: Name,
  args: Readonly<Record<string, string>>,
): Promise<CommandResult<Name>> {
  if (process.platform === 'win32') throw new NoServerError()
  const address = reachable(dataDir)
  try {
    const socket = await connected(address.path)
    try {
      socket.write(`${JSON.stringify({ command, args, userName: operatorName() })}\n`)
      return resultOf(await readLine(socket, MAX_ANSWER_BYTES, undefined)) as CommandResult<Name>
    } finally {
      socket.destroy()
    }
  } finally {
    address.close()
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const nobody = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED'
      reject(
        nobody
          ? new NoServerError()
          : new CommandError(`cannot reach the server: ${cause.message}`, { cause }),
      )
    })
  })
}

function resultOf(line: string): unknown {
  const reply = JSON.parse(line) as { ok: true; result: unknown } | { ok: false; error: string }
  if (reply.ok) return reply.result
  throw new CommandError(String(reply.error))
}

/** The operating system's name of whoever runs this; a container's user may have a number only. */
export function operatorName(): string {
  try {
    const { username } = userInfo()
    if (/^[!-~]{1,64}$/.test(username)) return username
  } catch {
    // No entry in the user database.
  }
  return `uid:${process.getuid?.() ?? 'unknown'}`
}
