import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { unwrapImport } from '../crypto/import-wrapping.ts'
import { importSchemeOf } from '../keys/import-wrapping.ts'

const entry = fileURLToPath(new URL('./keywright.ts', import.meta.url))
const cwd = mkdtempSync(join(tmpdir(), 'keywright-import-'))
after(() => rmSync(cwd, { recursive: true, force: true }))

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const spki = publicKey.export({ type: 'spki', format: 'der' })
const pkcs8 = generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey
const rsaKey = pkcs8.export({ type: 'pkcs8', format: 'der' })

let made = 0
/** Of this user alone unless a mode is given. */
function file(content: string | Uint8Array, mode = 0o600): string {
  const name = `file-${++made}`
  writeFileSync(join(cwd, name), content, { mode })
  return name
}

function wrap(options: Record<string, string>, input?: Uint8Array) {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  const done = spawnSync(process.execPath, [entry, 'import', 'wrap', ...args], {
    cwd,
    input: input ?? Buffer.of(),
  })
  return { code: done.status, stdout: done.stdout.toString(), stderr: done.stderr.toString() }
}

const opened = (algorithm: string, out: string) => {
  const scheme = importSchemeOf(algorithm)
  assert.ok(scheme)
  return unwrapImport(privateKey, scheme, readFileSync(join(cwd, out)))?.export()
}

test('material in a file is wrapped with each algorithm, and shown nowhere', () => {
  for (const algorithm of [
    'RSAES_OAEP_SHA_1',
    'RSAES_OAEP_SHA_256',
    'RSA_AES_KEY_WRAP_SHA_1',
    'RSA_AES_KEY_WRAP_SHA_256',
  ]) {
    const material = algorithm.startsWith('RSA_AES') ? rsaKey : randomBytes(32)
    const out = `wrapped-${algorithm}`
    const asked = { 'public-key': file(spki), algorithm, material: file(material), out }
    const { code, stdout, stderr } = wrap(asked)
    assert.equal(code, 0, stderr)
    assert.equal(
      stdout,
      `${material.length} bytes of key material are wrapped with ${algorithm} in ${out}.\n`,
    )
    assert.deepEqual(opened(algorithm, out), material)
    assert.equal(statSync(join(cwd, out)).mode & 0o077, 0)
  }
})

test('material comes from standard input, and the public key as the AWS CLI prints it', () => {
  const material = randomBytes(48)
  const asked = {
    'public-key': file(`${spki.toString('base64')}\n`),
    algorithm: 'RSAES_OAEP_SHA_256',
    material: '-',
    out: 'from-input',
  }
  const { code, stderr } = wrap(asked, material)
  assert.equal(code, 0, stderr)
  assert.deepEqual(opened('RSAES_OAEP_SHA_256', 'from-input'), material)
})

test('what cannot be material is refused before it is sent, without showing it', () => {
  const material = randomBytes(32)
  const key = file(spki)
  const cases: Record<string, [Uint8Array | string, RegExp]> = {
    'with a line feed after it': [
      Buffer.concat([material, Buffer.from('\n')]),
      /neither 28, 32, 48, 64 bytes nor/,
    ],
    'in hexadecimal digits, and a line feed': [`${material.toString('hex')}\n`, /neither/],
    'a PEM file': [pkcs8.export({ type: 'pkcs8', format: 'pem' }), /openssl pkcs8/],
    'an RSA key in PKCS #1': [pkcs8.export({ type: 'pkcs1', format: 'der' }), /openssl pkcs8/],
    'a key on a curve in SEC 1': [
      generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey.export({
        type: 'sec1',
        format: 'der',
      }),
      /openssl pkcs8/,
    ],
    nothing: ['', /neither/],
    'too long for the algorithm': [
      rsaKey,
      /has 23\d\d bytes and RSAES_OAEP_SHA_256 with this public key takes 190/,
    ],
    'far too long': [Buffer.alloc(5000), /longer than 4096 bytes/],
  }
  for (const [what, [content, reason]] of Object.entries(cases)) {
    for (const isInput of [false, true]) {
      const out = `none-${++made}`
      const source = isInput ? '-' : file(content)
      const asked = { 'public-key': key, algorithm: 'RSAES_OAEP_SHA_256', material: source, out }
      const { code, stdout, stderr } = wrap(asked, Buffer.from(content))
      assert.equal(code, 1, what)
      assert.match(stderr, reason, what)
      assert.equal(stdout, '')
      assert.equal(existsSync(join(cwd, out)), false)
      for (const form of ['hex', 'base64'] as const)
        assert.equal(stderr.includes(material.toString(form)), false)
    }
  }
})

test('a file that others may read is refused, and one that exists is not written over', () => {
  const asked = { 'public-key': file(spki), algorithm: 'RSAES_OAEP_SHA_256' }
  const open = wrap({ ...asked, material: file(randomBytes(32), 0o644), out: 'not-written' })
  assert.equal(open.code, 1)
  assert.match(open.stderr, /is open to other users: run chmod 600/)
  const kept = file('kept')
  const over = wrap({ ...asked, material: file(randomBytes(32)), out: kept })
  assert.equal(over.code, 1)
  assert.match(over.stderr, /exists already: nothing was written/)
  assert.equal(readFileSync(join(cwd, kept), 'utf8'), 'kept')
})

test('another public key than the service gives is refused, and an algorithm that it does not take', () => {
  const material = file(randomBytes(32))
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const curve = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey
  for (const key of [small, curve]) {
    const asked = { 'public-key': file(key.export({ type: 'spki', format: 'der' })), material, out: 'none' }
    const { code, stderr } = wrap({ ...asked, algorithm: 'RSAES_OAEP_SHA_256' })
    assert.equal(code, 1)
    assert.match(stderr, /is not a public key as GetParametersForImport gives it/)
  }
  const { code, stderr } = wrap({
    'public-key': file(spki),
    algorithm: 'RSAES_PKCS1_V1_5',
    material,
    out: 'none',
  })
  assert.equal(code, 2)
  assert.match(stderr, /RSAES_PKCS1_V1_5/)
  assert.equal(
    wrap({ 'public-key': file('text'), algorithm: 'RSAES_OAEP_SHA_1', material, out: 'none' }).code,
    1,
  )
})
