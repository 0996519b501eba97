import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedPolicyError, requirePolicyDocument } from './document.ts'

const statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }
const refused = (text: string) => {
  assert.throws(() => {
    requirePolicyDocument(text)
  }, MalformedPolicyError)
}

test('a policy document with one statement or a list of them is taken', () => {
  requirePolicyDocument(JSON.stringify({ Version: '2012-10-17', Statement: statement }))
  requirePolicyDocument(JSON.stringify({ Version: '2008-10-17', Id: 'x', Statement: [statement, statement] }))
  // AWS takes statements without an action or a resource; they have no effect.
  requirePolicyDocument(JSON.stringify({ Statement: [{ Effect: 'Deny' }] }))
})

test('what is no JSON object with statements is refused', () => {
  for (const text of [
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '{}',
    '{"Statement":[1]}',
    '{"Statement":[[]]}',
    'x'.repeat(100),
  ]) {
    refused(text)
  }
  refused(JSON.stringify({ Version: '2013-10-17', Statement: statement }))
  refused(JSON.stringify({ Version: 2012, Statement: statement }))
  refused(JSON.stringify({ Statement: { ...statement, Effect: 'allow' } }))
  refused(JSON.stringify({ Statement: [statement, { ...statement, Effect: undefined }] }))
})

test('a name that stands twice is refused, however it is written', () => {
  refused('{"Statement":[{"Effect":"Deny","Effect":"Allow"}]}')
  refused('{"Statement":[{"Effect":"Deny","\\u0045ffect":"Allow"}]}')
})

test('a document nested more deeply than a policy can be is refused', () => {
  refused(`{"Statement":[{"Effect":"Allow","Condition":${'['.repeat(5000)}${']'.repeat(5000)}}]}`)
})
