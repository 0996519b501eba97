import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TooManyWaiting } from './material.ts'
import { Turns } from './turns.ts'

function drained(turns: Turns<string>): string[] {
  const order: string[] = []
  for (let work = turns.next(); work !== undefined; work = turns.next()) order.push(work)
  return order
}

test('owners take turns, and the work of each is done in its order', () => {
  const turns = new Turns<string>({ ofOwner: 10, inAll: 10 })
  for (const work of ['a1', 'a2', 'a3', 'b1', 'a4', 'c1', 'b2']) turns.add(work.slice(0, 1), work)
  assert.equal(turns.size, 7)
  assert.deepEqual(drained(turns), ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4'])
  assert.equal(turns.size, 0)
})

test('who comes back right after its turn stands behind those who wait', () => {
  const turns = new Turns<string>({ ofOwner: 10, inAll: 10 })
  turns.add('a', 'a1')
  turns.add('b', 'b1')
  assert.equal(turns.next(), 'a1')
  turns.add('a', 'a2')
  assert.deepEqual(drained(turns), ['b1', 'a2'])
})

test('an owner whose share is full is refused, and another is not', () => {
  const turns = new Turns<string>({ ofOwner: 2, inAll: 10 })
  turns.add('a', 'a1')
  turns.add('a', 'a2')
  assert.throws(() => turns.add('a', 'a3'), TooManyWaiting)
  turns.add('b', 'b1')
  assert.deepEqual(drained(turns), ['a1', 'b1', 'a2'])
  turns.add('a', 'a3')
})

test('when all that may wait does, only who has nothing waiting is let in, until something is taken out', () => {
  const turns = new Turns<string>({ ofOwner: 3, inAll: 3 })
  for (const work of ['a1', 'a2', 'b1']) turns.add(work.slice(0, 1), work)
  assert.throws(() => turns.add('a', 'a3'), TooManyWaiting)
  turns.add('c', 'c1')
  assert.throws(() => turns.add('c', 'c2'), TooManyWaiting)
  turns.next()
  turns.next()
  turns.add('c', 'c2')
  assert.deepEqual(drained(turns), ['c1', 'a2', 'c2'])
})
