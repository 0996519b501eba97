import assert from 'node:assert/strict'
import { createPublicKey, diffieHellman, ECDH, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { agree } from './key-agreement.ts'

for (const namedCurve of ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1'] as const) {
  const own = generateKeyPairSync('ec', { namedCurve })
  const peer = generateKeyPairSync('ec', { namedCurve })
  const spki = peer.publicKey.export({ type: 'spki', format: 'der' })
  const point = peer.publicKey.export({ format: 'raw-public' })
  const secret = diffieHellman({ privateKey: own.privateKey, publicKey: peer.publicKey })

  test(`${namedCurve}: a peer's point is taken whole or compressed`, () => {
    assert.deepEqual(agree(own.privateKey, spki), secret)
    const compressed = ECDH.convertKey(point, namedCurve, undefined, undefined, 'compressed') as Buffer
    assert.deepEqual(agree(own.privateKey, withPoint(spki, point.length, compressed)), secret)
  })

  test(`${namedCurve}: OpenSSL reads a hybrid point, and this does not`, () => {
    const hybrid = ECDH.convertKey(point, namedCurve, undefined, undefined, 'hybrid') as Buffer
    const encoded = withPoint(spki, point.length, hybrid)
    assert.ok(createPublicKey({ key: encoded, format: 'der', type: 'spki' }))
    assert.equal(agree(own.privateKey, encoded), undefined)
  })

  test(`${namedCurve}: OpenSSL reads a key with bytes after its end, and this does not`, () => {
    const encoded = Buffer.concat([spki, Buffer.alloc(1)])
    assert.ok(createPublicKey({ key: encoded, format: 'der', type: 'spki' }))
    assert.equal(agree(own.privateKey, encoded), undefined)
  })

  test(`${namedCurve}: points that are not on the curve, infinity, and what is no key are refused`, () => {
    const other = Buffer.from(point)
    other[other.length - 1] = (other.at(-1) as number) ^ 1
    const zeros = Buffer.alloc(point.length)
    zeros[0] = 4
    for (const wrong of [other, zeros, Buffer.alloc(1), Buffer.alloc(0), Buffer.alloc(point.length)]) {
      assert.equal(agree(own.privateKey, withPoint(spki, point.length, wrong)), undefined)
    }
    assert.equal(agree(own.privateKey, point), undefined)
    for (let length = 0; length < spki.length; length++) {
      assert.equal(agree(own.privateKey, spki.subarray(0, length)), undefined)
    }
  })
}

/** The same SubjectPublicKeyInfo with another point, its lengths right. */
function withPoint(spki: Buffer, pointBytes: number, point: Buffer): Buffer {
  const head = spki.subarray(0, spki.length - pointBytes)
  const algorithmAt = head.indexOf(Buffer.of(0x30), 1)
  const algorithm = head.subarray(algorithmAt, algorithmAt + 2 + (head[algorithmAt + 1] as number))
  const bitString = Buffer.concat([Buffer.of(0x03, ...length(point.length + 1), 0), point])
  return Buffer.concat([
    Buffer.of(0x30, ...length(algorithm.length + bitString.length)),
    algorithm,
    bitString,
  ])
}

function length(bytes: number): number[] {
  return bytes < 0x80 ? [bytes] : [0x81, bytes]
}
