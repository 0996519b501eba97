import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { AwsError } from '../../aws-error.ts'
import { anonymous } from '../../identity/anonymous.ts'
import { oidcIssuer, signingKey } from '../../identity/testing/oidc-issuer.ts'
import { stsRig, type StsAnswer } from './testing/sts-rig.ts'

const subject = 'system:serviceaccount:prod:app'
const audience = 'sts.amazonaws.com'

async function refuses(work: Promise<unknown>, code: string, text?: string | RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof AwsError, String(error))
    assert.equal(error.code, code, error.message)
    if (typeof text === 'string') assert.equal(error.message, text)
    if (text instanceof RegExp) assert.match(error.message, text)
    return true
  })
}

async function rigWithProvider(t: TestContext, conditions?: object) {
  const idp = await oidcIssuer(t)
  const rig = await stsRig(t, idp.egress)
  const { oidcProviders } = rig.opened
  const { accountId } = rig
  const url = idp.issuer.slice('https://'.length)
  const providerArn = `arn:aws:iam::${accountId}:oidc-provider/${url}`
  await rig.change((tx) =>
    oidcProviders.create(tx, {
      arn: providerArn,
      accountId,
      url,
      clientIds: [audience, 'second-client'],
      thumbprints: [],
      tags: [],
    }),
  )
  const trust = (Condition: object | undefined, Action: readonly string[]) => ({
    Effect: 'Allow',
    Principal: { Federated: providerArn },
    Action,
    ...(Condition && { Condition }),
  })
  const standard = { StringEquals: { [`${url}:aud`]: audience, [`${url}:sub`]: subject } }
  const role = await rig.role('pod', [
    trust(conditions ?? standard, [
      'sts:AssumeRoleWithWebIdentity',
      'sts:TagSession',
      'sts:SetSourceIdentity',
    ]),
  ])
  const sign = (more: object = {}, how: object = {}) =>
    idp.sign({ sub: subject, aud: audience, ...more }, { nowMs: rig.clock.now(), ...how })
  const assume = (WebIdentityToken: string, more: object = {}): Promise<StsAnswer> =>
    rig.call(anonymous, 'AssumeRoleWithWebIdentity', {
      RoleArn: `arn:aws:iam::${accountId}:role/pod`,
      RoleSessionName: 'app-1',
      WebIdentityToken,
      ...more,
    })
  return { rig, idp, url, providerArn, role, trust, sign, assume }
}

test('whoever shows a token that the role trusts has a session of it', async (t) => {
  const { rig, providerArn, role, sign, assume } = await rigWithProvider(t)
  const assumed = await assume(await sign())
  const { Credentials: _secret, ...answer } = assumed.answer
  assert.deepEqual(answer, {
    AssumedRoleUser: {
      AssumedRoleId: `${role.principalId}:app-1`,
      Arn: `arn:aws:sts::${rig.accountId}:assumed-role/pod/app-1`,
    },
    SubjectFromWebIdentityToken: subject,
    Provider: providerArn,
    Audience: audience,
  })
  assert.deepEqual(assumed.identity, {
    type: 'WebIdentityUser',
    accountId: rig.accountId,
    arn: providerArn,
    principalId: `${providerArn}:${audience}:${subject}`,
    accessKeyId: '',
    userName: subject,
  })
  const holder = await rig.holderOf(assumed)
  assert.equal(holder.caller.arn, `arn:aws:sts::${rig.accountId}:assumed-role/pod/app-1`)
  assert.equal(holder.context.get('aws:federatedprovider'), providerArn)
  assert.deepEqual(holder.caller.session?.webIdentity, { providerArn, subject, audience })
})

test('who has a good token and is not trusted is refused, and is known', async (t) => {
  const { sign, assume } = await rigWithProvider(t)
  const text = 'Not authorized to perform sts:AssumeRoleWithWebIdentity'
  await refuses(assume(await sign({ sub: 'system:serviceaccount:dev:app' })), 'AccessDenied', text)
  await refuses(assume(await sign({ aud: 'second-client' })), 'AccessDenied', text)
  const RoleArn = 'arn:aws:iam::000000000000:role/no-such-role'
  await refuses(assume(await sign(), { RoleArn }), 'AccessDenied', text)
})

test('a role that trusts everybody by AWS principals does not trust a token', async (t) => {
  const { rig, sign, assume } = await rigWithProvider(t)
  await rig.user('alice')
  const Principal = { AWS: `arn:aws:iam::${rig.accountId}:root` }
  await rig.role('ours', [{ Effect: 'Allow', Principal, Action: 'sts:*' }])
  const RoleArn = `arn:aws:iam::${rig.accountId}:role/ours`
  await refuses(assume(await sign(), { RoleArn }), 'AccessDenied')
})

test('methods of authentication and the audience behind the client are condition keys', async (t) => {
  const conditions = (url: string) => ({
    'ForAnyValue:StringEquals': { [`${url}:amr`]: 'hwk' },
    StringEquals: { [`${url}:oaud`]: 'the-api', [`${url}:aud`]: 'second-client' },
  })
  const { rig, url, trust, sign, assume } = await rigWithProvider(t)
  await rig.role('strong', [trust(conditions(url), ['sts:AssumeRoleWithWebIdentity'])])
  const RoleArn = `arn:aws:iam::${rig.accountId}:role/strong`
  const claims = { aud: 'the-api', azp: 'second-client' }
  assert.ok(await assume(await sign({ ...claims, amr: ['pwd', 'hwk'] }), { RoleArn }))
  await refuses(assume(await sign({ ...claims, amr: ['pwd'] }), { RoleArn }), 'AccessDenied')
  await refuses(assume(await sign(claims), { RoleArn }), 'AccessDenied')
})

test('each way in which a token is wrong has its error', async (t) => {
  const { rig, idp, sign, assume } = await rigWithProvider(t)
  const seconds = Math.floor(rig.clock.now() / 1000)
  await refuses(assume('x.y.z'), 'InvalidIdentityToken', /not a valid JWT/)
  await refuses(assume(await sign({ aud: 'other' })), 'InvalidIdentityToken', 'Incorrect token audience')
  await refuses(
    assume(await sign({ sub: undefined })),
    'InvalidIdentityToken',
    'Missing a required claim: sub',
  )
  await refuses(
    assume(await sign({ exp: seconds - 100 })),
    'ExpiredTokenException',
    `Token expired: current date/time ${seconds} must be before the expiration date/time ${seconds - 100}`,
  )
  await refuses(assume(await sign({}, { key: signingKey('ES256') })), 'InvalidIdentityToken')
  await refuses(assume(await sign(), { ProviderId: 'www.amazon.com' }), 'ValidationError')
  idp.pages.clear()
  rig.clock.advance(61 * 60_000)
  await refuses(
    assume(await sign()),
    'InvalidIdentityToken',
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
  )
})

test('an issuer that cannot be reached is told apart, so clients try again', async (t) => {
  const { rig, sign, assume, idp } = await rigWithProvider(t)
  idp.site.answer = (request) => request.socket.destroy()
  await refuses(assume(await sign()), 'IDPCommunicationError')
  assert.equal(rig.accountId.length, 12)
})

test('nothing is fetched for an issuer that the account has not registered', async (t) => {
  const { rig, idp, sign, assume } = await rigWithProvider(t)
  const stranger = await oidcIssuer(t)
  const text = await stranger.sign({ sub: subject, aud: audience }, { nowMs: rig.clock.now() })
  const none = `No OpenIDConnect provider found in your account for ${stranger.issuer}`
  await refuses(assume(text), 'InvalidIdentityToken', none)
  // Another account's provider is not this one's.
  await rig.account('444455556666')
  const RoleArn = 'arn:aws:iam::444455556666:role/pod'
  await refuses(assume(await sign(), { RoleArn }), 'InvalidIdentityToken', /^No OpenIDConnect provider found/)
  assert.deepEqual(stranger.site.asked, [])
  assert.deepEqual(idp.site.asked, [])
})

test('a provider that was deleted is trusted no more', async (t) => {
  const { rig, providerArn, sign, assume } = await rigWithProvider(t)
  assert.ok(await assume(await sign()))
  const { oidcProviders } = rig.opened
  await rig.change(async (tx) => {
    const stored = await oidcProviders.read(tx.db, providerArn)
    assert.ok(stored)
    await oidcProviders.remove(tx, stored)
  })
  await refuses(assume(await sign()), 'InvalidIdentityToken')
})

test('an issuer can set session tags and the source identity, when the role lets it', async (t) => {
  const { rig, trust, sign, assume } = await rigWithProvider(t)
  const claims = {
    'https://aws.amazon.com/tags': {
      principal_tags: { team: ['blue'], stage: 'test' },
      transitive_tag_keys: ['team'],
    },
    'https://aws.amazon.com/source_identity': 'alice',
  }
  const holder = await rig.holderOf(await assume(await sign(claims)))
  assert.equal(holder.context.get('aws:principaltag/team'), 'blue')
  assert.equal(holder.context.get('aws:principaltag/stage'), 'test')
  assert.equal(holder.context.get('aws:sourceidentity'), 'alice')
  assert.deepEqual(holder.caller.session?.transitiveTagKeys, ['team'])

  await rig.role('plain', [trust(undefined, ['sts:AssumeRoleWithWebIdentity'])])
  const RoleArn = `arn:aws:iam::${rig.accountId}:role/plain`
  assert.ok(await assume(await sign(), { RoleArn }))
  await refuses(assume(await sign(claims), { RoleArn }), 'AccessDenied', /sts:TagSession/)

  for (const wrong of [
    { 'https://aws.amazon.com/tags': 'blue' },
    { 'https://aws.amazon.com/tags': { principal_tags: { team: ['a', 'b'] } } },
    { 'https://aws.amazon.com/tags': { principal_tags: { 'te<am': ['a'] } } },
    { 'https://aws.amazon.com/tags': { transitive_tag_keys: 'team' } },
    { 'https://aws.amazon.com/source_identity': 'a' },
    { 'https://aws.amazon.com/source_identity': 'aws:alice' },
  ]) {
    await refuses(assume(await sign(wrong)), 'IDPRejectedClaim')
  }
})

test('a token lets in again as long as it is good, and the session lasts as long as the role allows', async (t) => {
  const { rig, sign, assume } = await rigWithProvider(t)
  const text = await sign()
  const [one, two] = [await assume(text), await assume(text)]
  assert.notEqual(one.answer.Credentials.SessionToken, two.answer.Credentials.SessionToken)
  await refuses(assume(text, { DurationSeconds: 7200 }), 'ValidationError', /MaxSessionDuration/)
  assert.ok(await assume(text, { DurationSeconds: 900 }))
  rig.clock.advance(3_700_000)
  await refuses(assume(text), 'ExpiredTokenException')
})
