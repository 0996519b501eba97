import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  addRootKey,
  createRootKeyFile,
  fileRootKeyProvider,
  keepOnlyRootKey,
  loadRootKeyFile,
  requirePrivate,
  rootKeyFilePath,
} from './root-key-file.ts'
import { RootKeyError } from './root-key.ts'
import { WrapError } from './wrap.ts'

const identity = Buffer.from('domain key 1')

async function freshPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'keywright-root-key-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return rootKeyFilePath(directory)
}

/** Expects a one-line error that names the file and gives away none of the secrets. */
async function refused(
  attempt: Promise<unknown>,
  code: RootKeyError['code'],
  says: RegExp,
  secrets: string[] = [],
) {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof RootKeyError)
    assert.equal(error.code, code)
    assert.match(error.message, says)
    assert.equal(error.message.includes('\n'), false)
    for (const secret of secrets)
      assert.equal(`${error.stack} ${String(error.cause)}`.includes(secret), false)
    return true
  })
}

async function storedKeys(path: string): Promise<{ id: string; key: string }[]> {
  return (JSON.parse(await readFile(path, 'utf8')) as { keys: { id: string; key: string }[] }).keys
}

test('a created root key is there again after a restart, in a file for its owner only', async (t) => {
  const path = await freshPath(t)
  const created = await createRootKeyFile(path)
  const wrapped = await created.wrap(Buffer.from('domain key bytes'), identity)

  const [loaded, ...more] = await fileRootKeyProvider(path).load()
  assert.ok(loaded)
  assert.equal(more.length, 0)
  assert.equal(loaded.id, created.id)
  assert.equal((await loaded.unwrap(wrapped, identity)).toString(), 'domain key bytes')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(join(path, '..')), ['root.key'])
})

test('creating never replaces a root key, also when two start at once', async (t) => {
  const path = await freshPath(t)
  const attempts = await Promise.allSettled(Array.from({ length: 5 }, () => createRootKeyFile(path)))
  const created = attempts.filter((attempt) => attempt.status === 'fulfilled')
  assert.equal(created.length, 1)
  const loaded = await loadRootKeyFile(path)
  assert.deepEqual(
    loaded.map(({ id }) => id),
    created.map(({ value }) => value.id),
  )
  await refused(createRootKeyFile(path), 'EXISTS', /exists already/)
  assert.deepEqual(await readdir(join(path, '..')), ['root.key'])
})

test('a missing root key file says to put it back', async (t) => {
  await refused(loadRootKeyFile(await freshPath(t)), 'MISSING', /root\.key is missing: put back/)
})

test('a file that others can use is refused with the command that mends it', async (t) => {
  const path = await freshPath(t)
  await createRootKeyFile(path)
  for (const mode of [0o640, 0o604, 0o660, 0o601, 0o620]) {
    await chmod(path, mode)
    await refused(loadRootKeyFile(path), 'UNSAFE', new RegExp(`run chmod 600 ${path}$`))
    await refused(addRootKey(path, 'any'), 'UNSAFE', /chmod 600/)
  }
  await chmod(path, 0o400)
  assert.equal((await loadRootKeyFile(path)).length, 1)
})

test('a file of another user is refused, except to root', async (t) => {
  const path = await freshPath(t)
  await createRootKeyFile(path)
  const own = await stat(path)
  const check = async (userId: number) => requirePrivate(path, own, userId)
  await refused(
    check(own.uid + 1),
    'UNSAFE',
    new RegExp(`belongs to user ${own.uid}: run chown ${own.uid + 1} `),
  )
  await check(own.uid)
  await check(0)
})

test('a directory or a named pipe in its place is refused without waiting', async (t) => {
  const path = await freshPath(t)
  execFileSync('mkfifo', ['-m', '600', path])
  await refused(loadRootKeyFile(path), 'UNSAFE', /not a regular file/)
  await refused(loadRootKeyFile(join(path, '..')), 'UNSAFE', /not a regular file/)
})

test('a mounted secret behind a symbolic link is read, and its target is what is checked', async (t) => {
  const path = await freshPath(t)
  const linked = `${path}.link`
  await createRootKeyFile(path)
  await symlink(path, linked)
  assert.equal((await loadRootKeyFile(linked)).length, 1)
  await chmod(path, 0o644)
  await refused(loadRootKeyFile(linked), 'UNSAFE', /chmod 600/)
})

test('a file that was changed, cut or written by another release is refused and never quoted', async (t) => {
  const path = await freshPath(t)
  await createRootKeyFile(path)
  const whole = await readFile(path, 'utf8')
  const [first] = await storedKeys(path)
  assert.ok(first)
  const { id, key } = first
  const file = (keys: unknown, version: unknown = 1) =>
    JSON.stringify({ 'keywright-root-key': version, keys })
  const otherKey = Buffer.alloc(32, 1).toString('base64')
  const bad = [
    '',
    '{}',
    'null',
    '[]',
    whole.slice(0, -10),
    whole.replace('"keys"', `"keys${key}"`),
    `${key}${whole}`,
    file([]),
    file([first, first]),
    file([first, first, first]),
    file([{ id, key: otherKey }]),
    file([{ id: '0'.repeat(16), key }]),
    file([{ id, key: key.slice(0, -4) }]),
    file([{ id, key: `${key} ` }]),
    file([{ id, key, note: 'x' }]),
    file([{ id }]),
    file({ 0: first }),
    file([null]),
    JSON.stringify({ 'keywright-root-key': 1, keys: [first], more: 1 }),
    `${whole}${' '.repeat(5000)}`,
  ]
  for (const content of bad) {
    await writeFile(path, content)
    await refused(loadRootKeyFile(path), 'MALFORMED', /not a whole root key file: put back a copy/, [key])
    await refused(addRootKey(path, id), 'MALFORMED', /put back a copy/, [key])
    assert.equal(await readFile(path, 'utf8'), content)
  }
  await writeFile(path, file([first], 2))
  await refused(loadRootKeyFile(path), 'MALFORMED', /use a newer release/)
  await writeFile(path, whole)
  assert.equal((await loadRootKeyFile(path))[0]?.id, id)
})

test('a rotation goes from one key over two to the new one, and each state loads', async (t) => {
  const path = await freshPath(t)
  const old = await createRootKeyFile(path)
  const wrapped = await old.wrap(Buffer.from('domain key bytes'), identity)
  const added = await addRootKey(path, old.id)
  assert.notEqual(added.id, old.id)

  // A crash from here on finds both, so what is still under the old key opens.
  const both = await loadRootKeyFile(path)
  assert.deepEqual(
    both.map(({ id }) => id),
    [old.id, added.id],
  )
  assert.equal((await both[0]?.unwrap(wrapped, identity))?.toString(), 'domain key bytes')

  await keepOnlyRootKey(path, added.id)
  const [only, ...more] = await loadRootKeyFile(path)
  assert.equal(only?.id, added.id)
  assert.equal(more.length, 0)
  await assert.rejects(added.unwrap(wrapped, identity), WrapError)
  assert.equal((await stat(path)).mode & 0o777, 0o600)

  await keepOnlyRootKey(path, added.id)
  await refused(keepOnlyRootKey(path, old.id), 'ROTATION', /does not hold root key/)
  assert.equal((await loadRootKeyFile(path))[0]?.id, added.id)
})

test('a rotation that was cut short is taken up with the key that it had made', async (t) => {
  const path = await freshPath(t)
  const old = await createRootKeyFile(path)
  const added = await addRootKey(path, old.id)
  assert.equal((await addRootKey(path, old.id)).id, added.id)
  assert.equal((await storedKeys(path)).length, 2)

  // Once the database names the new key, the former one makes room for the next.
  const next = await addRootKey(path, added.id)
  assert.deepEqual(
    (await storedKeys(path)).map(({ id }) => id),
    [added.id, next.id],
  )
  await refused(addRootKey(path, old.id), 'ROTATION', /does not hold root key/)
})

test('a rotation can be taken back to the old key', async (t) => {
  const path = await freshPath(t)
  const old = await createRootKeyFile(path)
  await addRootKey(path, old.id)
  await keepOnlyRootKey(path, old.id)
  assert.deepEqual(
    (await loadRootKeyFile(path)).map(({ id }) => id),
    [old.id],
  )
})

test('what a crash left beside the file changes nothing, and is gone after the next change', async (t) => {
  const path = await freshPath(t)
  const old = await createRootKeyFile(path)
  const torn = `${path}.0123456789abcdef.tmp`
  const unrelated = `${path}.backup`
  await writeFile(torn, (await readFile(path, 'utf8')).slice(0, 40), { mode: 0o600 })
  await writeFile(unrelated, 'not ours')

  assert.equal((await loadRootKeyFile(path))[0]?.id, old.id)
  const added = await addRootKey(path, old.id)
  assert.deepEqual((await readdir(join(path, '..'))).sort(), ['root.key', 'root.key.backup'])
  await keepOnlyRootKey(path, added.id)
  const content = await readFile(path, 'utf8')
  assert.equal(content.includes(old.id), false)
})

test('a directory that cannot be written leaves the file as it was', async (t) => {
  const path = await freshPath(t)
  await refused(
    createRootKeyFile(join(path, 'no', 'root.key')),
    'INPUT_OUTPUT',
    /cannot write .* \(ENOENT\): check/,
  )
})
