import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { getPriority } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { after, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { macAlgorithms } from '../keys/algorithms.ts'
import { parseEnvelope } from './envelope.ts'
import { createKeyEngine } from './in-process-engine.ts'
import type { KeyForm } from './key-form.ts'
import { MaterialUnavailable, TooManyWaiting } from './material.ts'
import { systemRandom } from './random.ts'
import { formsFor, keptMaterial, materialOf, newMaterial, pairForms, uses } from './testing/materials.ts'

const engine = createKeyEngine({ random: systemRandom })
after(() => engine.close())

const message = Buffer.from('a message')
const rsa4096 = { type: 'rsa', modulusBits: 4096 } as const

for (const [name, form, use] of uses) {
  test(`${name}: there is material`, async () => {
    const material = await keptMaterial(engine, form, use)
    assert.equal(material.use, use)
    assert.equal(material.materialId, 'ab'.repeat(32))
  })
}

test('material that seals opens what it sealed and nothing that other material sealed', async () => {
  const form = { type: 'secret', lengthBytes: 32 } as const
  const [first, second] = [await newMaterial(engine, form, 'seal'), await newMaterial(engine, form, 'seal')]
  const context = new Map([['purpose', 'test']])
  const envelope = parseEnvelope(await first.seal(Buffer.from('secret'), context))
  assert.ok(envelope)
  assert.equal(envelope.materialId, first.materialId)
  assert.equal((await first.open(envelope, context))?.toString(), 'secret')
  assert.equal(await first.open(envelope, new Map()), undefined)
  assert.equal(await second.open(envelope, context), undefined)
})

test('failing to seal is a rejection, never a throw', async () => {
  const material = await newMaterial(engine, { type: 'secret', lengthBytes: 32 }, 'seal')
  const sealing = material.seal(Buffer.alloc(7000), new Map())
  await assert.rejects(sealing, RangeError)
})

for (const hash of Object.values(macAlgorithms)) {
  test(`a MAC with ${hash} is valid for its message and key, whole`, async () => {
    const form = { type: 'secret', lengthBytes: 32 } as const
    const [own, other] = [await newMaterial(engine, form, 'mac'), await newMaterial(engine, form, 'mac')]
    const mac = await own.mac(hash, message)
    assert.ok(await own.verifyMac(hash, message, mac))
    assert.ok(!(await other.verifyMac(hash, message, mac)))
    assert.ok(!(await own.verifyMac(hash, Buffer.from('another'), mac)))
    for (const wrong of [
      mac.subarray(0, -1),
      mac.subarray(0, 4),
      Buffer.alloc(0),
      Buffer.concat([mac, mac]),
    ]) {
      assert.ok(!(await own.verifyMac(hash, message, wrong)))
    }
  })
}

test('ML-DSA and ML-KEM keys are kept as their seeds', async () => {
  for (const [, form] of [...formsFor('SIGN_VERIFY'), ...formsFor('ENCAPSULATE_DECAPSULATE')]) {
    if (form.type !== 'ml-dsa' && form.type !== 'ml-kem') continue
    const bytes = await engine.generate(form, 'somebody')
    assert.equal(bytes.length, form.type === 'ml-dsa' ? 54 : 86)
  }
})

for (const [name, form] of pairForms) {
  test(`${name}: each pair for a client is a new one, and its halves belong together`, async () => {
    const given = new Set<string>()
    // RSA pairs come from the reserve and, when it is empty, from a thread.
    for (let i = 0; i < 4; i++) {
      const { privateKey, publicKey } = await engine.generatePair(form, 'somebody')
      given.add(publicKey.toString('hex'))
      const use = form.type === 'ml-kem' ? 'encapsulate' : 'sign'
      assert.deepEqual(materialOf(engine, form, use, privateKey).publicKey, publicKey)
    }
    assert.equal(given.size, 4)
  })
}

test('material is itself when the bytes that it was made from are wiped at once', async () => {
  for (const [, form] of formsFor('SIGN_VERIFY')) {
    if (form.type === 'rsa') continue
    const bytes = await engine.generate(form, 'somebody')
    const [first, second] = [materialOf(engine, form, 'sign', bytes), materialOf(engine, form, 'sign', bytes)]
    bytes.fill(0)
    assert.deepEqual(first.publicKey, second.publicKey)
  }
  const secret = Buffer.alloc(32, 1)
  const form: KeyForm = { type: 'secret', lengthBytes: 32 }
  const [first, second] = [
    materialOf(engine, form, 'mac', secret),
    materialOf(engine, form, 'mac', Buffer.from(secret)),
  ]
  secret.fill(0)
  assert.deepEqual(await first.mac('sha256', message), await second.mac('sha256', message))
})

test('a flood of RSA_4096 keys does not hold up the event loop', async (t) => {
  const flooded = createKeyEngine({ random: systemRandom })
  t.after(() => flooded.close())
  const { port1, port2 } = new MessageChannel()
  t.after(() => port1.close())
  const outcomes = Array.from({ length: 80 }, () =>
    flooded.generate(rsa4096, 'flooder').catch((error: unknown) => error),
  )
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const first = await Promise.race(outcomes.slice(0, 64))
  assert.ok(Buffer.isBuffer(first))
  for (let i = 0; i < 1000; i++) {
    port1.postMessage(i)
    await once(port2, 'message')
  }
  delay.disable()
  // One key takes 200 ms to some seconds.
  assert.ok(delay.percentile(90) < 50e6, `${delay.percentile(90) / 1e6} ms`)

  await flooded.close()
  const settled = await Promise.all(outcomes)
  assert.ok(settled.some((error) => error instanceof TooManyWaiting))
  assert.ok(settled.some((error) => error instanceof MaterialUnavailable))
})

// Elsewhere a thread has no priority of its own.
if (process.platform === 'linux') {
  test('the threads that make RSA keys step back behind every other thread', async () => {
    await engine.generate({ type: 'rsa', modulusBits: 2048 }, 'somebody')
    const own = getPriority()
    const priorities = readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread)))
    assert.ok(priorities.includes(10))
    assert.equal(getPriority(), own)
    assert.ok(priorities.filter((priority) => priority === own).length > 1)
  })
}

test('an account that makes many keys does not stand in the way of another account', async () => {
  let ofFlooder = 0
  const flood = Array.from({ length: 20 }, async () => {
    await engine.generate({ type: 'rsa', modulusBits: 2048 }, 'flooder')
    ofFlooder++
  })
  await engine.generate({ type: 'rsa', modulusBits: 2048 }, 'another')
  assert.ok(ofFlooder <= 5, `${ofFlooder} came first`)
  await Promise.all(flood)
})

test('material is not made for a use that its form has not', () => {
  const secret: KeyForm = { type: 'secret', lengthBytes: 32 }
  const source = { ids: { keyId: 'a', materialId: 'b' }, form: secret, bytes: Buffer.alloc(32), owner: 'a' }
  assert.throws(() => engine.material({ ...source, use: 'sign' }), TypeError)
})
