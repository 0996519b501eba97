import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runChild } from './child.mjs'
import { pinnedNode } from './node.mjs'
import { root, SetupError } from './root.mjs'

const lockFile = join(root, '.setup.lock')
const longestInstallMs = 15 * 60_000

/** Installs exactly what package-lock.json names, unless that is what is there. Two starters may call it at once. */
export async function install() {
  const node = pinnedNode()
  if (installed(node)) return
  await withLock(async () => {
    if (installed(node)) return
    console.error('keywright: installing dependencies (first start, or package-lock.json changed) …')
    const { code, output } = await npmCi()
    if (code !== 0) throw new SetupError(`npm ci failed: ${reason(output)} (npm ci prints the whole of it)`)
    if (!installed(node)) throw new SetupError(`npm ci left node_modules incomplete; remove it and try again`)
  })
}

/**
 * npm removes node_modules/.package-lock.json first and writes it last, so it tells what is whole.
 * Packages for other platforms are optional and absent; everything else must be there as locked.
 * @param {string} node
 */
function installed(node) {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const present = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  if (wanted === undefined) throw new SetupError('package-lock.json is missing or is not JSON')
  if (present === undefined || !existsSync(node)) return false
  return Object.entries(wanted).every(([path, { version, integrity, optional, link }]) => {
    if (integrity === undefined || link) return true
    const found = present[path]
    if (found === undefined) return optional === true
    return found.version === version && found.integrity === integrity
  })
}

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockedPackage */

/** @param {string} file */
function packagesOf(file) {
  try {
    const lock = /** @type {{ packages: Record<string, LockedPackage> }} */ (
      JSON.parse(readFileSync(file, 'utf8'))
    )
    return lock.packages
  } catch {
    return undefined
  }
}

/** The npm that started us, with its own Node (ours may lie in the folder it is about to empty), else the one on PATH. */
function npmCi() {
  const args = ['ci', '--include=dev', '--include=optional', '--loglevel=error', '--no-fund', '--no-audit']
  const { npm_execpath: npm = '', npm_node_execpath: node = process.execPath } = process.env
  const options = { cwd: root, capture: true }
  if (basename(npm) === 'npm-cli.js') return runChild(node, [npm, ...args], options)
  const beside = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js')
  if (existsSync(beside)) return runChild(process.execPath, [beside, ...args], options)
  return runChild('npm', args, { ...options, shell: process.platform === 'win32' })
}

/** @param {string} output */
function reason(output) {
  const lines = output
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('A complete log'))
  return lines.slice(0, 3).join('; ') || 'it said nothing'
}

/**
 * One installer at a time in this checkout. The lock holds its owner's process id: one that is gone left it behind.
 * @param {() => Promise<void>} work
 */
async function withLock(work) {
  const deadline = Date.now() + longestInstallMs
  while (!take()) {
    if (Date.now() > deadline)
      throw new SetupError(`another start is still installing; if not, remove ${lockFile}`)
    await sleep(200)
  }
  const release = () => rmSync(lockFile, { force: true })
  process.once('exit', release)
  try {
    await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

function take() {
  try {
    const handle = openSync(lockFile, 'wx')
    writeSync(handle, String(process.pid))
    closeSync(handle)
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') {
      throw new SetupError(`cannot write in ${root}: ${/** @type {Error} */ (error).message}`)
    }
  }
  const owner = ownerOf(lockFile)
  if (owner !== undefined && !isAlive(owner)) {
    // Renaming is atomic: of several that find the owner gone, one moves the lock away.
    const aside = `${lockFile}.${process.pid}`
    try {
      renameSync(lockFile, aside)
      rmSync(aside)
    } catch {
      // Another starter was first.
    }
  }
  return false
}

/** @param {string} file */
function ownerOf(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
