import { createRequire } from 'node:module'
import pino, { type DestinationStream } from 'pino'
import type { build as buildPretty } from 'pino-pretty'
import { AwsError } from '../aws-error.ts'
import { createLogSink } from './log-sink.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * What a line may carry beside its message. Scalars and errors only: a request, a row or a key handed
 * in by mistake is named, never shown.
 */
export type LogFields = Readonly<Record<string, unknown>>

interface LogLine {
  (message: string): void
  (fields: LogFields, message: string): void
}

export interface Log {
  readonly level: LogLevel
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
  /** A log whose every line also carries these fields, a request id for example. */
  child(fields: LogFields): Log
  setLevel(level: LogLevel): void
  /** Lines given up because the reader of the log did not keep up. */
  droppedLines(): number
  /** Writes what is still in memory, waiting for it; for the end of the process only. */
  flush(): void
}

export interface LogOptions {
  readonly level: LogLevel
  /** Coloured lines for people. Absent: when the destination is a terminal. */
  readonly pretty?: boolean
  /** A file descriptor or a stream. Absent: standard output. */
  readonly destination?: number | NodeJS.WritableStream
}

const TEXT_LIMIT = 2048
const STACK_LIMIT = 8192
const CAUSE_DEPTH = 4

// Guards against a mistake, not the rule: the rule is that callers never hand secrets to a log.
const SECRET_NAME =
  /^(?:authorization|x-amz-security-token)$|plaintext|secret|passphrase|password|sessiontoken|privatekey|credential$/i

/** Structured lines, one JSON object each; writing never blocks the event loop unless lines are pretty. */
export function createLog({ level, pretty, destination = 1 }: LogOptions): Log {
  let dropped = 0
  const forPeople = pretty ?? (typeof destination === 'number' && isTerminal(destination))
  const sink = forPeople ? prettySink(destination) : plainSink(destination, (lines) => (dropped += lines))
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => printable(fields),
      },
      // Errors are already plain objects when pino's own serializers would see them.
      serializers: { err: (value: unknown) => value },
    },
    sink.stream,
  )
  // Child loggers keep their own level in pino; ours follow the root.
  const current = { level }
  const wrap = (logger: pino.Logger): Log => {
    const at =
      (name: 'debug' | 'info' | 'warn' | 'error'): LogLine =>
      (first: string | LogFields, message?: string) => {
        if (logger.level !== current.level) logger.level = current.level
        if (typeof first === 'string') logger[name](first)
        else logger[name](first, message)
      }
    return {
      get level() {
        return current.level
      },
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      // pino does not pass a child's fields through the formatter above.
      child: (fields) => wrap(logger.child(printable(fields))),
      setLevel: (next) => {
        current.level = next
      },
      droppedLines: () => dropped,
      flush: sink.flush,
    }
  }
  return wrap(root)
}

interface Sink {
  readonly stream: DestinationStream
  flush(): void
}

function plainSink(destination: number | NodeJS.WritableStream, onDrop: (lines: number) => void): Sink {
  if (typeof destination !== 'number') return { stream: destination, flush: () => {} }
  const sink = createLogSink(destination, onDrop)
  process.once('exit', sink.flush)
  return { stream: sink, flush: sink.flush }
}

function prettySink(destination: number | NodeJS.WritableStream): Sink {
  // Loaded only when wanted: 24 ms of start-up, and a production log is never pretty.
  const pretty = createRequire(import.meta.url)('pino-pretty') as { build: typeof buildPretty }
  const stream = pretty.build({
    destination,
    sync: true,
    colorize: typeof destination === 'number' && isTerminal(destination),
    messageKey: 'message',
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return { stream, flush: () => {} }
}

function isTerminal(fd: number): boolean {
  return (fd === 1 && process.stdout.isTTY) || (fd === 2 && process.stderr.isTTY)
}

function printable(fields: LogFields): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const name of Object.keys(fields)) {
    const value = fields[name]
    if (value === undefined) continue
    shown[name] = SECRET_NAME.test(name) ? '[redacted]' : printableValue(value)
  }
  return shown
}

function printableValue(value: unknown): unknown {
  if (typeof value === 'string') return printableText(value, TEXT_LIMIT)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Error) return printableError(value, CAUSE_DEPTH)
  return '[left out]'
}

/**
 * An error's name, text, code, stack and causes. What an AwsError says was written for its client and
 * may quote what the client sent (InvalidSignatureException holds the whole canonical request), so
 * only its name is logged.
 */
function printableError(error: Error, depth: number): Record<string, unknown> {
  if (error instanceof AwsError) return { type: error.code, status: error.httpStatus }
  const shown: Record<string, unknown> = {
    type: printableText(error.name, TEXT_LIMIT),
    message: printableText(error.message, TEXT_LIMIT),
  }
  const code: unknown = 'code' in error ? error.code : undefined
  if (typeof code === 'string' || typeof code === 'number') shown['code'] = code
  // An uncaught AggregateError or database error carries more members; none of them is ours to know.
  if (error.stack !== undefined) shown['stack'] = printableText(error.stack, STACK_LIMIT)
  if (error.cause !== undefined) {
    shown['cause'] =
      error.cause instanceof Error && depth > 0 ? printableError(error.cause, depth - 1) : '[left out]'
  }
  return shown
}

// Control characters reach a terminal when lines are pretty, so they are shown, not sent. C1 ones too.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

function printableText(text: string, limit: number): string {
  const bounded = text.length > limit ? `${text.slice(0, limit)}… (${text.length} characters)` : text
  return bounded.replace(
    CONTROL,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
