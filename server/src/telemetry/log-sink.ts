import { write, writeSync } from 'node:fs'

export interface LogSink {
  write(line: string): void
  /** Writes what is still in memory, waiting for it a little; for the end of the process only. */
  flush(): void
}

// What a reader who stopped reading may cost us in memory; lines beyond it are dropped and counted.
const BACKLOG_LIMIT = 8 * 1024 * 1024
const FLUSH_ATTEMPTS = 50
const RETRY_MS = 10

/**
 * Lines to a file descriptor, one write at a time, never on the event loop. A full disk or a reader that
 * went away costs lines, never the service: pino's own destination retries a failed write at exit for
 * ever, so that a process with a full log disk could not be stopped.
 */
export function createLogSink(fd: number, onDrop: (lines: number) => void): LogSink {
  let waiting: string[] = []
  let waitingLength = 0
  let busy = false

  const take = (): Buffer => {
    const bytes = Buffer.from(waiting.join(''))
    waiting = []
    waitingLength = 0
    return bytes
  }
  const next = () => {
    if (waiting.length === 0) {
      busy = false
      return
    }
    const lines = waiting.length
    writeAll(take(), lines)
  }
  const writeAll = (bytes: Buffer, lines: number) => {
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(writeAll, RETRY_MS, bytes, lines).unref()
        return
      }
      if (error) onDrop(lines)
      else if (written < bytes.length) {
        writeAll(bytes.subarray(written), lines)
        return
      }
      next()
    })
  }
  return {
    write(line) {
      if (waitingLength + line.length > BACKLOG_LIMIT) {
        onDrop(1)
        return
      }
      waiting.push(line)
      waitingLength += line.length
      if (busy) return
      busy = true
      // Lines of the same turn leave in one write.
      setImmediate(next)
    },
    flush() {
      let bytes = take()
      for (let attempt = 0; bytes.length > 0 && attempt < FLUSH_ATTEMPTS;) {
        try {
          bytes = bytes.subarray(writeSync(fd, bytes))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
          attempt++
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
        }
      }
    },
  }
}
