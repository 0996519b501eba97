import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  DataDirError,
  DataDirInUseError,
  lockDataDir,
  prepareDataDir,
  requireOwnDataDir,
} from './data-dir.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'keywright-data-dir-'))
  folders.push(made)
  return made
}

/** A process that holds the lock, says so, and waits to be ended. */
async function otherHolder(dataDir: string) {
  const module = JSON.stringify(new URL('./data-dir.ts', import.meta.url).href)
  const script = `const { lockDataDir } = await import(${module})
lockDataDir(${JSON.stringify(dataDir)})
console.log('locked')
setInterval(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

test('a new data directory is for its owner alone, whatever the umask', () => {
  const dataDir = join(folder(), 'deep', 'data')
  const before = process.umask(0)
  try {
    prepareDataDir(dataDir)
    lockDataDir(dataDir).release()
  } finally {
    process.umask(before)
  }
  assert.equal(statSync(dataDir).mode & 0o777, 0o700)
  assert.equal(statSync(join(dataDir, 'lock.db')).mode & 0o777, 0o600)
})

test('the name of a new data directory is durable, and so is each folder made on the way to it', (t) => {
  const opened = new Map<number, string>()
  const synced: (string | undefined)[] = []
  const { openSync, fsyncSync } = fs
  t.mock.method(fs, 'openSync', (path: string, flags: string) => {
    const fd = openSync(path, flags)
    opened.set(fd, path)
    return fd
  })
  t.mock.method(fs, 'fsyncSync', (fd: number) => {
    synced.push(opened.get(fd))
    fsyncSync(fd)
  })
  syncBuiltinESMExports()
  const above = folder()
  const dataDir = join(above, 'deep', 'data')
  try {
    prepareDataDir(dataDir)
    assert.deepEqual(synced, process.platform === 'win32' ? [] : [join(above, 'deep'), above])
  } finally {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  }
})

test('a data directory that others can write to is refused', () => {
  const dataDir = folder()
  for (const mode of [0o777, 0o770, 0o702]) {
    chmodSync(dataDir, mode)
    assert.throws(() => prepareDataDir(dataDir), /other users can write .* chmod 700/)
  }
  chmodSync(dataDir, 0o755)
  prepareDataDir(dataDir)
})

test('a data directory of another user is refused', () => {
  // The file system's root belongs to root; for root, nobody's folder does the same.
  const uid = process.getuid?.() ?? 0
  const foreign = join(folder(), 'foreign')
  if (uid === 0) {
    mkdirSync(foreign)
    chownSync(foreign, 65534, 65534)
  }
  assert.throws(
    () => requireOwnDataDir(uid === 0 ? foreign : '/'),
    /belongs to user \d+: run keywright as that user/,
  )
})

test('a file in the place of the data directory is refused, and so is a missing directory that must be there', () => {
  const file = join(folder(), 'file')
  writeFileSync(file, '')
  assert.throws(() => prepareDataDir(file), DataDirError)
  assert.throws(() => prepareDataDir(join(file, 'below')), DataDirError)
  assert.throws(() => requireOwnDataDir(file), /is not a directory/)
  assert.throws(() => requireOwnDataDir(`${file}-absent`), /run keywright init/)
})

test('while one process holds the data directory a second is refused and told which; kill -9 frees it', async () => {
  const dataDir = folder()
  const child = await otherHolder(dataDir)
  try {
    assert.throws(
      () => lockDataDir(dataDir),
      (error: Error) =>
        error instanceof DataDirInUseError && error.message.includes(`process ${child.pid}: stop it`),
    )
    assert.throws(() => lockDataDir(dataDir), DataDirInUseError)
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const lock = lockDataDir(dataDir)
  assert.equal(readFileSync(join(dataDir, 'keywright.pid'), 'utf8'), `${process.pid}\n`)
  lock.release()
})

test('a refused second lock in the same process leaves the first one held', async () => {
  const dataDir = folder()
  const lock = lockDataDir(dataDir)
  assert.throws(() => lockDataDir(dataDir), DataDirInUseError)
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const { lockDataDir } = await import(${JSON.stringify(new URL('./data-dir.ts', import.meta.url).href)})
try { lockDataDir(${JSON.stringify(dataDir)}); process.exitCode = 7 } catch (error) { process.exitCode = error.name === 'DataDirInUseError' ? 3 : 4 }`,
    ],
    { stdio: 'inherit' },
  )
  const [code] = (await once(child, 'exit')) as [number]
  assert.equal(code, 3)
  lock.release()
  lock.release()
  assert.equal(existsSync(join(dataDir, 'keywright.pid')), false)
  lockDataDir(dataDir).release()
})
