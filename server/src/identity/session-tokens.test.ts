import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemRandom } from '../crypto/random.ts'
import {
  accountOfTemporaryKeyId,
  createSessionTokens,
  SessionTokenError,
  type NewSession,
} from './session-tokens.ts'

const issuedAtMs = Date.UTC(2026, 10, 22, 12)
const expiresAtMs = issuedAtMs + 3_600_000

const session: NewSession = {
  accountId: '000111222333',
  principal: { kind: 'role', id: 'AROAEXAMPLEEXAMPLE222' },
  session: {
    issuedAtMs,
    expiresAtMs,
    mfaAtMs: undefined,
    role: { roleId: 'AROAEXAMPLEEXAMPLE222', sessionName: 'deploy' },
    parentAccessKeyId: undefined,
    tags: [{ key: 'team', value: 'Größe 🔑' }],
    transitiveTagKeys: ['team'],
    sourceIdentity: 'alice',
    chained: true,
    policy: '{"Version":"2012-10-17","Statement":[]}',
    policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    webIdentity: undefined,
    assumedBy: [],
    forwarded: undefined,
  },
}

function tokens(key = systemRandom.bytes(32)) {
  return createSessionTokens({ secretsKey: createSecretKey(key), random: systemRandom })
}

function refuses(work: () => unknown, reason: 'invalid' | 'expired'): void {
  assert.throws(work, (error) => error instanceof SessionTokenError && error.reason === reason)
}

test('what was issued opens on another node, with the same secret', () => {
  const key = systemRandom.bytes(32)
  const issued = tokens(key).issue(session)
  assert.match(issued.accessKeyId, /^ASIA[A-Z2-7]{16}$/)
  assert.match(issued.secretAccessKey, /^[A-Za-z0-9+/]{40}$/)
  assert.equal(issued.expiration.getTime(), expiresAtMs)

  const opened = tokens(key).open(issued.sessionToken, issued.accessKeyId, issuedAtMs)
  const { signingSecret, accessKeyId, ...rest } = opened
  assert.deepEqual(rest, JSON.parse(JSON.stringify(session)))
  assert.equal(accessKeyId, issued.accessKeyId)
  assert.equal(signingSecret.export().toString('latin1'), `AWS4${issued.secretAccessKey}`)
})

test('a token is opened once, and looked up after that', () => {
  const ours = tokens()
  const { sessionToken, accessKeyId } = ours.issue(session)
  const opened = ours.open(sessionToken, accessKeyId, issuedAtMs)
  assert.equal(ours.open(sessionToken, accessKeyId, issuedAtMs + 1000), opened)
})

test('a token ends at its time, also one that was opened before', () => {
  const ours = tokens()
  const { sessionToken, accessKeyId } = ours.issue(session)
  assert.ok(ours.open(sessionToken, accessKeyId, expiresAtMs - 1))
  refuses(() => ours.open(sessionToken, accessKeyId, expiresAtMs), 'expired')
  refuses(() => ours.open(sessionToken, accessKeyId, expiresAtMs + 1), 'expired')
})

test('a token belongs to its access key id, also once it was opened', () => {
  const ours = tokens()
  const { sessionToken, accessKeyId } = ours.issue(session)
  const other = ours.issue(session)
  refuses(() => ours.open(sessionToken, other.accessKeyId, issuedAtMs), 'invalid')
  assert.ok(ours.open(sessionToken, accessKeyId, issuedAtMs))
  refuses(() => ours.open(sessionToken, other.accessKeyId, issuedAtMs), 'invalid')
})

test("another deployment's token is refused", () => {
  const { sessionToken, accessKeyId } = tokens().issue(session)
  refuses(() => tokens().open(sessionToken, accessKeyId, issuedAtMs), 'invalid')
})

test('any changed byte of a token is refused', () => {
  const ours = tokens()
  const { sessionToken, accessKeyId } = ours.issue(session)
  const bytes = Buffer.from(sessionToken, 'base64')
  for (let at = 0; at < bytes.length; at++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(at) ^ mask, at)
      refuses(() => ours.open(changed.toString('base64'), accessKeyId, issuedAtMs), 'invalid')
    }
  }
})

test('any other text is refused, one that decodes to the same bytes included', () => {
  const ours = tokens()
  const { sessionToken, accessKeyId } = ours.issue(session)
  const others = [
    '',
    'AQ==',
    `${sessionToken} `,
    `\n${sessionToken}`,
    `${sessionToken}=`,
    `${sessionToken.slice(0, 40)}!${sessionToken.slice(40)}`,
    sessionToken.slice(0, -4),
    sessionToken.replaceAll('+', '-').replaceAll('/', '_') + (/[+/]/.test(sessionToken) ? '' : '-'),
    'A'.repeat(20_000),
  ]
  for (const text of others) refuses(() => ours.open(text, accessKeyId, issuedAtMs), 'invalid')
  fc.assert(
    fc.property(fc.base64String({ maxLength: 600 }), (text) => {
      refuses(() => ours.open(text, accessKeyId, issuedAtMs), 'invalid')
    }),
  )
})

test('two sessions of the same facts have nothing in common', () => {
  const ours = tokens()
  const [one, two] = [ours.issue(session), ours.issue(session)]
  assert.notEqual(one.accessKeyId, two.accessKeyId)
  assert.notEqual(one.secretAccessKey, two.secretAccessKey)
  assert.notEqual(one.sessionToken.slice(4, 40), two.sessionToken.slice(4, 40))
})

test('the token shows neither secret nor session, and is short', () => {
  const { sessionToken, secretAccessKey } = tokens().issue(session)
  const bytes = Buffer.from(sessionToken, 'base64')
  assert.ok(!bytes.includes(Buffer.from(secretAccessKey, 'base64')))
  assert.ok(!bytes.includes('alice') && !bytes.includes('000111222333'))
  assert.ok(sessionToken.length < 700, String(sessionToken.length))
})

test('a temporary access key id names its account', () => {
  const accounts = ['000000000000', '000111222333', '999999999999']
  for (const accountId of accounts) {
    const { accessKeyId } = tokens().issue({ ...session, accountId })
    assert.equal(accountOfTemporaryKeyId(accessKeyId), accountId)
  }
  for (const other of ['AKIAIOSFODNN7EXAMPLE', 'ASIA', 'ASIA7777777777777777', 'ASIAaaaaaaaaaaaaaaaa']) {
    assert.equal(accountOfTemporaryKeyId(other), undefined, other)
  }
})

test('more tokens than are kept open all the same', () => {
  const ours = tokens()
  const first = ours.issue(session)
  const opened = ours.open(first.sessionToken, first.accessKeyId, issuedAtMs)
  for (let i = 0; i < 16_400; i++) {
    const { sessionToken, accessKeyId } = ours.issue(session)
    ours.open(sessionToken, accessKeyId, issuedAtMs)
  }
  const again = ours.open(first.sessionToken, first.accessKeyId, issuedAtMs)
  assert.notEqual(again, opened)
  assert.deepEqual(again.session, opened.session)
})
