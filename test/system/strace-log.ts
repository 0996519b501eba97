import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

/** One system call. Two calls overlap when neither's end comes before the other's start. */
export interface SystemCall {
  readonly name: string
  /** As strace printed them, without the brackets around them all. */
  readonly args: string
  /** What it returned; negative when it failed. */
  readonly result: number
  /** Places in the log: when it was entered, and when it had returned. */
  readonly start: number
  readonly end: number
}

/** The calls by which bytes, lengths and names reach a disk or a socket. */
const traced = (
  'openat open creat close dup dup2 dup3 ' +
  'write pwrite64 writev pwritev pwritev2 sendto sendmsg sendfile copy_file_range ' +
  'ftruncate truncate fallocate fsync fdatasync sync_file_range msync ' +
  'rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat rmdir'
).split(' ')

/** A command that runs another one and logs its calls, with every byte, to a file. */
export function straceCommand(logFile: string): string[] {
  const options = [
    '-f',
    '--seccomp-bpf',
    '-q',
    '-yy',
    '-xx',
    '-s',
    '2000000',
    '-e',
    `trace=${traced.join(',')}`,
  ]
  return ['/usr/bin/strace', ...options, '-e', 'signal=none', '-o', logFile]
}

export function readStraceLog(file: string): SystemCall[] {
  return parseStraceLog(readFileSync(file, 'latin1'))
}

/**
 * Reads what `strace -f -yy` logged. A call that another thread's call interrupted stands on two lines; it was entered at
 * the first and had returned at the second. A call that never returned is left out.
 */
export function parseStraceLog(text: string): SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, { name: string; args: string; start: number }>()
  text.split('\n').forEach((line, index) => {
    const match = /^(\d+) +(.*)$/.exec(line)
    if (match === null) return
    const [, thread = '', rest = ''] = match
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(rest)
    if (resumed !== null) {
      const entered = unfinished.get(thread)
      if (entered === undefined) return
      unfinished.delete(thread)
      assert.equal(resumed[1], entered.name)
      finish(entered.name, entered.args + resumed[2], entered.start, index)
      return
    }
    const called = /^(\w+)\((.*)$/.exec(rest)
    if (called === null) return
    const [, name = '', args = ''] = called
    const cut = / ?<unfinished \.\.\.>$/.exec(args)
    if (cut !== null) unfinished.set(thread, { name, args: args.slice(0, cut.index), start: index })
    else finish(name, args, index, index)
  })
  return calls.sort((a, b) => a.start - b.start)

  function finish(name: string, args: string, start: number, end: number): void {
    // The strings are hexadecimal, so nothing in them looks like this.
    const returned = /\) += (-?\d+)[^)]*(?:\([^)]*\))?$/.exec(args)
    if (returned !== null) {
      calls.push({ name, args: args.slice(0, returned.index), result: Number(returned[1]), start, end })
    }
  }
}

/** The bytes of all the strings in a call's arguments, as -xx prints them; in a log without -xx, as they stand. */
export function bytesOf(args: string): Buffer {
  const strings = args.match(/"(?:[^"\\]|\\.)*"/g) ?? []
  return Buffer.concat(strings.map((text) => unescaped(text.slice(1, -1))))
}

/** The strings in a call's arguments, one by one: the paths of openat, rename, link. */
export function textsOf(args: string): string[] {
  return (args.match(/"(?:[^"\\]|\\.)*"/g) ?? []).map((text) => unescaped(text.slice(1, -1)).toString('utf8'))
}

/** The number of the file descriptor that a call begins with, and what -yy says it stands for. */
export function descriptorOf(args: string): { fd: number; what: string } | undefined {
  const match = /^(\d+)<([^>]*(?:->[^>]*)?)>/.exec(args)
  return match === null
    ? undefined
    : { fd: Number(match[1]), what: unescaped(match[2] ?? '').toString('utf8') }
}

function unescaped(text: string): Buffer {
  if (!text.includes('\\x')) return Buffer.from(text, 'latin1')
  return Buffer.from(
    text.replace(
      /\\x([0-9a-f]{2})|([^\\])/g,
      (_, hex?: string, plain?: string) =>
        hex ?? (plain as string).charCodeAt(0).toString(16).padStart(2, '0'),
    ),
    'hex',
  )
}
