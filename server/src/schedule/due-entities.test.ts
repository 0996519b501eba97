import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CorruptRowError, DatabaseError } from '../store/store.ts'
import { runEach } from './due-entities.ts'

/** Numbers that are due, of which some cannot be done. */
function numbers(count: number, failure: (number: number) => Error | undefined) {
  const done: number[] = []
  const due = {
    page: (_nowMs: number, limit: number, after: number = -1) =>
      Promise.resolve(
        Array.from({ length: count }, (_, i) => i)
          .filter((i) => i > after)
          .slice(0, limit),
      ),
    run: (number: number) => {
      const error = failure(number)
      if (error !== undefined) return Promise.reject(error)
      done.push(number)
      return Promise.resolve()
    },
  }
  return { due, done }
}

test('what cannot be done holds up nothing behind it, over pages, and is told with why', async () => {
  const { due, done } = numbers(250, (number) => {
    if (number === 3) return new Error('domain key 7 is missing')
    return number === 5 ? new CorruptRowError('kms_keys', {}) : undefined
  })
  const undone = await runEach(due, 0, () => false)
  assert.equal(done.length, 248)
  assert.deepEqual([undone?.first, undone?.count], [3, 2])
  assert.equal(undone?.reason, 'domain key 7 is missing')
})

test('a row that is not authentic is told as such', async () => {
  const { due } = numbers(2, () => new CorruptRowError('kms_keys', {}))
  const undone = await runEach(due, 0, () => false)
  assert.equal(undone?.reason, 'not authentic in the database; restore a backup')
})

test('when the database fails there is nothing to go on with', async () => {
  const { due, done } = numbers(10, (number) =>
    number === 2 ? new DatabaseError('unavailable', 'X', 'it does not answer') : undefined,
  )
  await assert.rejects(
    runEach(due, 0, () => false),
    DatabaseError,
  )
  assert.deepEqual(done, [0, 1])
})
