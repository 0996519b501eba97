import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kms } from '../../policy/analysis/vocabulary/kms.ts'
import { actions, familyOf, hasConditionKey, type KmsActionName } from './condition-keys.ts'
import { operationNames } from './operation-names.ts'
import { supportedOperations } from './service.ts'

/** One operation asks for two actions, neither of its own name. */
const actionsOf = (operation: string) =>
  operation === 'ReEncrypt' ? ['kms:ReEncryptFrom', 'kms:ReEncryptTo'] : [`kms:${operation}`]

test('each operation that AWS has is an action here, and there is no other', () => {
  assert.deepEqual(Object.keys(actions).toSorted(), operationNames.flatMap(actionsOf).toSorted())
})

test('each operation that is served has its condition keys', () => {
  for (const action of supportedOperations.flatMap(actionsOf)) {
    const { on, keys } = actions[action as KmsActionName]
    const onKey = on !== 'account'
    assert.equal(hasConditionKey(action as KmsActionName, 'kms:resourcealiases'), onKey, action)
    assert.equal(
      hasConditionKey(action as KmsActionName, 'aws:resourcetag/team'),
      onKey || action === 'kms:CreateKey',
    )
    if (onKey) for (const key of ['kms:calleraccount', 'kms:viaservice']) assert.ok(keys.has(key), action)
  }
})

test('every condition key that KMS has belongs to an action, and no action has another one', () => {
  const evaluated = (name: string) => familyOf(name.toLowerCase()) || name.toLowerCase()
  const known = new Set([
    ...Object.keys(kms.keys).map(evaluated),
    'aws:requesttag/',
    'aws:resourcetag/',
    'aws:tagkeys',
  ])
  const used = new Set(Object.values(actions).flatMap(({ keys }) => [...keys]))
  assert.deepEqual([...used].toSorted(), [...known].toSorted())
})

test('a family of condition keys is known by its beginning, and nothing else is', () => {
  const ofFamilies = Object.keys(kms.keys).filter((name) => familyOf(name.toLowerCase()) !== '')
  assert.deepEqual(ofFamilies, [
    'kms:EncryptionContext:${EncryptionContextKey}',
    'kms:RecipientAttestation:ImageSha384',
    'kms:RecipientAttestation:NitroTPMPCR${Index}',
    'kms:RecipientAttestation:PCR${Index}',
  ])
  assert.equal(familyOf('kms:encryptioncontext:purpose'), 'kms:encryptioncontext:')
  assert.equal(familyOf('aws:resourcetag/team'), 'aws:resourcetag/')
  assert.equal(familyOf('kms:calleraccount'), '')
  assert.ok(hasConditionKey('kms:Encrypt', 'kms:encryptioncontext:a:b'))
  assert.ok(!hasConditionKey('kms:DescribeKey', 'kms:encryptioncontext:a'))
  assert.ok(!hasConditionKey('kms:ListKeys', 'kms:calleraccount'))
  assert.ok(!hasConditionKey('kms:Encrypt', 'aws:requesttag/team'))
  assert.ok(!hasConditionKey('kms:Encrypt', 'kms:'))
  assert.ok(!hasConditionKey('kms:Encrypt', ''))
})

test('the deprecated names of a key spec and a key usage go wherever the names in force go', () => {
  for (const [action, { keys }] of Object.entries(actions)) {
    assert.equal(keys.has('kms:customermasterkeyspec'), keys.has('kms:keyspec'), action)
    assert.equal(keys.has('kms:customermasterkeyusage'), keys.has('kms:keyusage'), action)
  }
})
