import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicy } from './document.ts'
import { findOverlyPermissiveCondition } from './permissive-conditions.ts'

function found(condition: object): string | undefined {
  const statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }
  const policy = { Statement: [statement, { ...statement, Condition: condition }] }
  return findOverlyPermissiveCondition(parsePolicy(JSON.stringify(policy), 'resource'))?.condition.key
}

test('ForAllValues with what the caller may leave out is found', () => {
  const context = 'kms:EncryptionContext:AppName'
  assert.equal(found({ 'ForAllValues:StringEquals': { [context]: 'x' } }), context)
  assert.equal(
    found({ 'ForAllValues:StringLikeIfExists': { 'AWS:requesttag/team': 'x' } }),
    'AWS:requesttag/team',
  )
})

test('keys with several values, and other operators, are not', () => {
  assert.equal(found({ 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': 'x' } }), undefined)
  assert.equal(found({ 'ForAllValues:StringEquals': { 'aws:TagKeys': 'x' } }), undefined)
  assert.equal(found({ 'ForAnyValue:StringEquals': { 'kms:EncryptionContext:AppName': 'x' } }), undefined)
  assert.equal(found({ StringEquals: { 'kms:EncryptionContext:AppName': 'x' } }), undefined)
})
