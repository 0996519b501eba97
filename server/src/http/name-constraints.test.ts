import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressBytes, encodeNameConstraints, permits } from './name-constraints.ts'

test('name constraints are written in the DER that RFC 5280 describes', () => {
  assert.equal(
    encodeNameConstraints(['localhost', '127.0.0.1']).toString('hex'),
    // SEQUENCE, [0], SEQUENCE { [2] "localhost" }, SEQUENCE { [7] 127.0.0.0 mask 255.0.0.0 }
    '301b' +
      'a019' +
      '300b' +
      '8209' +
      Buffer.from('localhost').toString('hex') +
      '300a' +
      '8708' +
      '7f000000ff000000',
  )
})

test('they cover their own names and nothing else, in any number', () => {
  const many = Array.from({ length: 300 }, (_, i) => `node-${i}.example.com`)
  const constraints = encodeNameConstraints([
    'localhost',
    '127.0.0.1',
    '::1',
    '192.0.2.7',
    'kms.example.com',
    ...many,
  ])
  for (const inside of [
    'localhost',
    '127.9.9.9',
    '::1',
    '192.0.2.7',
    'kms.example.com',
    'a.kms.example.com',
    'node-299.example.com',
  ]) {
    assert.ok(permits(constraints, inside), inside)
  }
  for (const outside of ['example.com', 'notlocalhost', '128.0.0.1', '::2', '192.0.2.8', '::ffff:7f00:1']) {
    assert.ok(!permits(constraints, outside), outside)
  }
  assert.throws(() => permits(constraints.subarray(0, 50), 'localhost'), /unexpected form/)
})

test('an address becomes its bytes', () => {
  assert.equal(addressBytes('192.0.2.7').toString('hex'), 'c0000207')
  assert.equal(addressBytes('::').toString('hex'), '0'.repeat(32))
  assert.equal(addressBytes('2001:db8::1').toString('hex'), '20010db8000000000000000000000001')
  assert.equal(addressBytes('1:2:3:4:5:6:7:8').toString('hex'), '00010002000300040005000600070008')
  assert.equal(addressBytes('64:ff9b::192.0.2.7').toString('hex'), '0064ff9b0000000000000000c0000207')
})
