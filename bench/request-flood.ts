import { ClientConnection } from './client-connection.ts'
import { requestSigner } from './signed-request.ts'

/** The same request over and over. */
export interface RequestFlood {
  /** Sends no more, forgets what is under way, and says how much was answered until now. */
  stop(): FloodResult
}

export interface FloodResult {
  readonly answered: number
  readonly throttled: number
  readonly seconds: number
}

// What an AWS SDK waits between the first two attempts.
const PAUSE_MS = 100

/**
 * Asks over some connections, each again when it has its answer; one that is told to ask less often waits first.
 * @throws Error by `stop`, when there was any other refusal
 */
export function startFlood(
  port: number,
  connections: number,
  operation: string,
  input: object,
): RequestFlood {
  const sign = requestSigner()
  const startedAt = performance.now()
  const open: ClientConnection[] = []
  const pauses = new Set<NodeJS.Timeout>()
  let failure: Error | undefined
  let answered = 0
  let throttled = 0
  const send = (connection: ClientConnection) => {
    connection.send(sign(operation, input), ({ status, body }) => {
      if (status === 200) {
        answered++
        send(connection)
        return
      }
      const text = body()
      if (!text.includes('ThrottlingException')) {
        failure ??= new Error(`the flood was refused with ${status}: ${text}`)
        return
      }
      throttled++
      const pause = setTimeout(() => {
        pauses.delete(pause)
        send(connection)
      }, PAUSE_MS)
      pauses.add(pause)
    })
  }
  for (let i = 0; i < connections; i++) {
    const connection = new ClientConnection(port, (error) => (failure ??= error))
    open.push(connection)
    send(connection)
  }
  return {
    stop() {
      for (const pause of pauses) clearTimeout(pause)
      for (const connection of open) connection.end()
      if (failure !== undefined) throw failure
      return { answered, throttled, seconds: (performance.now() - startedAt) / 1000 }
    },
  }
}
