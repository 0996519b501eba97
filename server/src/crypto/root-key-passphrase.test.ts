import assert from 'node:assert/strict'
import { argon2Sync, createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { systemRandom } from './random.ts'
import { deriveRootKey, newPassphraseDescriptor, parsePassphraseDescriptor } from './root-key-passphrase.ts'
import { localRootKey, RootKeyError } from './root-key.ts'
import { WrapError } from './wrap.ts'

const descriptor = newPassphraseDescriptor(systemRandom)
const passphrase = () => Buffer.from('correct horse battery staple')
const identity = Buffer.from('domain key 1')

function refusal(code: RootKeyError['code'], says: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof RootKeyError)
    assert.equal(error.code, code)
    assert.match(error.message, says)
    assert.equal(error.message.includes('\n'), false)
    return true
  }
}

test('a new descriptor holds RFC 9106’s second recommended parameters and a salt of its own', () => {
  assert.deepEqual(
    { ...descriptor, salt: '' },
    {
      kdf: 'argon2id',
      salt: '',
      memoryKiB: 65536,
      passes: 3,
      parallelism: 4,
    },
  )
  assert.equal(Buffer.from(descriptor.salt, 'base64').length, 16)
  assert.notEqual(newPassphraseDescriptor(systemRandom).salt, descriptor.salt)
  assert.deepEqual(parsePassphraseDescriptor(JSON.parse(JSON.stringify(descriptor))), descriptor)
})

test('passphrase and descriptor give one root key, computed as Argon2id says', async () => {
  const rootKey = await deriveRootKey(passphrase(), descriptor)
  const bytes = argon2Sync('argon2id', {
    message: passphrase(),
    nonce: Buffer.from(descriptor.salt, 'base64'),
    memory: 65536,
    passes: 3,
    parallelism: 4,
    tagLength: 32,
  })
  const expected = localRootKey(createSecretKey(bytes))
  assert.equal(rootKey.id, expected.id)
  const wrapped = await rootKey.wrap(Buffer.from('domain key bytes'), identity)
  assert.equal((await expected.unwrap(wrapped, identity)).toString(), 'domain key bytes')
})

test('a wrong passphrase gives a key with another id that opens nothing', async () => {
  const [right, wrong] = await Promise.all([
    deriveRootKey(passphrase(), descriptor),
    deriveRootKey(Buffer.from('correct horse battery stable'), descriptor),
  ])
  assert.notEqual(right.id, wrong.id)
  const wrapped = await right.wrap(Buffer.from('domain key bytes'), identity)
  await assert.rejects(wrong.unwrap(wrapped, identity), WrapError)
})

test('one line ending at the end does not count, a second one does', async () => {
  const idOf = async (text: string) => (await deriveRootKey(Buffer.from(text), descriptor)).id
  const plain = await idOf('correct horse battery staple')
  assert.equal(await idOf('correct horse battery staple\n'), plain)
  assert.equal(await idOf('correct horse battery staple\r\n'), plain)
  assert.notEqual(await idOf('correct horse battery staple\n\n'), plain)
  assert.notEqual(await idOf('correct horse battery staple '), plain)
})

test('a passphrase below 12 or above 1024 bytes is refused', async () => {
  for (const text of ['', '\n', 'elevenbytes', 'elevenbytes\n', 'x'.repeat(1025)]) {
    await assert.rejects(
      deriveRootKey(Buffer.from(text), descriptor),
      refusal('PASSPHRASE', /12 to 1024 bytes/),
    )
  }
})

test('the passphrase is wiped, whether it was accepted or not', async () => {
  const accepted = Buffer.from('correct horse battery staple\n')
  await deriveRootKey(accepted, descriptor)
  assert.deepEqual(accepted, Buffer.alloc(accepted.length))
  const tooShort = Buffer.from('short')
  await assert.rejects(deriveRootKey(tooShort, descriptor))
  assert.deepEqual(tooShort, Buffer.alloc(5))
  const hostile = passphrase()
  await assert.rejects(deriveRootKey(hostile, { ...descriptor, memoryKiB: 8 }))
  assert.deepEqual(hostile, Buffer.alloc(hostile.length))
})

test('a hostile descriptor can neither make guessing cheap nor a start expensive', async () => {
  const hostile: unknown[] = [
    null,
    'argon2id',
    [],
    {},
    { ...descriptor, kdf: 'argon2i' },
    { ...descriptor, kdf: 'scrypt' },
    { ...descriptor, salt: '' },
    { ...descriptor, salt: Buffer.alloc(8).toString('base64') },
    { ...descriptor, salt: `${descriptor.salt}\n` },
    { ...descriptor, salt: 16 },
    { ...descriptor, memoryKiB: 65535 },
    { ...descriptor, memoryKiB: 104_857_600 },
    { ...descriptor, memoryKiB: '65536' },
    { ...descriptor, memoryKiB: 65536.5 },
    { ...descriptor, passes: 2 },
    { ...descriptor, passes: 1_000_000 },
    { ...descriptor, passes: Number.NaN },
    { ...descriptor, parallelism: 0 },
    { ...descriptor, parallelism: 255 },
    { ...descriptor, extra: true },
    { kdf: 'argon2id', salt: descriptor.salt, memoryKiB: 65536, passes: 3 },
  ]
  for (const value of hostile) {
    assert.throws(() => parsePassphraseDescriptor(value), refusal('MALFORMED', /not acceptable.*restore/))
    if (typeof value === 'object' && value !== null) {
      const attempt = deriveRootKey(passphrase(), value as typeof descriptor)
      await assert.rejects(attempt, refusal('MALFORMED', /not acceptable/))
    }
  }
})

test('the event loop keeps turning while a key is derived', async () => {
  let turns = 0
  let running = true
  const turn = () => {
    turns++
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  await deriveRootKey(passphrase(), descriptor)
  running = false
  assert.ok(turns > 50, `${turns} turns`)
})
