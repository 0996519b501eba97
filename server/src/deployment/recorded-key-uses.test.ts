import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cloudTrailRecord, type RecordFacts } from '../audit/record.ts'
import { recordedUses } from './recorded-key-uses.ts'

const accountId = '111122223333'
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab'
const arnOf = (id: string) => `arn:aws:kms:eu-west-1:${accountId}:key/${id}`
const [one, other] = ['1'.repeat(64), '2'.repeat(64)]
const eventId = '0aa0b0c0-1111-4222-8333-444455556666'
const requestId = '0aa0b0c0-1111-4222-8333-777788889999'

function record(facts: Partial<RecordFacts> = {}): Buffer {
  return Buffer.from(
    cloudTrailRecord({
      clockMs: Date.parse('2026-11-20T10:00:00.900Z'),
      identity: { type: 'Root', principalId: accountId },
      service: 'kms',
      operation: 'Decrypt',
      region: 'eu-west-1',
      accountId,
      sourceIp: '192.0.2.7',
      userAgent: 'test',
      resources: [{ accountId, ARN: arnOf(keyId) }],
      requestId,
      eventId,
      readOnly: true,
      additional: { keyMaterialId: one },
      ...facts,
    }).record,
  )
}

const usedAtMs = Date.parse('2026-11-20T10:00:00Z')

test('a record of a cryptographic operation that succeeded tells key, material, time and ids', () => {
  assert.deepEqual(recordedUses(record()), {
    eventId,
    requestId,
    usedAtMs,
    uses: [{ key: { region: 'eu-west-1', keyId, materialId: one }, operation: 'Decrypt' }],
  })
  const signed = recordedUses(record({ operation: 'Sign', additional: undefined }))
  assert.deepEqual(signed?.uses, [
    { key: { region: 'eu-west-1', keyId, materialId: undefined }, operation: 'Sign' },
  ])
})

test('ReEncrypt tells of both keys, which may be one', () => {
  const additional = { sourceKeyMaterialId: one, destinationKeyMaterialId: other }
  const from = { region: 'eu-west-1', keyId, materialId: one }
  const both = recordedUses(
    record({
      operation: 'ReEncrypt',
      additional,
      resources: [
        { accountId, ARN: arnOf(keyId) },
        { accountId, ARN: arnOf('mrk-1') },
      ],
    }),
  )
  assert.deepEqual(both?.uses, [
    { key: from, operation: 'ReEncryptFrom' },
    { key: { ...from, keyId: 'mrk-1', materialId: other }, operation: 'ReEncryptTo' },
  ])
  assert.deepEqual(recordedUses(record({ operation: 'ReEncrypt', additional }))?.uses, [
    { key: from, operation: 'ReEncryptFrom' },
    { key: { ...from, materialId: other }, operation: 'ReEncryptTo' },
  ])
})

test('what failed, is no cryptographic operation, or was not asked for over the API tells of no use', () => {
  for (const facts of [
    { error: { code: 'AccessDenied', message: 'no' } },
    { operation: 'DescribeKey' },
    { operation: 'GenerateRandom', resources: undefined },
    { operation: 'GetPublicKey' },
    { service: 'sts' },
    { service: 'keywright' },
    { eventType: 'AwsServiceEvent' },
    // Only a text of the client's.
    { service: 'sts', requestParameters: { text: '"eventSource":"kms.amazonaws.com"' } },
  ] satisfies Partial<RecordFacts>[]) {
    assert.equal(recordedUses(record(facts)), undefined, JSON.stringify(facts))
  }
})

test('what was edited or damaged tells of no use, or of none of its material, and nothing is thrown', () => {
  const whole = JSON.parse(record().toString()) as Record<string, unknown>
  const edited: readonly [Record<string, unknown>, boolean][] = [
    [{ eventTime: 'yesterday' }, false],
    [{ eventTime: 7 }, false],
    [{ eventID: 'x'.repeat(100_000) }, false],
    [{ resources: null }, false],
    [{ resources: [null, 7, { ARN: 7 }] }, false],
    [{ resources: [{ ARN: 'arn:aws:kms:eu-west-1:1:alias/x' }] }, false],
    [{ resources: [{ ARN: `arn:aws:kms:eu-west-1:1:key/${'x'.repeat(65)}` }] }, false],
    [{ resources: [{ ARN: `arn:aws:kms:${'x'.repeat(40)}:1:key/a` }] }, false],
    [{ resources: [{ ARN: 'arn:aws:s3:::key/a' }] }, false],
    [{ errorCode: null }, false],
    [{ additionalEventData: { keyMaterialId: 'x'.repeat(64) } }, true],
    [{ additionalEventData: 'no object' }, true],
    [{ requestID: 7 }, true],
  ]
  for (const [change, isUse] of edited) {
    const found = recordedUses(Buffer.from(JSON.stringify({ ...whole, ...change })))
    assert.equal(found !== undefined, isUse, JSON.stringify(change).slice(0, 100))
    if ('additionalEventData' in change) assert.equal(found?.uses[0]?.key.materialId, undefined)
  }
  const bytes = record()
  for (let end = 0; end < bytes.length; end += 1)
    assert.equal(recordedUses(bytes.subarray(0, end)), undefined)
})
