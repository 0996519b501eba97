import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOfStep, stepOf, stepOfCode, stepOfConsecutiveCodes } from './mfa-totp.ts'

const seed = Buffer.from('12345678901234567890', 'latin1')

const nowMs = 1_234_567_890_000
const step = stepOf(nowMs)

test('a code of the step before, of this one and of the next is right, no other', () => {
  for (const off of [-1, 0, 1]) {
    assert.equal(stepOfCode(seed, codeOfStep(seed, step + off), nowMs, undefined), step + off)
  }
  for (const off of [-2, 2, 10]) {
    assert.equal(stepOfCode(seed, codeOfStep(seed, step + off), nowMs, undefined), undefined)
  }
  for (const other of ['', '12345', '1234567', '٣٤٥٦٧٨']) {
    assert.equal(stepOfCode(seed, other, nowMs, undefined), undefined)
  }
})

test('a code is not right again, nor is one of a step before', () => {
  assert.equal(stepOfCode(seed, codeOfStep(seed, step), nowMs, step), undefined)
  assert.equal(stepOfCode(seed, codeOfStep(seed, step - 1), nowMs, step), undefined)
  assert.equal(stepOfCode(seed, codeOfStep(seed, step + 1), nowMs, step), step + 1)
})

test('two codes enable a device only in a row, in their order, and not used before', () => {
  const codes = (first: number, second: number) =>
    [codeOfStep(seed, step + first), codeOfStep(seed, step + second)] as const
  assert.equal(stepOfConsecutiveCodes(seed, codes(-1, 0), nowMs, undefined), step)
  assert.equal(stepOfConsecutiveCodes(seed, codes(-2, -1), nowMs, undefined), step - 1)
  assert.equal(stepOfConsecutiveCodes(seed, codes(0, 1), nowMs, undefined), step + 1)
  for (const [first, second] of [
    [0, -1],
    [0, 0],
    [-1, 1],
    [-3, -2],
    [1, 2],
  ] as const) {
    assert.equal(stepOfConsecutiveCodes(seed, codes(first, second), nowMs, undefined), undefined)
  }
  assert.equal(stepOfConsecutiveCodes(seed, codes(-1, 0), nowMs, step - 1), undefined)
})
