import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { base64url } from 'jose'
import { heldClock } from '../testing/held-clock.ts'
import { createOidcKeys, OidcKeysError } from './oidc-keys.ts'
import type { OidcProvider } from './oidc-providers.ts'
import { readToken, verifyToken, WebIdentityError, type WebIdentity } from './oidc-tokens.ts'
import { oidcIssuer, signingKey, type OidcIssuer } from './testing/oidc-issuer.ts'

const claims = { sub: 'repo:example/app', aud: 'sts.amazonaws.com' }

async function rig(t: TestContext) {
  const idp = await oidcIssuer(t)
  const clock = heldClock()
  const keys = createOidcKeys({ egress: idp.egress, now: () => clock.now(), onFailure() {} })
  const provider: OidcProvider = {
    arn: 'arn:aws:iam::111122223333:oidc-provider/localhost',
    accountId: '111122223333',
    url: idp.issuer.slice('https://'.length),
    clientIds: ['sts.amazonaws.com', 'another-client'],
    thumbprints: [],
    tags: [],
    createdAtMs: 0,
  }
  return {
    idp,
    clock,
    provider,
    sign: (more: object = {}, how: Parameters<OidcIssuer['sign']>[1] = {}) =>
      idp.sign({ ...claims, ...more }, { nowMs: clock.now(), ...how }),
    verify: async (text: string): Promise<WebIdentity> =>
      verifyToken(readToken(text), provider, keys, clock.now()),
  }
}

async function refuses(
  verified: Promise<unknown>,
  reason: WebIdentityError['reason'],
  detail?: string,
): Promise<void> {
  await assert.rejects(verified, (error) => {
    assert.ok(error instanceof WebIdentityError, String(error))
    assert.equal(error.reason, reason)
    if (detail !== undefined) assert.equal(error.detail, detail)
    return true
  })
}

test('a token of each algorithm is verified with the key of its kind', async (t) => {
  const { idp, sign, verify } = await rig(t)
  for (const key of Object.values(idp.keys)) {
    const identity = await verify(await sign({}, { key }))
    assert.equal(identity.subject, claims.sub)
    assert.equal(identity.audience, claims.aud)
    assert.equal(identity.issuer, idp.issuer)
  }
  assert.deepEqual(idp.site.asked, ['/.well-known/openid-configuration', '/keys'])
})

test('a token without a signature, or with one that anybody can make, is refused', async (t) => {
  const { idp, sign, verify } = await rig(t)
  const [, payload = '', signature = ''] = (await sign()).split('.')
  const header = (fields: object) => base64url.encode(JSON.stringify(fields))
  for (const alg of [
    'none',
    'None',
    'NONE',
    '',
    'HS256',
    'HS384',
    'HS512',
    'RS1',
    'ES256K',
    'dir',
    undefined,
  ]) {
    const text = header({ alg, kid: 'ES256' })
    await refuses(verify(`${text}.${payload}.`), 'malformed')
    await refuses(verify(`${text}.${payload}.${signature}`), 'malformed')
  }
  // The public key as the secret of an HMAC.
  const start = `${header({ alg: 'HS256', kid: 'RS256' })}.${payload}`
  for (const format of ['pem', 'der'] as const) {
    const secret = idp.keys.RS256.publicKey.export({ type: 'spki', format })
    const mac = createHmac('sha256', secret).update(start).digest('base64url')
    await refuses(verify(`${start}.${mac}`), 'malformed')
  }
})

test('the algorithm must be that of the key, and the key the one that signed', async (t) => {
  const { idp, sign, verify } = await rig(t)
  await refuses(verify(await sign({}, { kid: 'RS256' })), 'signature')
  await refuses(verify(await sign({}, { kid: 'ES384' })), 'signature')
  const stranger = signingKey('ES256')
  await refuses(verify(await sign({}, { key: stranger })), 'signature')
  // A key that comes with the token, or is fetched from where the token says, is nobody's.
  const [, payload = ''] = (await sign()).split('.')
  const jwk = stranger.publicKey.export({ format: 'jwk' })
  for (const more of [{ jwk }, { jku: `${idp.issuer}/mine` }, { x5u: `${idp.issuer}/mine` }]) {
    const header = base64url.encode(JSON.stringify({ alg: 'ES256', kid: 'ES256', ...more }))
    const signature = signBytes('sha256', Buffer.from(`${header}.${payload}`), {
      key: stranger.privateKey,
      dsaEncoding: 'ieee-p1363',
    })
    await refuses(verify(`${header}.${payload}.${signature.toString('base64url')}`), 'signature')
  }
  assert.ok(!idp.site.asked.includes('/mine'))
})

test('games with the key id open nothing', async (t) => {
  const { idp, sign, verify } = await rig(t)
  for (const kid of ['', '../keys', "' or 1=1", '__proto__', 'constructor', `${idp.issuer}/keys`]) {
    await refuses(verify(await sign({}, { kid })), 'signature')
  }
})

test('a token without key id is verified where there is one key of its kind', async (t) => {
  const { idp, sign, verify } = await rig(t)
  idp.publish([idp.keys.ES256, idp.keys.RS256])
  assert.equal((await verify(await sign({}, { kid: null }))).subject, claims.sub)
})

test('symmetric keys and keys that are too short verify nothing, though an issuer publishes them', async (t) => {
  const { idp, sign, verify } = await rig(t)
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
  idp.publish([{ ...idp.keys.RS256, ...short }])
  const [, payload = ''] = (await sign()).split('.')
  const header = base64url.encode(JSON.stringify({ alg: 'RS256', kid: 'RS256' }))
  const signature = signBytes('sha256', Buffer.from(`${header}.${payload}`), short.privateKey)
  await refuses(verify(`${header}.${payload}.${signature.toString('base64url')}`), 'signature')
})

test('changed claims, and a part of another token, are refused', async (t) => {
  const { sign, verify } = await rig(t)
  const [header = '', payload = '', signature = ''] = (await sign()).split('.')
  const others = (await sign({ sub: 'repo:example/other' })).split('.')
  await refuses(verify(`${header}.${others[1] ?? ''}.${signature}`), 'signature')
  await refuses(verify(`${header}.${payload}.${others[2] ?? ''}`), 'signature')
  await refuses(verify(`${header}.${payload}.`), 'signature')
})

test('a token for another audience is refused before any key is asked for', async (t) => {
  const { idp, sign, verify } = await rig(t)
  for (const aud of ['other', 'STS.amazonaws.com', 'sts.amazonaws.com/', ['other'], '']) {
    await refuses(verify(await sign({ aud })), 'audience')
  }
  for (const aud of [undefined, [], 7, {}])
    await refuses(verify(await sign({ aud: aud as never })), 'claim', 'aud')
  await refuses(verify(await sign({ azp: 'other' })), 'audience')
  assert.deepEqual(idp.site.asked, [])
})

test('one of several audiences suffices; a token that says to whom it was issued is taken at its word', async (t) => {
  const { sign, verify } = await rig(t)
  assert.equal((await verify(await sign({ aud: ['x', 'another-client'] }))).audience, 'another-client')
  assert.equal((await verify(await sign({ aud: 'x', azp: 'another-client' }))).audience, 'another-client')
})

test("another issuer's token is refused, however alike its name is", async (t) => {
  const { idp, sign, verify } = await rig(t)
  const { issuer } = idp
  for (const iss of [
    `${issuer}/`,
    issuer.toUpperCase(),
    issuer.replace('https', 'http'),
    `${issuer}.evil.example`,
  ]) {
    await refuses(verify(await sign({ iss })), 'claim', 'iss')
  }
  assert.deepEqual(idp.site.asked, [])
})

test('a token works from its beginning to its end, with a minute for clocks that differ', async (t) => {
  const { clock, sign, verify } = await rig(t)
  const seconds = Math.floor(clock.now() / 1000)
  await refuses(verify(await sign({ exp: seconds - 60 })), 'expired', String(seconds - 60))
  assert.ok(await verify(await sign({ exp: seconds - 59 })))
  await refuses(verify(await sign({ nbf: seconds + 61 })), 'early')
  await refuses(verify(await sign({ iat: seconds + 61 })), 'early')
  assert.ok(await verify(await sign({ nbf: seconds + 59 })))
  for (const name of ['exp', 'iat']) {
    await refuses(verify(await sign({ [name]: undefined })), 'claim', name)
    await refuses(verify(await sign({ [name]: String(seconds + 100) as never })), 'claim', name)
  }
  for (const sub of [undefined, '', 7])
    await refuses(verify(await sign({ sub: sub as never })), 'claim', 'sub')
})

test('what is no token is refused, and quickly', async (t) => {
  const { sign, verify } = await rig(t)
  const good = await sign()
  const [header = '', payload = '', signature = ''] = good.split('.')
  const twice = base64url.encode(`{"sub":"a","sub":"b","iss":"https://x"}`)
  for (const text of [
    '',
    '..',
    'a.b.c',
    `${header}.${payload}`,
    `${good}.x`,
    `${header}=.${payload}.${signature}`,
    ` ${good}`,
    `${header}.${twice}.${signature}`,
    `${header}.${base64url.encode('[]')}.${signature}`,
    `${header}.${base64url.encode('['.repeat(5000))}.${signature}`,
    `${base64url.encode('{"alg":"ES256","alg":"none"}')}.${payload}.${signature}`,
    `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${signature}`,
    'a'.repeat(20_001),
  ]) {
    await refuses(verify(text), 'malformed')
  }
})

test('keys are asked for once, and again after ten minutes', async (t) => {
  const { clock, idp, sign, verify } = await rig(t)
  const text = () => sign()
  await Promise.all([verify(await text()), verify(await text()), verify(await text())])
  clock.advance(9 * 60_000)
  await verify(await text())
  assert.equal(idp.site.asked.length, 2)
  clock.advance(60_000)
  await verify(await text())
  assert.equal(idp.site.asked.length, 4)
})

test('a new key is known at once, and unknown key ids make nobody knock more than twice a minute', async (t) => {
  const { clock, idp, sign, verify } = await rig(t)
  await verify(await sign())
  clock.advance(31_000)
  const fresh = signingKey('ES256', 'fresh')
  idp.publish([fresh])
  assert.ok(await verify(await sign({}, { key: fresh })))
  assert.equal(idp.site.asked.length, 4)
  for (let i = 0; i < 20; i++) await refuses(verify(await sign({}, { kid: `unknown-${i}` })), 'signature')
  assert.equal(idp.site.asked.length, 4)
  clock.advance(31_000)
  await refuses(verify(await sign({}, { kid: 'unknown' })), 'signature')
  assert.equal(idp.site.asked.length, 6)
})

test('an issuer that is away is believed for an hour after it was asked, and asked at most twice a minute', async (t) => {
  const { clock, idp, sign, verify } = await rig(t)
  await verify(await sign())
  idp.pages.clear()
  clock.advance(59 * 60_000)
  assert.ok(await verify(await sign()))
  clock.advance(60_000)
  const gone = (error: unknown) => error instanceof OidcKeysError && error.reason === 'invalid'
  await assert.rejects(verify(await sign()), gone)
  const { length } = idp.site.asked
  for (let i = 0; i < 5; i++) await assert.rejects(verify(await sign()), gone)
  assert.ok(idp.site.asked.length <= length + 1)
  idp.publish([idp.keys.ES256])
  clock.advance(31_000)
  assert.ok(await verify(await sign()))
})

test('an issuer whose pages are not what they should be is refused', async (t) => {
  const { issuer } = await oidcIssuer(t)
  const bad: Record<string, (idp: OidcIssuer) => void> = {
    'another issuer': (idp) =>
      idp.pages.set('/.well-known/openid-configuration', { issuer, jwks_uri: `${idp.issuer}/keys` }),
    'no keys page': (idp) => idp.pages.set('/.well-known/openid-configuration', { issuer: idp.issuer }),
    'keys over HTTP': (idp) =>
      idp.pages.set('/.well-known/openid-configuration', {
        issuer: idp.issuer,
        jwks_uri: `${idp.issuer.replace('https', 'http')}/keys`,
      }),
    'no JSON': (idp) => idp.pages.set('/keys', '<html>'),
    'no list': (idp) => idp.pages.set('/keys', { keys: {} }),
    'too many keys': (idp) =>
      idp.pages.set('/keys', { keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) }),
    'too long': (idp) => idp.pages.set('/keys', { keys: [], padding: 'x'.repeat(300_000) }),
    'a name twice': (idp) => idp.pages.set('/keys', '{"keys":[],"keys":[]}'),
  }
  for (const [name, spoil] of Object.entries(bad)) {
    const { idp, sign, verify } = await rig(t)
    spoil(idp)
    await assert.rejects(verify(await sign()), (error) => {
      assert.ok(error instanceof OidcKeysError, `${name}: ${String(error)}`)
      assert.equal(error.reason, 'invalid', name)
      return true
    })
  }
})

test('keys at an address that may not be reached are as if nothing were there, and only the operator is told', async (t) => {
  const { idp, clock, provider, sign } = await rig(t)
  const told: unknown[] = []
  const keys = createOidcKeys({
    egress: idp.egress,
    now: () => clock.now(),
    onFailure: (issuer, { cause }) => told.push([issuer, (cause as Error).message]),
  })
  idp.pages.set('/.well-known/openid-configuration', {
    issuer: idp.issuer,
    jwks_uri: `https://127.0.0.1:${idp.site.port}/keys`,
  })
  const refusal = verifyToken(readToken(await sign()), provider, keys, clock.now())
  await assert.rejects(refusal, (error) => error instanceof OidcKeysError && error.reason === 'unreachable')
  assert.deepEqual(told, [
    [idp.issuer, 'The host is not one that outgoing connections may lead to (egressAllow)'],
  ])
})
