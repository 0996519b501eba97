import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttestationError } from './attestation-error.ts'
import { CborReader } from './cbor-reader.ts'

const reader = (hex: string) => new CborReader(Buffer.from(hex, 'hex'))
const refused = (read: () => unknown, reason = /./) =>
  assert.throws(read, (error) => error instanceof AttestationError && reason.test(error.message))

test('numbers, strings, arrays and maps are read in each length that they can have', () => {
  for (const [hex, value] of [
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['18ff', 255],
    ['190100', 256],
    ['1a00010000', 65_536],
    ['1b0000000100000000', 2 ** 32],
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ] as const) {
    assert.equal(reader(hex).unsigned(Number.MAX_SAFE_INTEGER), value)
  }
  assert.equal(reader('63e282ac').text(0, 9), '€')
  assert.deepEqual(reader('4201ff').bytes(2, 2), Buffer.from([1, 255]))
  for (const hex of ['83010203', '9f010203ff']) {
    const list = reader(hex)
    assert.deepEqual(
      list.array(3, () => list.unsigned(9)),
      [1, 2, 3],
    )
  }
  for (const hex of ['a201020304', 'bf01020304ff']) {
    const map = reader(hex)
    const found: number[] = []
    map.map(
      2,
      () => map.unsigned(9),
      (key) => found.push(key, map.unsigned(9)),
    )
    map.end()
    assert.deepEqual(found, [1, 2, 3, 4])
  }
})

test('a length in more bytes than it needs is refused', () => {
  for (const hex of ['1800', '1817', '1900ff', '1a0000ffff', '1b00000000ffffffff']) {
    refused(() => reader(hex).unsigned(Number.MAX_SAFE_INTEGER), /more bytes than needed/)
  }
  refused(() => reader('580101').bytes(0, 9), /more bytes than needed/)
})

test('what is too large, too long or too many is refused before it is read', () => {
  refused(() => reader('1bffffffffffffffff').unsigned(Number.MAX_SAFE_INTEGER), /too large/)
  refused(() => reader('1864').unsigned(99), /too large/)
  refused(() => reader('5affffffff').bytes(0, 1024), /too large/)
  refused(() => reader('9affffffff').array(3, () => assert.fail()), /too large/)
  refused(() => reader('4101').bytes(2, 9), /too short/)
  const endless = reader(`9f${'00'.repeat(50)}`)
  refused(() => endless.array(3, () => endless.unsigned(0)), /too many/)
})

test('what ends too early or goes on is refused', () => {
  for (const hex of ['', '18', '1901', '42', '4201']) {
    refused(() => reader(hex).bytes(0, 9))
    refused(() => reader(hex).unsigned(9999))
  }
  const unclosed = reader('9f01')
  refused(() => unclosed.array(9, () => unclosed.unsigned(9)), /too early/)
  refused(() => reader('00').end(), /after its end/)
})

test('strings of indefinite length, reserved lengths and items of another type are refused', () => {
  refused(() => reader('5f4101ff').bytes(0, 9), /indefinite/)
  refused(() => reader('7f6161ff').text(0, 9), /indefinite/)
  refused(() => reader('9f0102ff').arrayOf(2), /indefinite/)
  refused(() => reader('8101').arrayOf(2), /too short/)
  for (const hex of [
    '1c',
    '1d',
    '1e',
    '20',
    '40',
    '60',
    '80',
    'a0',
    'c0',
    'f4',
    'f6',
    'f7',
    'f90000',
    'ff',
  ]) {
    refused(() => reader(hex).unsigned(9))
  }
  refused(() => reader('c100').optionalTag(18), /tag/)
  refused(() => reader('62c328').text(0, 9), /UTF-8/)
})

test('a key that comes twice in a map is refused', () => {
  for (const hex of ['a201010102', 'bf01010102ff']) {
    const map = reader(hex)
    refused(
      () =>
        map.map(
          9,
          () => map.unsigned(9),
          () => map.unsigned(9),
        ),
      /twice/,
    )
  }
})
