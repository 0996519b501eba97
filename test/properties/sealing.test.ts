import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { flipped } from '../flipped.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const key = await newKey(kms)
const other = await newKey(kms)

const plaintexts = fc.uint8Array({ minLength: 1, maxLength: 4096 })
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('__proto__', 'constructor', ''),
)
const contexts = fc.dictionary(texts, texts, { maxKeys: 6 })
const cut = (context: Record<string, string>) => Object.entries(context).slice(0, -1)

test('what is sealed opens with its context, in any order, and with no other', async () => {
  const property = fc.asyncProperty(plaintexts, contexts, contexts, async (plaintext, context, another) => {
    const { CiphertextBlob } = await kms.encrypt({
      KeyId: key.id,
      Plaintext: plaintext,
      EncryptionContext: context,
    })
    const reversed = Object.fromEntries(Object.entries(context).toReversed())
    const opened = await kms.decrypt({ CiphertextBlob, EncryptionContext: reversed })
    assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Buffer.from(plaintext))
    const others = [another, Object.fromEntries(cut(context)), { ...context, more: '' }]
    for (const EncryptionContext of others) {
      if (sameContext(EncryptionContext, context)) continue
      await assert.rejects(kms.decrypt({ CiphertextBlob, EncryptionContext }), {
        name: 'InvalidCiphertextException',
      })
    }
  })
  await fc.assert(property, { numRuns: 60 })
})

test('what is sealed opens after any number of moves between keys and contexts', async () => {
  const moves = fc.array(fc.record({ to: fc.constantFrom(key.id, other.id), context: contexts }), {
    maxLength: 4,
  })
  const property = fc.asyncProperty(plaintexts, contexts, moves, async (plaintext, first, path) => {
    let context = first
    let { CiphertextBlob } = await kms.encrypt({
      KeyId: key.id,
      Plaintext: plaintext,
      EncryptionContext: first,
    })
    for (const move of path) {
      const moved = await kms.reEncrypt({
        CiphertextBlob,
        SourceEncryptionContext: context,
        DestinationKeyId: move.to,
        DestinationEncryptionContext: move.context,
      })
      CiphertextBlob = moved.CiphertextBlob
      context = move.context
    }
    const opened = await kms.decrypt({ CiphertextBlob, EncryptionContext: context })
    assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Buffer.from(plaintext))
  })
  await fc.assert(property, { numRuns: 40 })
})

test('a ciphertext that is changed in any byte, cut or made longer opens nothing, and says no more than that', async () => {
  const EncryptionContext = { purpose: 'test' }
  const { CiphertextBlob } = await kms.encrypt({
    KeyId: key.id,
    Plaintext: Buffer.from('plaintext'),
    EncryptionContext,
  })
  const sealed = Buffer.from(CiphertextBlob ?? [])
  const bodies = new Set<string>()
  const position = fc.nat({ max: sealed.length - 1 })
  const changes = fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(position, fc.integer({ min: 1, max: 255 }))
        .map(([at, mask]) => flipped(sealed, at, mask)),
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 1, max: sealed.length - 1 }).map((length) => sealed.subarray(0, length)),
    },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => Buffer.concat([sealed, more])),
    },
  )
  const property = fc.asyncProperty(changes, async (changed) => {
    const answer = await send(server, {
      operation: 'Decrypt',
      body: { KeyId: key.id, CiphertextBlob: changed.toString('base64'), EncryptionContext },
    })
    assert.equal(answer.status, 400)
    // The header names the key in the clear (docs/ciphertext.md): another one is AWS's error for a ciphertext of another key.
    const namesAnother = !changed.subarray(2, 19).equals(sealed.subarray(2, 19))
    if (namesAnother && answer.error === 'IncorrectKeyException') return
    assert.equal(answer.error, 'InvalidCiphertextException', answer.body)
    bodies.add(answer.body)
  })
  await fc.assert(property, { numRuns: 250 })
  assert.equal(bodies.size, 1)
})

function sameContext(one: Record<string, string>, two: Record<string, string>): boolean {
  const pairs = (context: Record<string, string>) =>
    JSON.stringify(Object.entries(context).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return pairs(one) === pairs(two)
}
