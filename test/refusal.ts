import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { KMSServiceException } from '@aws-sdk/client-kms'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * The SDK's call is refused with this error name and text, with status 400 and a request id. The SDK shows an error without a
 * text as `UnknownError`; here that is ''.
 */
export async function assertRefused(
  call: Promise<unknown>,
  name: string | RegExp,
  message: string | RegExp,
): Promise<void> {
  let refusal: unknown
  try {
    await call
  } catch (error) {
    refusal = error
  }
  assert.ok(refusal !== undefined, `answered, where ${name} was expected`)
  assert.ok(refusal instanceof KMSServiceException, inspect(refusal))
  const text = refusal.message === 'UnknownError' ? '' : refusal.message
  if (typeof name === 'string') assert.equal(refusal.name, name, text)
  else assert.match(refusal.name, name)
  if (typeof message === 'string') assert.equal(text, message)
  else assert.ok(message.test(text), `${text.slice(0, 500)} does not match ${message}`)
  assert.equal(refusal.$metadata.httpStatusCode, 400)
  assert.equal(refusal.$fault, 'client')
  assert.match(refusal.$metadata.requestId ?? '', uuid)
}
