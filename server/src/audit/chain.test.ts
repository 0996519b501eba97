import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { chainRecords, followsHead, genesis, parseLine } from './chain.ts'

const CHAIN = '6f1c2b3a-0d4e-4f5a-8b6c-7d8e9f0a1b2c'

test('a line has the form and the hash that are written down', () => {
  const { lines, head } = chainRecords(genesis(CHAIN), ['{"eventName":"Encrypt"}', '{"eventName":"Décrypt"}'])
  const [first = '', second = '', rest] = lines.toString().split('\n')
  assert.equal(
    first,
    '{"chain":"6f1c2b3a-0d4e-4f5a-8b6c-7d8e9f0a1b2c","sequence":1,' +
      '"hash":"5544778e5cb5f792a37b910e2d4768fc5ed0007efa30352caf7bc5a9868ec2c3","record":{"eventName":"Encrypt"}}',
  )
  assert.equal(rest, '')
  const start = createHash('sha256').update(`keywright journal genesis v1\0${CHAIN}`).digest()
  const one = step(start, 1, '{"eventName":"Encrypt"}')
  const two = step(one, 2, '{"eventName":"Décrypt"}')
  assert.equal((JSON.parse(first) as { hash: string }).hash, one.toString('hex'))
  assert.equal((JSON.parse(second) as { hash: string }).hash, two.toString('hex'))
  assert.deepEqual(head, { chain: CHAIN, sequence: 2, hash: two.toString('hex') })
})

function step(previous: Buffer, sequence: number, record: string): Buffer {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(sequence))
  return createHash('sha256').update(previous).update(number).update(record).digest()
}

test('a sequence beyond 32 bits is chained like any other', () => {
  const head = { ...genesis(CHAIN), sequence: 2 ** 40 }
  const { lines } = chainRecords(head, ['{}'])
  const parsed = parseLine(lines.subarray(0, -1))
  assert.ok(parsed)
  assert.equal(followsHead(head, parsed), undefined)
  assert.equal(parsed.hash, step(Buffer.from(head.hash, 'hex'), 2 ** 40 + 1, '{}').toString('hex'))
})

test('no byte of a line can be changed, removed or added unseen', () => {
  const head = genesis(CHAIN)
  const line = chainRecords(head, ['{"eventName":"Encrypt","é":1}']).lines.subarray(0, -1)
  const original = parseLine(line)
  assert.ok(original && followsHead(head, original) === undefined)
  const refused = (changed: Buffer) => {
    const parsed = parseLine(changed)
    return parsed === undefined || followsHead(head, parsed) !== undefined
  }
  for (let at = 0; at < line.length; at += 1) {
    assert.ok(refused(Buffer.concat([line.subarray(0, at), line.subarray(at + 1)])), `byte ${at} removed`)
  }
  fc.assert(
    fc.property(fc.nat(line.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
      const changed = Buffer.from(line)
      changed[at] = (changed[at] as number) ^ difference
      const added = Buffer.concat([line.subarray(0, at), Buffer.from([difference]), line.subarray(at)])
      return refused(changed) && refused(added)
    }),
    { numRuns: 500 },
  )
})
