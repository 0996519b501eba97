import assert from 'node:assert/strict'
import {
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  diffieHellman,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto'
import { test } from 'node:test'
import { agreeSm2, signSm2, verifySm2 } from './sm2.ts'

const message = Buffer.from('message digest')
const pair = sm2KeyPair()

test('a signature of a message verifies, and of another message, key or identifier it does not', () => {
  const signature = signSm2(pair.privateKey, message)
  assert.equal(verifySm2(pair.publicKey, message, signature), true)
  assert.equal(verifySm2(pair.publicKey, Buffer.from('message digesT'), signature), false)
  assert.equal(verifySm2(sm2KeyPair().publicKey, message, signature), false)
  // OpenSSL's own Z is of an empty identifier.
  assert.equal(verifySm2(pair.publicKey, message, sign('sm3', message, pair.privateKey)), false)
})

test('two signatures of one message differ', () => {
  assert.notDeepEqual(signSm2(pair.privateKey, message), signSm2(pair.privateKey, message))
})

test('a signature whose DER is written otherwise, or whose numbers are out of range, does not verify', () => {
  const signature = signSm2(pair.privateKey, message)
  const rLength = signature[3] as number
  const r = signature.subarray(4, 4 + rLength)
  const s = signature.subarray(6 + rLength)
  assert.equal(verifySm2(pair.publicKey, message, sequence(integer(r), integer(s))), true)

  const n = Buffer.from('fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123', 'hex')
  const plusOrder = (number: Buffer) =>
    unsigned(BigInt(`0x${number.toString('hex')}`) + BigInt(`0x${n.toString('hex')}`))
  const zero = Buffer.from([0])
  const hostile = {
    nothing: Buffer.alloc(0),
    'a byte more': Buffer.concat([signature, zero]),
    'a byte less': signature.subarray(0, -1),
    'raw r and s': Buffer.concat([padded(r), padded(s)]),
    'a long length': Buffer.concat([
      Buffer.from([0x30, 0x81, signature[1] as number]),
      signature.subarray(2),
    ]),
    'a leading zero': sequence(integer(Buffer.concat([zero, zero, r])), integer(s)),
    'a third number': sequence(integer(r), integer(s), integer(s)),
    'a zero r': sequence(integer(zero), integer(s)),
    'a zero s': sequence(integer(r), integer(zero)),
    'r and the order': sequence(integer(plusOrder(r)), integer(s)),
    's and the order': sequence(integer(r), integer(plusOrder(s))),
    'the order itself': sequence(integer(unsigned(BigInt(`0x${n.toString('hex')}`))), integer(s)),
    'numbers in the other order': sequence(integer(s), integer(r)),
    's negated': sequence(
      integer(r),
      integer(unsigned(BigInt(`0x${n.toString('hex')}`) - BigInt(`0x${s.toString('hex')}`))),
    ),
  }
  for (const [what, changed] of Object.entries(hostile)) {
    assert.equal(verifySm2(pair.publicKey, message, changed), false, what)
  }
  for (let i = 0; i < signature.length; i++) {
    const changed = Buffer.from(signature)
    changed[i] = (changed[i] as number) ^ 1
    assert.equal(verifySm2(pair.publicKey, message, changed), false, `byte ${i}`)
  }
})

test('two sides agree, and on what OpenSSL computes from keys that it has just generated', () => {
  for (let i = 0; i < 20; i++) {
    const [own, peer] = [
      generateKeyPairSync('ec', { namedCurve: 'SM2' }),
      generateKeyPairSync('ec', { namedCurve: 'SM2' }),
    ]
    const native = diffieHellman({ privateKey: own.privateKey, publicKey: peer.publicKey })
    assert.deepEqual(agreeSm2(reread(own.privateKey).privateKey, spki(peer.publicKey)), native)
    assert.deepEqual(agreeSm2(reread(peer.privateKey).privateKey, spki(own.publicKey)), native)
  }
})

test('a peer key in compressed form gives the same secret', () => {
  const peer = spki(sm2KeyPair().publicKey)
  const isOdd = (peer.at(-1) as number) & 1
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a811ccf5501822d032200', 'hex'),
    Buffer.from([2 + isOdd]),
    peer.subarray(27, 59),
  ])
  assert.deepEqual(agreeSm2(pair.privateKey, compressed), agreeSm2(pair.privateKey, peer))
})

test('a peer key that is none, is of another curve, or is not on the curve gives no secret', () => {
  const peer = spki(sm2KeyPair().publicKey)
  const head = peer.subarray(0, 26)
  const ofP256 = spki(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey)
  const offCurve = Buffer.from(peer)
  offCurve[90] = (offCurve[90] as number) ^ 1
  const hostile = {
    nothing: Buffer.alloc(0),
    'a bare point': peer.subarray(26),
    'a point of P-256': Buffer.concat([head, ofP256.subarray(26)]),
    'P-256': ofP256,
    'a point off the curve': offCurve,
    'the point at infinity': Buffer.from('3019301306072a8648ce3d020106082a811ccf5501822d03020000', 'hex'),
    'coordinates of zero': Buffer.concat([head, Buffer.from([4]), Buffer.alloc(64)]),
    'an x beyond the field': Buffer.concat([head, Buffer.from([4]), Buffer.alloc(64, 0xff)]),
    'a byte more': Buffer.concat([peer, Buffer.from([0])]),
    'a byte less': peer.subarray(0, -1),
    'a private key': pair.privateKey.export({ type: 'pkcs8', format: 'der' }),
    Ed25519: spki(generateKeyPairSync('ed25519').publicKey),
    X25519: spki(generateKeyPairSync('x25519').publicKey),
    'a hybrid point': Buffer.concat([head, Buffer.from([6 + ((peer[90] as number) & 1)]), peer.subarray(27)]),
  }
  for (const [what, key] of Object.entries(hostile)) {
    assert.equal(agreeSm2(pair.privateKey, key), undefined, what)
  }
})

test('a key that was not read from its DER is refused: OpenSSL would make ECDSA signatures with it', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'SM2' })
  const ecdsa = createSign('sm3').update(message).sign(privateKey)
  assert.equal(createVerify('sm3').update(message).verify(publicKey, ecdsa), true)
  assert.equal(createVerify('sm3').update(message).verify(reread(privateKey).publicKey, ecdsa), false)

  assert.throws(() => signSm2(privateKey, message), TypeError)
  assert.throws(() => verifySm2(publicKey, message, ecdsa), TypeError)
  assert.throws(() => agreeSm2(privateKey, spki(publicKey)), TypeError)
})

function sm2KeyPair() {
  return reread(generateKeyPairSync('ec', { namedCurve: 'SM2' }).privateKey)
}

function reread(generated: KeyObject): { privateKey: KeyObject; publicKey: KeyObject } {
  const key = generated.export({ type: 'pkcs8', format: 'der' })
  const privateKey = createPrivateKey({ key, type: 'pkcs8', format: 'der' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function sequence(...items: Buffer[]): Buffer {
  const content = Buffer.concat(items)
  return Buffer.concat([Buffer.from([0x30, content.length]), content])
}

/** @param bytes of its content, whatever they are */
function integer(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x02, bytes.length]), bytes])
}

function unsigned(number: bigint): Buffer {
  const digits = number.toString(16)
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  return (bytes[0] as number) < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes])
}

function padded(number: Buffer): Buffer {
  return Buffer.from(
    BigInt(`0x${number.toString('hex')}`)
      .toString(16)
      .padStart(64, '0'),
    'hex',
  )
}
