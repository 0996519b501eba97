import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, temporaryFolder } from '../server-process.ts'

const folder = temporaryFolder()

interface RootKeyFile {
  'keywright-root-key': number
  keys: { id: string; key: string }[]
}
const keysOf = (file: string) => (JSON.parse(readFileSync(file, 'utf8')) as RootKeyFile).keys
function putKeys(file: string, keys: RootKeyFile['keys']): void {
  writeFileSync(file, JSON.stringify({ 'keywright-root-key': 1, keys }), { mode: 0o600 })
}

/** A root key that was made for a rotation: another deployment's, as good as any. */
async function anotherKey(): Promise<RootKeyFile['keys'][number]> {
  const dataDir = join(folder, 'another')
  if (!existsSync(dataDir)) assert.equal((await runKeywright(['init'], { dataDir })).code, 0)
  const [key] = keysOf(join(dataDir, 'root.key'))
  assert.ok(key)
  return key
}

test('everything in the data directory is for its owner only, whatever the umask', async () => {
  const dataDir = join(folder, 'modes')
  const server = await startServer({
    dataDir,
    prefix: ['sh', '-c', 'umask 0; exec "$@"', 'sh'],
    args: ['--tls-self-signed'],
  })
  const entries = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
  assert.ok(entries.includes('control.sock') && entries.includes('credentials'), entries.join(' '))
  for (const entry of ['.', ...entries]) {
    // The certificate that clients are told to trust; the directory around it is closed all the same.
    if (entry === join('tls', 'ca.pem')) continue
    const { mode } = lstatSync(join(dataDir, entry))
    assert.equal(mode & 0o077, 0, `${entry} has mode ${(mode & 0o777).toString(8)}`)
  }
  assert.equal(await server.stop(), 0)
})

test('a data directory that others can write to, or that belongs to them, is refused', async () => {
  const dataDir = join(folder, 'open')
  mkdirSync(dataDir)
  for (const mode of [0o777, 0o720, 0o702]) {
    chmodSync(dataDir, mode)
    const { code, stderr } = await runKeywright(['init'], { dataDir })
    assert.notEqual(code, 0)
    assert.match(stderr, /other users can write .* chmod 700/)
    assert.deepEqual(readdirSync(dataDir), [])
  }
})

test('links that were laid in the data directory lead nowhere', async () => {
  const dataDir = join(folder, 'links')
  const target = join(folder, 'target')
  mkdirSync(dataDir, { mode: 0o700 })
  writeFileSync(target, 'untouched')
  symlinkSync(target, join(dataDir, 'credentials'))
  symlinkSync(target, join(dataDir, 'keywright.pid'))
  const server = await startServer({ dataDir })
  assert.equal(readFileSync(target, 'utf8'), 'untouched')
  assert.ok(lstatSync(join(dataDir, 'credentials')).isFile())
  assert.equal(await server.stop(), 0)

  symlinkSync(target, join(dataDir, 'control.sock'))
  const refused = await runKeywright(['serve', '--port', '0'], { dataDir })
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /control\.sock is in the way/)

  const other = join(folder, 'root-link')
  mkdirSync(other, { mode: 0o700 })
  symlinkSync(target, join(other, 'root.key'))
  const init = await runKeywright(['init'], { dataDir: other })
  assert.notEqual(init.code, 0)
  assert.equal(readFileSync(target, 'utf8'), 'untouched')
})

test('what comes in through the control socket is checked, and never ends the server', async () => {
  const server = await startServer()
  const say = (text: string) =>
    new Promise<string>((resolve) => {
      let said = ''
      const socket = connect(join(server.dataDir, 'control.sock'), () => socket.end(text))
      socket.setEncoding('utf8')
      socket.on('data', (more: string) => (said += more))
      socket.on('error', () => {})
      socket.on('close', () => resolve(said))
    })
  const command = (name: unknown, args: unknown, userName: unknown = 'mallory', more: object = {}) =>
    say(`${JSON.stringify({ command: name, args, userName, ...more })}\n`)
  // More at once than are listened to: some may hear nothing, none may do harm.
  await Promise.all(Array.from({ length: 40 }, () => command('account create', { name: '' })))
  for (const attempt of [
    () => say(''),
    () => say('\n'),
    () => say('null\n'),
    () => say('{"command":"account list","args":{},"userName":"a"\n'),
    () => say(`${'x'.repeat(70_000)}\n`),
    () => command('__proto__', {}),
    () => command('toString', {}),
    () => command('account create', { __proto__: null, accountId: '1' }),
    () => command('account create', JSON.parse('{"__proto__":"x"}')),
    () => command('account create', { name: 'line\nfeed' }),
    () => command('account create', { name: '\u001b[2J' }),
    () => command('account create', []),
    () => command('account list', {}, 'two\nlines'),
    () => command('account list', {}, ''),
    () => command('account list', {}, 'x', { more: 1 }),
    () => command('credentials disable', {}),
    () => command('credentials delete', { accessKeyId: "' or 1=1 --" }),
    () => command('root-key rotate', { provider: 'passphrase' }),
    () =>
      command('root-key rotate', {
        provider: 'passphrase',
        passphrase: Buffer.from('short').toString('base64'),
      }),
    () => command('root-key rotate', { provider: 'none' }),
  ]) {
    assert.match(await attempt(), /^\{"ok":false,"error":"[^\n]+"\}\n$/, String(attempt))
  }
  assert.match(await command('account list', {}), /^\{"ok":true/)
  assert.equal(keysOf(join(server.dataDir, 'root.key')).length, 1)
  assert.ok((await kmsClient(server).listKeys({})).Keys)
  assert.equal(await server.stop(), 0)
})

test('a command that only reads leaves the key of a rotation under way in the root key file', async () => {
  const server = await startServer()
  await newKey(kmsClient(server))
  const file = join(server.dataDir, 'root.key')
  const [old] = keysOf(file)
  assert.ok(old)
  // As it stands between the first and the second step of a rotation in the server.
  const both = [old, await anotherKey()]
  putKeys(file, both)
  const verified = await runKeywright(['audit', 'verify'], { dataDir: server.dataDir })
  assert.equal(verified.code, 0, verified.stderr)
  assert.deepEqual(keysOf(file), both)
  assert.equal(await server.stop(), 0)
})

test('a root key file that nodes share keeps the key that another node is rotating to, and the next rotation takes it', async () => {
  const [dataDir, file] = [join(folder, 'sharing'), join(folder, 'shared-root.key')]
  const args = ['--root-key-file', file]
  assert.equal((await runKeywright(['init', ...args], { dataDir })).code, 0)
  const [old] = keysOf(file)
  assert.ok(old)
  const next = await anotherKey()
  putKeys(file, [old, next])
  const server = await startServer({ dataDir, args })
  const { id } = await newKey(kmsClient(server))
  assert.deepEqual(keysOf(file), [old, next])
  const rotated = await runKeywright(['root-key', 'rotate', ...args], { dataDir })
  assert.equal(rotated.code, 0, rotated.stderr)
  assert.deepEqual(keysOf(file), [next])
  assert.equal(await server.stop(), 0)
  const again = await startServer({ dataDir, args })
  assert.ok((await kmsClient(again).encrypt({ KeyId: id, Plaintext: Buffer.from('x') })).CiphertextBlob)
  assert.equal(await again.stop(), 0)
})

test('whoever writes the database cannot make a start throw a root key away', async () => {
  const dataDir = join(folder, 'edited')
  assert.equal((await runKeywright(['init'], { dataDir })).code, 0)
  const file = join(dataDir, 'root.key')
  const [inForce] = keysOf(file)
  assert.ok(inForce)
  const other = await anotherKey()
  for (const both of [
    [inForce, other],
    [other, inForce],
  ]) {
    putKeys(file, both)
    edit(dataDir, `update deployment set root_key_id = '${other.id}'`)
    const refused = await runKeywright(['serve', '--port', '0'], { dataDir })
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /^keywright: [^\n]+\n$/)
    assert.deepEqual(keysOf(file), both)
    edit(dataDir, `update deployment set root_key_id = '${inForce.id}'`)
  }
  const server = await startServer({ dataDir })
  assert.deepEqual(keysOf(file), [inForce])
  assert.equal(await server.stop(), 0)
})

test('wrapped keys do not open in the place of others', async () => {
  const dataDir = join(folder, 'swapped')
  const server = await startServer({ dataDir })
  const [here, there] = [kmsClient(server), kmsClient(server, { region: 'eu-central-1' })]
  const { CiphertextBlob } = await here.encrypt({
    KeyId: (await newKey(here)).id,
    Plaintext: Buffer.from('x'),
  })
  await newKey(there)
  assert.equal(await server.stop(), 0)
  const swap =
    'create temporary table wrapped as select region, wrapped from domain_keys;' +
    'update domain_keys set wrapped = (select w.wrapped from wrapped w where w.region <> domain_keys.region)'
  edit(dataDir, swap)
  const swapped = await startServer({ dataDir })
  await assert.rejects(kmsClient(swapped).decrypt({ CiphertextBlob }), { name: 'KMSInternalException' })
  await assert.rejects(newKey(kmsClient(swapped)), { name: 'KMSInternalException' })
  assert.equal(await swapped.stop(), 0)
  edit(dataDir, swap)
  const whole = await startServer({ dataDir })
  assert.ok((await kmsClient(whole).decrypt({ CiphertextBlob })).Plaintext)
  assert.equal(await whole.stop(), 0)

  edit(
    dataDir,
    `update system_keys set wrapped = (select wrapped from system_keys where name = 'secrets') where name = 'rows'`,
  )
  const refused = await runKeywright(['serve', '--port', '0'], { dataDir })
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /^keywright: [^\n]+\n$/)
})

function edit(dataDir: string, sql: string): void {
  const database = new DatabaseSync(join(dataDir, 'keywright.db'))
  database.exec(sql)
  database.close()
}
