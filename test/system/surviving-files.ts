import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { bytesOf, descriptorOf, textsOf, type SystemCall } from './strace-log.ts'

/** A file or directory, as it is and as it would be after a loss of power. */
interface File {
  readonly isDirectory: boolean
  /** What a reader of the running system sees. */
  content: Buffer
  /** What a completed sync promises. */
  durable: Buffer
  /** What changed `durable` into `content`, oldest first. */
  unsynced: ((content: Buffer) => Buffer)[]
  /** Of a directory: names, and the names that a completed sync of it promises. */
  names: Map<string, File>
  durableNames: Map<string, File>
}

/** For each change that was not synced: whether it reached the disk nevertheless. */
export type Survives = () => boolean

/**
 * What is left of a directory when the power fails at a place of a log: the content of each file as at its last fsync or
 * fdatasync that had returned, and the names of each directory as at its last fsync. A write that began after the sync
 * began is not covered by it. What was not synced survives only when `survives` says so, each write for itself.
 *
 * That is what POSIX promises and no more, with one exception: names that were there before the log begins, the
 * directory's own among them, are there. (ext4 with its default options promises more: a sync of a new file keeps its
 * name too.)
 */
export function writeSurvivors(
  calls: readonly SystemCall[],
  {
    directory,
    place,
    into,
    survives,
  }: { directory: string; place: number; into: string; survives: Survives },
): void {
  const root = newFile(true)
  const open = new Map<number, { file: File; append: boolean; offset: number }>()
  /** Syncs that were entered: what they cover was there then. */
  const promised = new Map<SystemCall, () => void>()

  const steps = calls
    .flatMap((call) => [
      { at: call.start, call, phase: 'enter' as const },
      { at: call.end, call, phase: 'return' as const },
    ])
    .sort((a, b) => a.at - b.at || (a.phase === 'enter' ? -1 : 1))
  for (const { at, call, phase } of steps) {
    if (at >= place) break
    if (/^f(data)?sync$/.test(call.name)) {
      if (phase === 'enter') begin(call)
      else promised.get(call)?.()
    } else if (phase === 'return') apply(call)
  }
  save(root, into)

  function begin(call: SystemCall): void {
    const target = fileOf(call)
    if (target === undefined || call.result !== 0) return
    const { file } = target
    const content = file.content
    const changes = file.unsynced.length
    const names = new Map(file.names)
    promised.set(call, () => {
      file.durable = content
      file.unsynced.splice(0, changes)
      if (file.isDirectory) file.durableNames = names
    })
  }

  function apply(call: SystemCall): void {
    const { name, args, result } = call
    if (result < 0) return
    const [one = '', two = ''] = name.startsWith('p') || name === 'write' ? [] : textsOf(args)
    const from = isInside(one) ? find(one) : undefined
    switch (name) {
      case 'openat':
      case 'open':
        open.delete(result)
        if (!isInside(one)) return
        opened(one, args, result)
        return
      case 'close':
        open.delete(descriptorOf(args)?.fd ?? -1)
        return
      case 'write': {
        const target = fileOf(call)
        if (target === undefined) return
        const offset = target.append ? target.file.content.length : target.offset
        put(target.file, bytesOf(args).subarray(0, result), offset)
        target.offset = offset + result
        return
      }
      case 'pwrite64': {
        const target = fileOf(call)
        const offset = Number(/(\d+)$/.exec(args)?.[1])
        if (target !== undefined) put(target.file, bytesOf(args).subarray(0, result), offset)
        return
      }
      case 'ftruncate': {
        const target = fileOf(call)
        if (target !== undefined) change(target.file, resize(Number(/(\d+)$/.exec(args)?.[1])))
        return
      }
      case 'mkdir':
        if (isInside(one) && one !== directory) parentOf(one).names.set(basename(one), newFile(true))
        return
      case 'link':
      case 'rename':
        if (from === undefined) return
        parentOf(two).names.set(basename(two), from)
        if (name === 'rename') parentOf(one).names.delete(basename(one))
        return
      case 'unlink':
        if (from !== undefined) parentOf(one).names.delete(basename(one))
        return
      case 'dup':
      case 'dup2':
      case 'dup3':
      case 'sendto':
      case 'sendmsg':
        return
      default:
        // Whoever adds another way to write must say here what it leaves behind.
        if (descriptorOf(args)?.what.startsWith(directory) || isInside(one))
          throw new Error(`${name} is not known here`)
    }
  }

  function opened(path: string, args: string, fd: number): void {
    let file = path === directory ? root : find(path)
    if (file === undefined) {
      assert.match(args, /O_CREAT/, path)
      file = newFile(false)
      parentOf(path).names.set(basename(path), file)
    } else if (/O_TRUNC/.test(args) && file.content.length > 0) change(file, resize(0))
    open.set(fd, { file, append: /O_APPEND/.test(args), offset: 0 })
  }

  function fileOf({ args }: SystemCall) {
    const descriptor = descriptorOf(args)
    return descriptor?.what.startsWith(directory) ? open.get(descriptor.fd) : undefined
  }

  function isInside(path: string): boolean {
    return path === directory || path.startsWith(`${directory}/`)
  }

  function find(path: string): File | undefined {
    let file: File | undefined = root
    for (const name of path.slice(directory.length + 1).split('/')) file = file?.names.get(name)
    return file
  }

  function parentOf(path: string): File {
    const parent = dirname(path) === directory ? root : find(dirname(path))
    assert.ok(parent, path)
    return parent
  }

  function save(file: File, path: string): void {
    mkdirSync(path, { mode: 0o700 })
    const names = new Map(file.durableNames)
    for (const name of new Set([...file.names.keys(), ...file.durableNames.keys()])) {
      const now = file.names.get(name)
      if (now === file.durableNames.get(name) || !survives()) continue
      if (now === undefined) names.delete(name)
      else names.set(name, now)
    }
    for (const [name, child] of names) {
      if (child.isDirectory) save(child, join(path, name))
      else {
        let content = child.durable
        for (const step of child.unsynced) if (survives()) content = step(content)
        writeFileSync(join(path, name), content, { mode: 0o600 })
      }
    }
  }
}

function newFile(isDirectory: boolean): File {
  return {
    isDirectory,
    content: Buffer.alloc(0),
    durable: Buffer.alloc(0),
    unsynced: [],
    names: new Map(),
    durableNames: new Map(),
  }
}

function change(file: File, step: (content: Buffer) => Buffer): void {
  file.content = step(file.content)
  file.unsynced.push(step)
}

function put(file: File, bytes: Buffer, offset: number): void {
  change(file, (content) => {
    const longer = Buffer.alloc(Math.max(content.length, offset + bytes.length))
    content.copy(longer)
    bytes.copy(longer, offset)
    return longer
  })
}

function resize(length: number): (content: Buffer) => Buffer {
  return (content) =>
    Buffer.concat([content, Buffer.alloc(Math.max(0, length - content.length))]).subarray(0, length)
}
