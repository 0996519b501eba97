import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeFailure, failureStack } from './failure.ts'

test('a failure is one line without control characters, whatever was thrown', () => {
  assert.equal(describeFailure(new Error('first\n  second\u001b[0m')), 'first second?[0m')
  assert.equal(describeFailure('text'), 'text')
  assert.equal(describeFailure(undefined), 'undefined')
  assert.equal(describeFailure(new TypeError('')), 'TypeError')
  assert.equal(describeFailure(new Error('x'.repeat(10_000))).length, 2000)
})

test('the stack for debugging shows the causes', () => {
  const text = failureStack(new Error('outer', { cause: new Error('inner') }))
  assert.match(text, /Error: outer\n[^]*caused by Error: inner/)
})
