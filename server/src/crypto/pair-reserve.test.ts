import assert from 'node:assert/strict'
import { createSecretKey, type KeyObject } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import { PairReserve, type RsaForm } from './pair-reserve.ts'

const rsa2048 = { type: 'rsa', modulusBits: 2048 } as const
const rsa4096 = { type: 'rsa', modulusBits: 4096 } as const

/** A reserve whose keys are made when the test says so. */
function open() {
  const asked: { readonly form: RsaForm; made(key?: KeyObject): void; failed(): void }[] = []
  const reserve = new PairReserve(
    (form) =>
      new Promise<KeyObject>((resolve, reject) => {
        asked.push({
          form,
          made: (key = createSecretKey(Buffer.alloc(1))) => resolve(key),
          failed: () => reject(new Error('no thread')),
        })
      }),
  )
  /** Makes what is asked for until nothing more is. */
  async function makeAll(): Promise<number> {
    let made = 0
    for (let one = asked.shift(); one !== undefined; one = asked.shift()) {
      one.made()
      made++
      await nextTurn()
    }
    return made
  }
  return { reserve, asked, makeAll }
}

test('nothing is made of a size before somebody has asked for it', async () => {
  const { reserve, asked, makeAll } = open()
  assert.equal(reserve.take(rsa4096), undefined)
  assert.deepEqual(
    asked.map(({ form }) => form),
    [rsa4096],
  )
  assert.equal(await makeAll(), 2)
  assert.equal(reserve.take(rsa2048), undefined)
  assert.equal(await makeAll(), 8)
})

test('each key is given once, and another is made in its place', async () => {
  const { reserve, makeAll } = open()
  const given = new Set<KeyObject>()
  reserve.take(rsa2048)
  await makeAll()
  for (let i = 0; i < 40; i++) {
    const key = reserve.take(rsa2048)
    assert.ok(key)
    given.add(key)
    assert.equal(await makeAll(), 1)
  }
  assert.equal(given.size, 40)
})

test('one key of a size is made at a time, and when there is none there is none', async () => {
  const { reserve, asked, makeAll } = open()
  for (let i = 0; i < 20; i++) assert.equal(reserve.take(rsa2048), undefined)
  assert.equal(asked.length, 1)
  assert.equal(await makeAll(), 8)
})

test('what could not be made is asked for again with the next demand', async () => {
  const { reserve, asked, makeAll } = open()
  reserve.take(rsa4096)
  asked.shift()?.failed()
  await nextTurn()
  assert.equal(asked.length, 0)
  assert.equal(reserve.take(rsa4096), undefined)
  assert.equal(await makeAll(), 2)
})

test('once closed it gives nothing and makes nothing, also of what was being made', async () => {
  const { reserve, asked, makeAll } = open()
  reserve.take(rsa4096)
  await makeAll()
  reserve.take(rsa4096)
  const late = asked.shift()
  reserve.close()
  late?.made()
  await nextTurn()
  assert.equal(reserve.take(rsa4096), undefined)
  assert.equal(await makeAll(), 0)
})
