import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KmsError } from './kms-error.ts'
import { parseKeyReference } from './key-reference.ts'

const scope = { accountId: '111122223333', region: 'us-east-1' }
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab'
const parse = (text: string, accepts: 'key' | 'key-or-alias' = 'key-or-alias') =>
  parseKeyReference(text, scope, accepts, 'InvalidArnException')

function refusal(text: string, accepts: 'key' | 'key-or-alias' = 'key-or-alias'): [string, string] {
  try {
    parse(text, accepts)
  } catch (error) {
    assert(error instanceof KmsError)
    return [error.code, error.message]
  }
  throw new assert.AssertionError({ message: `${text} was taken` })
}

test('a bare key id belongs to the caller, an ARN to the account that it names', () => {
  assert.deepEqual(parse(keyId), { form: 'key', ...scope, keyId })
  const multiRegion = `mrk-${'0a'.repeat(16)}`
  assert.deepEqual(parse(multiRegion), { form: 'key', ...scope, keyId: multiRegion })
  assert.deepEqual(parse(`arn:aws:kms:us-east-1:444455556666:key/${keyId}`), {
    form: 'key',
    accountId: '444455556666',
    region: 'us-east-1',
    keyId,
  })
})

test('aliases are taken by name and by ARN where the operation takes them', () => {
  assert.deepEqual(parse('alias/a/b_c-1'), { form: 'alias', ...scope, name: 'alias/a/b_c-1' })
  assert.deepEqual(parse('arn:aws:kms:us-east-1:444455556666:alias/x'), {
    form: 'alias',
    accountId: '444455556666',
    region: 'us-east-1',
    name: 'alias/x',
  })
  assert.deepEqual(refusal('alias/x', 'key'), ['NotFoundException', "Invalid keyId 'alias/x'"])
  assert.deepEqual(refusal('arn:aws:kms:us-east-1:444455556666:alias/x', 'key')[0], 'InvalidArnException')
})

test('what is no identifier is not found', () => {
  for (const text of [
    'x',
    'alias/',
    'ALIAS/x',
    'alias/a:b',
    keyId.toUpperCase(),
    `${keyId} `,
    'mrk-1',
    `key/${keyId}`,
  ]) {
    assert.deepEqual(refusal(text), ['NotFoundException', `Invalid keyId '${text}'`])
  }
})

test('an ARN of another Region or partition is not found here', () => {
  assert.deepEqual(refusal(`arn:aws:kms:eu-west-1:111122223333:key/${keyId}`), [
    'NotFoundException',
    'Invalid arn eu-west-1',
  ])
  assert.equal(refusal(`arn:aws-cn:kms:us-east-1:111122223333:key/${keyId}`)[0], 'NotFoundException')
})

test('an ARN that is not one of a key is refused by name', () => {
  for (const text of [
    'arn:aws:kms',
    `arn:aws:s3:us-east-1:111122223333:key/${keyId}`,
    `arn:aws:kms:us-east-1:1111:key/${keyId}`,
    `arn:aws:kms:us-east-1:111122223333:key/x`,
    `arn:aws:kms:us-east-1:111122223333:grant/${keyId}`,
  ]) {
    assert.deepEqual(refusal(text), ['InvalidArnException', `Invalid arn ${text}`])
  }
})
