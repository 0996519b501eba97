import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  /** To be called at once: the memory is used again. */
  body(): string
}

const HEADER_END = Buffer.from('\r\n\r\n')
const LONGEST_ANSWER_BYTES = 64 * 1024

/**
 * A keep-alive connection that sends bytes as they are, one request at a time. It reads into one buffer, past Node's
 * streams, so that the open loop has time for its clock. Our servers give each answer a Content-Length; an answer without
 * one, or of more than 64 KiB, is an error.
 */
export class ClientConnection {
  readonly #socket: Socket
  readonly #onFailure: (error: Error) => void
  #received: Buffer | undefined
  #onAnswer: ((answer: Answer) => void) | undefined

  /** @param onFailure told when the connection ends while an answer is due, or cannot be made */
  constructor(port: number, onFailure: (error: Error) => void) {
    this.#onFailure = onFailure
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(LONGEST_ANSWER_BYTES),
        callback: (lengthBytes, buffer) => {
          this.#receive((buffer as Buffer).subarray(0, lengthBytes))
          return true
        },
      },
    })
    this.#socket.on('error', onFailure)
    this.#socket.on('close', () => {
      if (this.#onAnswer !== undefined)
        onFailure(new Error('the server closed a connection that waited for its answer'))
    })
  }

  send(request: Buffer, onAnswer: (answer: Answer) => void): void {
    this.#onAnswer = onAnswer
    this.#socket.write(request)
  }

  end(): void {
    this.#onAnswer = undefined
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk])
    const headerEnd = received.indexOf(HEADER_END)
    const length = headerEnd === -1 ? undefined : contentLength(received, headerEnd)
    if (headerEnd !== -1 && length === undefined) {
      this.#onFailure(new Error('an answer without Content-Length'))
      return
    }
    const end = headerEnd + HEADER_END.length + (length ?? 0)
    if (length === undefined || received.length < end) {
      // The chunk's memory is read into again.
      this.#received = Buffer.from(received)
      return
    }
    this.#received = undefined
    const onAnswer = this.#onAnswer
    this.#onAnswer = undefined
    const bodyAt = headerEnd + HEADER_END.length
    onAnswer?.({
      status:
        (received[9] as number) * 100 + (received[10] as number) * 10 + (received[11] as number) - ZERO * 111,
      body: () => received.toString('utf8', bodyAt, end),
    })
  }
}

const ZERO = 0x30

function contentLength(answer: Buffer, headerEnd: number): number | undefined {
  const header = answer.toString('latin1', 0, headerEnd)
  const length = /\r\ncontent-length: (\d+)/i.exec(header)?.[1]
  return length === undefined ? undefined : Number(length)
}

/** Sends each request once, over some connections; the answers' bodies in the order of the requests. */
export async function askAll(port: number, requests: readonly Buffer[], connections = 32): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const bodies: string[] = []
  const open: ClientConnection[] = []
  let next = 0
  let answered = 0
  const sendNext = (connection: ClientConnection) => {
    const index = next++
    const request = requests[index]
    if (request === undefined) return
    connection.send(request, ({ status, body }) => {
      if (status !== 200) {
        reject(new Error(`a request was refused with ${status}: ${body()}`))
        return
      }
      bodies[index] = body()
      answered++
      if (answered === requests.length) resolve()
      else sendNext(connection)
    })
  }
  for (let i = 0; i < Math.min(connections, requests.length); i++) {
    const connection = new ClientConnection(port, reject)
    open.push(connection)
    sendNext(connection)
  }
  try {
    await promise
  } finally {
    for (const connection of open) connection.end()
  }
  return bodies
}

/** One request, its answer parsed. */
export async function ask<T>(port: number, request: Buffer): Promise<T> {
  const [body = ''] = await askAll(port, [request])
  return JSON.parse(body) as T
}
