import assert from 'node:assert/strict'
import { test } from 'node:test'
import { banner } from './serve.ts'

const running = {
  url: 'http://127.0.0.1:5567',
  accountId: '000000000000',
  credentialsFile: '/srv/key wright/credentials',
}

test('the first printed line is stable, and the lines to try can be pasted into a shell', () => {
  const text = banner({ regions: ['eu-central-1', 'us-east-1'], devAuth: false }, running)
  const lines = text.split('\n')
  assert.equal(lines[0], 'Keywright is serving http://127.0.0.1:5567')
  assert.equal(lines[1], 'Credentials of the root user of account 000000000000: /srv/key wright/credentials')
  assert.ok(
    lines.includes(
      "  export AWS_SHARED_CREDENTIALS_FILE='/srv/key wright/credentials' AWS_DEFAULT_REGION=eu-central-1",
    ),
  )
  assert.match(text, /aws --endpoint-url http:\/\/127\.0\.0\.1:5567 kms create-key/)
  assert.ok(!text.includes('NOT verified'))
})

test('with a certificate authority of our own, it is said how to trust it', () => {
  const text = banner({ regions: ['us-east-1'], devAuth: false }, { ...running, caFile: '/srv/ca.pem' })
  assert.match(text, /AWS_CA_BUNDLE=\/srv\/ca\.pem/)
})

test('development mode says loudly that signatures are not verified', () => {
  assert.match(banner({ regions: ['us-east-1'], devAuth: true }, running), /signatures are NOT verified/)
})
