import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AwsError } from '../aws-error.ts'
import { errorResponse } from './error-body.ts'
import {
  incompleteSignature,
  internalError,
  invalidSignature,
  missingAuthenticationToken,
  recordableMessage,
  serializationError,
  unknownOperation,
  unrecognizedClient,
  validationError,
} from './errors.ts'

test('an error is written as AWS JSON 1.1 writes it', () => {
  assert.deepEqual(errorResponse(new AwsError('NotFoundException', "Invalid keyId 'x\"'"), 'id-1'), {
    status: 400,
    contentType: 'application/x-amz-json-1.1',
    requestId: 'id-1',
    body: '{"__type":"NotFoundException","message":"Invalid keyId \'x\\"\'"}',
  })
})

test('an error without a text has no message member', () => {
  assert.equal(
    errorResponse(new AwsError('InvalidCiphertextException', ''), 'id').body,
    '{"__type":"InvalidCiphertextException"}',
  )
})

test("our own faults are the server's and say nothing of their cause", () => {
  const { status, body } = errorResponse(internalError(), 'id')
  assert.equal(status, 500)
  assert.equal(
    body,
    '{"__type":"KMSInternalException","message":"The request was rejected because an internal exception occurred. ' +
      'The request can be retried."}',
  )
})

test('each error has its name in AWS', () => {
  const named: [AwsError, string, string][] = [
    [missingAuthenticationToken(), 'MissingAuthenticationTokenException', 'Missing Authentication Token'],
    [
      unrecognizedClient(),
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    ],
    [unknownOperation(), 'UnknownOperationException', ''],
    [serializationError(), 'SerializationException', ''],
    [validationError('v'), 'ValidationException', 'v'],
    [incompleteSignature('i'), 'IncompleteSignatureException', 'i'],
    [invalidSignature('s'), 'InvalidSignatureException', 's'],
  ]
  for (const [error, code, message] of named) {
    assert.equal(error.code, code)
    assert.equal(error.message, message)
    assert.equal(error.httpStatus, 400)
  }
})

test('what repeats the credentials of a request is for its client alone', () => {
  assert.equal(recordableMessage(invalidSignature('s')), '')
  assert.equal(recordableMessage(incompleteSignature('i')), '')
  assert.equal(recordableMessage(validationError('v')), 'v')
})
