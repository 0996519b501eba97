import assert from 'node:assert/strict'
import { test } from 'node:test'
import { places } from './places.ts'

const never = new AbortController().signal

test('places are given in turn, and each once', async () => {
  const two = places(2)
  const [first, second] = [await two.take(never), await two.take(never)]
  assert.ok(first && second)
  const order: number[] = []
  const third = two.take(never).then((give) => (order.push(3), give))
  const fourth = two.take(never).then((give) => (order.push(4), give))
  first()
  first()
  const give = await third
  assert.ok(give)
  assert.deepEqual(order, [3])
  second()
  await fourth
  assert.deepEqual(order, [3, 4])
})

test('who gives up leaves its turn to the next', async () => {
  const one = places(1)
  const held = await one.take(never)
  assert.ok(held)
  const impatient = new AbortController()
  const gone = one.take(impatient.signal)
  const next = one.take(never)
  impatient.abort()
  assert.equal(await gone, undefined)
  held()
  assert.ok(await next)
  assert.equal(await one.take(impatient.signal), undefined)
})

test('so many wait, and no more', async () => {
  const one = places(1)
  const held = await one.take(never)
  const waiting = Array.from({ length: 64 }, () => one.take(never))
  assert.equal(await one.take(never), undefined)
  held?.()
  assert.ok(await waiting[0])
})
