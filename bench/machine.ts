import { readFileSync, statfsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'

/** What `statfs` calls file systems (Linux, statfs(2) and magic.h). */
const fileSystems: Readonly<Record<number, { readonly name: string; readonly inMemory?: true }>> = {
  0xef53: { name: 'ext4' },
  0x58465342: { name: 'xfs' },
  0x9123683e: { name: 'btrfs' },
  0x2fc12fc1: { name: 'zfs' },
  0xf2f52010: { name: 'f2fs' },
  0x794c7630: { name: 'overlayfs' },
  0x01021994: { name: 'tmpfs', inMemory: true },
  0x858458f6: { name: 'ramfs', inMemory: true },
}

/**
 * A new directory on a real disk: below TMPDIR, or below the working directory when TMPDIR is in memory, where
 * fdatasync costs nothing.
 */
export async function diskDirectory(): Promise<string> {
  const parent = [tmpdir(), process.cwd()].find((path) => fileSystemOf(path).inMemory !== true)
  if (parent === undefined) {
    throw new Error(
      'TMPDIR and the working directory are both in memory: set TMPDIR to a directory on a disk',
    )
  }
  return mkdtemp(join(parent, 'keywright-bench-'))
}

function fileSystemOf(path: string): { readonly name: string; readonly inMemory?: true } {
  const { type } = statfsSync(path)
  return fileSystems[type] ?? { name: `file system 0x${type.toString(16)}` }
}

/** What every number of a run has to be read with. */
export function describeMachine(directory: string): string {
  const [cpu] = cpus()
  const load = loadavg().map((value) => value.toFixed(2))
  return [
    `date         ${new Date().toISOString()}`,
    `machine      ${cpu?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    `kernel       ${process.platform} ${release()}`,
    `file system  ${fileSystemOf(directory).name} (${directory})`,
    `Node         ${process.version}`,
    `load before  ${load.join(' ')} (1, 5, 15 minutes)`,
  ].join('\n')
}

/** Two CPUs that this process may use: one for the server, another for whoever loads it. */
export function twoCores(): { readonly server: number; readonly load: number } {
  const list = allowedCpus(readFileSync('/proc/self/status', 'utf8')) ?? ''
  const cores = list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
  const [load, server] = cores
  if (server === undefined || load === undefined) {
    throw new Error('the bench needs two CPUs: with one, server and load generator would measure each other')
  }
  return { server, load }
}

/** A list as taskset takes it, from a thread's status in /proc. */
export function allowedCpus(status: string): string | undefined {
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1]
}
