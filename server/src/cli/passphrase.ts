import { createReadStream } from 'node:fs'
import { readPrivateFile } from '../private-file.ts'

export type PassphrasePurpose = 'open' | 'create'

/** Where a passphrase comes from; with neither, a terminal is asked. */
export interface PassphraseSource {
  readonly file?: string | undefined
  readonly fd?: number | undefined
}

/** The part of a terminal that a prompt needs. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  readonly output: NodeJS.WritableStream
}

export class PassphraseError extends Error {
  override name = 'PassphraseError'
}

// As many as crypto/root-key-passphrase.ts takes, and a line ending, which it takes off.
const MAX_BYTES = 1024 + 2

/**
 * The passphrase of the root key, never from the command line or the environment. The caller wipes the buffer.
 * Rejects with PassphraseError or PrivateFileError, in one line.
 */
export async function readPassphrase(
  source: PassphraseSource,
  purpose: PassphrasePurpose,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<Buffer> {
  if (source.file !== undefined) return nonEmpty(readPrivateFile(source.file, MAX_BYTES), source.file)
  if (source.fd !== undefined)
    return nonEmpty(await readDescriptor(source.fd), `file descriptor ${source.fd}`)
  if (terminal.input.isTTY !== true) {
    throw new PassphraseError(
      'the passphrase of the root key is needed and there is no terminal to ask: use --passphrase-file or --passphrase-fd',
    )
  }
  const ask = prompter(terminal)
  if (purpose === 'open') return ask('Passphrase of the root key: ')
  const first = await ask('New passphrase for the root key: ')
  const again = await ask('The same again: ')
  const same = first.equals(again)
  again.fill(0)
  if (same) return first
  first.fill(0)
  throw new PassphraseError('the two passphrases differ: nothing was changed, try again')
}

function nonEmpty(passphrase: Buffer, origin: string): Buffer {
  if (passphrase.length === 0) throw new PassphraseError(`there is no passphrase in ${origin}`)
  return passphrase
}

/** Reads to the end, bounded in size, and closes the descriptor. */
async function readDescriptor(fd: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of createReadStream('', { fd }) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_BYTES) throw new PassphraseError(`file descriptor ${fd} gives more than a passphrase`)
    }
    return Buffer.concat(chunks)
  } catch (cause) {
    if (cause instanceof PassphraseError) throw cause
    throw new PassphraseError(`cannot read a passphrase from file descriptor ${fd}`, { cause })
  } finally {
    for (const chunk of chunks) chunk.fill(0)
  }
}

const [CTRL_C, CTRL_D, BACKSPACE, LINE_FEED, RETURN, CTRL_U, ESCAPE, DELETE] = [3, 4, 8, 10, 13, 21, 27, 127]

/** Asks one line at a time and shows nothing of it. What is typed ahead waits for the next question. */
function prompter({ input, output }: Terminal): (question: string) => Promise<Buffer> {
  let ahead: Buffer = Buffer.alloc(0)
  return (question) =>
    new Promise((resolve, reject) => {
      const line = Buffer.alloc(MAX_BYTES)
      let length = 0
      const finish = (settle: () => void) => {
        input.off('data', onData)
        input.off('end', onEnd)
        input.setRawMode?.(false)
        input.pause()
        output.write('\n')
        settle()
      }
      const onEnd = () => {
        finish(() => {
          reject(new PassphraseError('no passphrase was given'))
        })
      }
      const onData = (chunk: Buffer) => {
        // An arrow key is no character; a terminal sends its bytes in one piece.
        if (chunk[0] === ESCAPE) return
        for (const [index, byte] of chunk.entries()) {
          if (byte === CTRL_C || (byte === CTRL_D && length === 0)) return onEnd()
          if (byte === LINE_FEED || byte === RETURN) {
            ahead = chunk.subarray(index + 1)
            const passphrase = Buffer.from(line.subarray(0, length))
            line.fill(0)
            return finish(() => {
              resolve(passphrase)
            })
          }
          if (byte === DELETE || byte === BACKSPACE) length = withoutLastCharacter(line, length)
          else if (byte === CTRL_U) length = 0
          else if (byte >= 32 && length < line.length) line[length++] = byte
        }
      }
      output.write(question)
      input.setRawMode?.(true)
      input.on('data', onData)
      input.on('end', onEnd)
      input.resume()
      const waiting = ahead
      ahead = Buffer.alloc(0)
      if (waiting.length > 0) onData(waiting)
    })
}

/** The length of the line without its last UTF-8 character. */
function withoutLastCharacter(line: Buffer, length: number): number {
  let shorter = length - 1
  while (shorter > 0 && ((line[shorter] ?? 0) & 0xc0) === 0x80) shorter--
  return Math.max(0, shorter)
}
