import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { kmsClient, newKey } from './kms-client.ts'
import { runKeywright, startServer, temporaryFolder } from './server-process.ts'
import type { ServerOptions } from './server-process.ts'

const folder = temporaryFolder()
const original = join(folder, 'original')
const plaintext = Buffer.from('must stay open')
const sealed = await makeOriginal()

/** Two Regions, so that there are two domain keys. */
async function makeOriginal(): Promise<Map<string, Uint8Array | undefined>> {
  const server = await startServer({ dataDir: original })
  const blobs = new Map<string, Uint8Array | undefined>()
  for (const region of ['us-east-1', 'eu-central-1']) {
    const kms = kmsClient(server, { region })
    const { id } = await newKey(kms)
    blobs.set(region, (await kms.encrypt({ KeyId: id, Plaintext: plaintext })).CiphertextBlob)
  }
  assert.equal(await server.stop(), 0)
  return blobs
}

function copy(name: string): string {
  const dataDir = join(folder, name)
  cpSync(original, dataDir, { recursive: true })
  return dataDir
}

function passphraseFile(name: string, passphrase: string): string {
  const file = join(folder, name)
  writeFileSync(file, passphrase, { mode: 0o600 })
  return file
}

async function requireOpens(server: Parameters<typeof kmsClient>[0]): Promise<void> {
  for (const [region, CiphertextBlob] of sealed) {
    const opened = await kmsClient(server, { region }).decrypt({ CiphertextBlob })
    assert.deepEqual(Buffer.from(opened.Plaintext ?? []), plaintext)
  }
}

/** Starts anew, so that everything is read under the root key in force; makes a key too, which wraps under it. */
async function requireWhole(options: ServerOptions): Promise<void> {
  const server = await startServer(options)
  await requireOpens(server)
  await newKey(kmsClient(server))
  assert.equal(await server.stop(), 0)
}

async function keywright(dataDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runKeywright(args, { dataDir })
  assert.equal(code, 0, stderr)
  return stdout
}

interface RootKeyFile {
  'keywright-root-key': number
  keys: { id: string; key: string }[]
}
const rootKeyFile = (dataDir: string) =>
  JSON.parse(readFileSync(join(dataDir, 'root.key'), 'utf8')) as RootKeyFile

test('the root key is rotated while it serves and while it does not, and the old one is worth nothing afterwards', async () => {
  const dataDir = copy('rotated')
  const before = readFileSync(join(dataDir, 'root.key'))
  const server = await startServer({ dataDir })
  await requireOpens(server)
  const [serving, old] = [await keywright(dataDir, 'root-key', 'rotate'), rootKeyFile(original).keys[0]?.id]
  const { keys } = rootKeyFile(dataDir)
  assert.equal(keys.length, 1)
  assert.notEqual(keys[0]?.id, old)
  assert.ok(serving.includes(String(keys[0]?.id)))
  await requireOpens(server)
  await newKey(kmsClient(server, { region: 'ap-south-1' }))
  assert.equal(await server.stop(), 0)

  await keywright(dataDir, 'root-key', 'rotate')
  const last = readFileSync(join(dataDir, 'root.key'))
  await requireWhole({ dataDir })
  writeFileSync(join(dataDir, 'root.key'), before)
  const refused = await runKeywright(['serve', '--port', '0'], { dataDir })
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /^keywright: .*is not the one of this database.*\n$/)
  writeFileSync(join(dataDir, 'root.key'), last)
  await requireWhole({ dataDir })
})

test('from a file to a passphrase, to another one, and back to a file; a wrong passphrase opens nothing', async () => {
  const dataDir = copy('passphrase')
  const [one, two] = [
    passphraseFile('one', 'the first passphrase'),
    passphraseFile('two', 'the second passphrase'),
  ]
  const withPassphrase = (file: string) => ['--root-key-provider', 'passphrase', '--passphrase-file', file]
  await keywright(dataDir, 'root-key', 'passphrase', '--new-passphrase-file', one)
  assert.equal(existsSync(join(dataDir, 'root.key')), false, 'the file is of no use any more')

  const server = await startServer({ dataDir, args: withPassphrase(one) })
  await requireOpens(server)
  await keywright(dataDir, 'root-key', 'rotate', '--new-passphrase-file', two)
  await requireOpens(server)
  assert.equal(await server.stop(), 0)

  for (const [args, message] of [
    [withPassphrase(one), /passphrase is not the one of this deployment/],
    [[], /set rootKeyProvider to passphrase/],
    [['--root-key-provider', 'passphrase'], /no terminal to ask/],
  ] as const) {
    const refused = await runKeywright(['serve', '--port', '0', ...args], { dataDir })
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /^keywright: [^\n]+\n$/)
    assert.match(refused.stderr, message)
  }
  await keywright(dataDir, 'root-key', 'file', ...withPassphrase(two))
  await requireWhole({ dataDir })
})

test('domain keys are rotated while it serves, and what was sealed before opens', async () => {
  const dataDir = copy('domain-keys')
  const server = await startServer({ dataDir })
  await requireOpens(server)
  assert.match(
    await keywright(dataDir, 'domain-keys', 'rotate'),
    /^2 domains have a new key; 2 key materials/,
  )
  await requireOpens(server)
  await server.kill()
  await requireWhole({ dataDir })
  await keywright(dataDir, 'domain-keys', 'rotate')
  await requireWhole({ dataDir })
})

test('a rotation that ended between the file and the database loses nothing, and the next one completes it', async () => {
  const dataDir = copy('between')
  const [old] = rootKeyFile(dataDir).keys
  cpSync(dataDir, join(folder, 'before'), { recursive: true })
  await keywright(dataDir, 'root-key', 'rotate')
  const [next] = rootKeyFile(dataDir).keys
  assert.ok(old !== undefined && next !== undefined)
  // Both keys in the file: once with the database as it was before the rotation, once as it is after it.
  for (const [where, inForce] of [
    [join(folder, 'before'), old],
    [dataDir, next],
  ] as const) {
    const both: RootKeyFile = { 'keywright-root-key': 1, keys: [old, next] }
    writeFileSync(join(where, 'root.key'), JSON.stringify(both), { mode: 0o600 })
    await requireWhole({ dataDir: where })
    assert.ok(rootKeyFile(where).keys.some(({ id }) => id === inForce.id))
    await keywright(where, 'root-key', 'rotate')
    const { keys } = rootKeyFile(where)
    assert.equal(keys.length, 1, 'the rotated key is gone')
    assert.notEqual(keys[0]?.id, inForce.id)
    await requireWhole({ dataDir: where })
  }
})

test('a kill at any moment of a rotation loses nothing', async () => {
  const dataDir = copy('killed')
  // The rotation changes the data directory several times: key file, database, key file. A kill at each of them.
  for (const changes of [1, 3, 6]) {
    const server = await startServer({ dataDir })
    await requireOpens(server)
    await killAtChange(server, dataDir, changes)
  }
  await requireWhole({ dataDir })
  await keywright(dataDir, 'root-key', 'rotate')
  assert.equal(rootKeyFile(dataDir).keys.length, 1)
  await requireWhole({ dataDir })
})

/** Asks for a rotation, and kills the server at that many changes of its root key file and database. */
async function killAtChange(
  server: { kill(): Promise<void> },
  dataDir: string,
  changes: number,
): Promise<void> {
  const seen = Promise.withResolvers<void>()
  let left = changes
  const watcher = watch(dataDir, (_, name) => {
    if (/^(root\.key|keywright\.db-wal$)/.test(name ?? '') && --left === 0) seen.resolve()
  })
  // However it ends: cut off, or done before as many changes were seen.
  const rotation = runKeywright(['root-key', 'rotate'], { dataDir })
  await Promise.race([seen.promise, rotation])
  await server.kill()
  watcher.close()
  await rotation
}
