import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rootCaller } from '../../identity/caller.ts'
import { RequestBuckets } from './request-buckets.ts'
import { requestRates } from './request-rates.ts'
import { createRequestThrottle } from './request-throttle.ts'

const account = '111122223333'

function throttleWith(rates: Record<string, number>) {
  const time = { ms: 0 }
  const throttled: string[] = []
  const ratesOf = requestRates({ aws: false, own: [{ rates: new Map(Object.entries(rates)) }] })
  const buckets = new RequestBuckets({ ratesOf, now: () => time.ms })
  const throttle = createRequestThrottle({
    buckets,
    regions: new Set(['us-east-1', 'eu-west-1']),
    onThrottled: (name) => throttled.push(name),
  })
  const ask = (operation: string, request: object = {}, region = 'us-east-1', accountId = account) => {
    throttle(operation)({ ...request }, { caller: rootCaller(accountId, 'AKIAROOT', region), region })
  }
  return { time, throttled, buckets, ask }
}

const refused = {
  code: 'ThrottlingException',
  httpStatus: 400,
  message: 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
}

test('operations of one class share its quota, and those of others have theirs', () => {
  const { ask, throttled, time } = throttleWith({ 'Cryptographic.RSA': 2, 'Cryptographic.symmetric': 1 })
  ask('Sign', { SigningAlgorithm: 'RSASSA_PSS_SHA_256' })
  ask('Encrypt', { EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' })
  assert.throws(() => ask('Verify', { SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_512' }), refused)
  ask('Encrypt')
  assert.throws(() => ask('GenerateRandom', { NumberOfBytes: 1 }), refused)
  for (let n = 0; n < 100; n++) ask('Sign', { SigningAlgorithm: 'ECDSA_SHA_256' })
  assert.deepEqual(throttled, ['Cryptographic.RSA', 'Cryptographic.symmetric'])
  time.ms = 500
  ask('Verify', { SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_512' })
})

test("the caller's account and Region are what counts", () => {
  const { ask } = throttleWith({ DescribeKey: 1 })
  ask('DescribeKey')
  assert.throws(() => ask('DescribeKey'), refused)
  ask('DescribeKey', {}, 'eu-west-1')
  ask('DescribeKey', {}, 'us-east-1', '444455556666')
})

test('a request that counts twice takes nothing when one of the two has no room', () => {
  const { ask, throttled } = throttleWith({ ReplicateKey: 2, CreateKey: 3, UpdatePrimaryRegion: 1 })
  ask('ReplicateKey', { ReplicaRegion: 'eu-west-1' })
  assert.throws(() => ask('ReplicateKey', { ReplicaRegion: 'eu-west-1' }), refused)
  assert.deepEqual(throttled, ['CreateKey'])
  // Two of the three keys were for the replica, and the refused one took no token of ReplicateKey.
  ask('CreateKey', {}, 'eu-west-1')
  assert.throws(() => ask('CreateKey', {}, 'eu-west-1'), refused)
  for (let n = 0; n < 3; n++) ask('CreateKey')
  assert.throws(() => ask('CreateKey'), refused)
  ask('ReplicateKey', { ReplicaRegion: 'us-west-2' })
  assert.throws(() => ask('ReplicateKey', { ReplicaRegion: 'us-west-2' }), refused)

  ask('UpdatePrimaryRegion', { PrimaryRegion: 'eu-west-1' })
  assert.throws(() => ask('UpdatePrimaryRegion', { PrimaryRegion: 'us-east-1' }, 'eu-west-1'), refused)
})

test('no name of a Region that a request invents makes a bucket', () => {
  const { ask, buckets } = throttleWith({ ReplicateKey: 1e9, UpdatePrimaryRegion: 1e9 })
  for (let n = 0; n < 1000; n++) {
    ask('ReplicateKey', { ReplicaRegion: `xx-nowhere-${n}` })
    ask('UpdatePrimaryRegion', { PrimaryRegion: `xx-nowhere-${n}` })
  }
  assert.equal(buckets.size, 1)
})
