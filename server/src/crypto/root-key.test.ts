import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { inspect } from 'node:util'
import { test } from 'node:test'
import { localRootKey } from './root-key.ts'
import { unwrapKey, WrapError } from './wrap.ts'

const bytes = Buffer.alloc(32, 0x5a)
const identity = Buffer.from('domain key 1')

test('a root key unwraps what it wrapped, for the same identity only', async () => {
  const rootKey = localRootKey(createSecretKey(bytes))
  const wrapped = await rootKey.wrap(Buffer.from('domain key bytes'), identity)
  assert.equal((await rootKey.unwrap(wrapped, identity)).toString(), 'domain key bytes')
  await assert.rejects(rootKey.unwrap(wrapped, Buffer.from('domain key 2')), WrapError)
  await assert.rejects(localRootKey(createSecretKey(Buffer.alloc(32))).unwrap(wrapped, identity), WrapError)
})

test('the id is the same for the same key, differs for others, and is not part of the key', () => {
  const { id } = localRootKey(createSecretKey(bytes))
  assert.match(id, /^[0-9a-f]{16}$/)
  assert.equal(localRootKey(createSecretKey(bytes)).id, id)
  assert.notEqual(localRootKey(createSecretKey(Buffer.alloc(32, 0x5b))).id, id)
  assert.equal(bytes.toString('hex').includes(id), false)
})

test('the key that wraps is not the root key itself', async () => {
  const wrapped = await localRootKey(createSecretKey(bytes)).wrap(Buffer.from('domain key bytes'), identity)
  assert.throws(() => unwrapKey(createSecretKey(bytes), wrapped, identity), WrapError)
})

test('printing a root key shows its id and no key', () => {
  const rootKey = localRootKey(createSecretKey(bytes))
  const printed = inspect(rootKey, { depth: 10, showHidden: true }) + JSON.stringify(rootKey)
  assert.equal(printed.includes(rootKey.id), true)
  for (const form of ['hex', 'base64'] as const) assert.equal(printed.includes(bytes.toString(form)), false)
})
