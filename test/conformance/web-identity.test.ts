import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { STS } from '@aws-sdk/client-sts'
import { oidcIssuer, type OidcIssuer } from '../../server/src/identity/testing/oidc-issuer.ts'
import { assertRefusedWith, iamClient, policyOf, sessionCredentials, stsClient } from '../identity-clients.ts'
import { journalOf } from '../journal-of.ts'
import { startServer, type ServerProcess } from '../server-process.ts'

const ACCOUNT = '111122223333'
const RoleArn = `arn:aws:iam::${ACCOUNT}:role/pod`
const subject = 'system:serviceaccount:prod:app'
const audience = 'sts.amazonaws.com'

describe('roles for whoever shows a web identity token', () => {
  let server: ServerProcess
  let idp: OidcIssuer
  let providerArn: string
  const cleanUps: (() => unknown)[] = []

  before(async () => {
    idp = await oidcIssuer({ after: (cleanUp) => cleanUps.push(cleanUp) })
    server = await startServer({
      env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT },
      args: ['--egress-allow', 'localhost', '--egress-ca-file', idp.site.caFile],
    })
    const iam = iamClient(server)
    const created = await iam.createOpenIDConnectProvider({ Url: idp.issuer, ClientIDList: [audience] })
    providerArn = created.OpenIDConnectProviderArn ?? ''
    const url = idp.issuer.slice('https://'.length)
    await iam.createRole({
      RoleName: 'pod',
      AssumeRolePolicyDocument: JSON.stringify(
        policyOf({
          Effect: 'Allow',
          Principal: { Federated: providerArn },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: { StringEquals: { [`${url}:aud`]: audience, [`${url}:sub`]: subject } },
        }),
      ),
    })
  })
  after(async () => {
    await server.stop()
    for (const cleanUp of cleanUps) cleanUp()
  })

  /** The operation takes no credentials. */
  const assume = (WebIdentityToken: string, more: object = {}) =>
    new STS({ endpoint: server.url, region: 'us-east-1', maxAttempts: 1 }).assumeRoleWithWebIdentity({
      RoleArn,
      RoleSessionName: 'app-1',
      WebIdentityToken,
      ...more,
    })
  const sign = (claims: object = {}) => idp.sign({ sub: subject, aud: audience, ...claims })

  test('a token of the issuer gives a session of the role, without any other credentials', async () => {
    const assumed = await assume(await sign())
    assert.equal(assumed.SubjectFromWebIdentityToken, subject)
    assert.equal(assumed.Audience, audience)
    assert.equal(assumed.Provider, providerArn)
    const { Arn } = await stsClient(server, sessionCredentials(assumed.Credentials)).getCallerIdentity({})
    assert.equal(Arn, `arn:aws:sts::${ACCOUNT}:assumed-role/pod/app-1`)
  })

  test('the journal says who it was, and nothing of the token or the credentials', async () => {
    const token = await sign()
    const { Credentials: issued } = await assume(token)
    const { secretAccessKey, sessionToken } = sessionCredentials(issued)
    const { text, records } = await journalOf(server)
    const record = records.findLast(({ eventName }) => eventName === 'AssumeRoleWithWebIdentity')
    assert.deepEqual(record?.userIdentity, {
      type: 'WebIdentityUser',
      principalId: `${providerArn}:${audience}:${subject}`,
      userName: subject,
      identityProvider: providerArn,
    })
    for (const secret of [token, secretAccessKey, sessionToken]) assert.ok(!text.includes(secret))
  })

  test('who is known and not trusted is refused and recorded; who is not known is not recorded', async () => {
    const recorded = async () =>
      (await journalOf(server)).records.filter(({ eventName }) => eventName === 'AssumeRoleWithWebIdentity')
        .length
    const before = await recorded()
    await assertRefusedWith(
      assume(await sign({ sub: 'somebody else' })),
      'AccessDenied',
      403,
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    )
    assert.equal(await recorded(), before + 1)
    await assertRefusedWith(assume('a.b.c'), 'InvalidIdentityToken', 400)
    await assertRefusedWith(
      assume(await sign({ aud: 'other' })),
      'InvalidIdentityToken',
      400,
      'Incorrect token audience',
    )
    await assertRefusedWith(
      assume(await sign({ exp: 1 })),
      'ExpiredTokenException',
      400,
      /^Token expired: current date\/time \d+/,
    )
    assert.equal(await recorded(), before + 1)
  })

  test('a token that is not signed by the issuer opens nothing', async () => {
    const [header = '', payload = '', signature = ''] = (await sign()).split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const text of [`${none}.${payload}.`, `${header}.${payload}.`, `${none}.${payload}.${signature}`]) {
      await assertRefusedWith(assume(text), 'InvalidIdentityToken', 400)
    }
  })

  test('an issuer that nobody registered is not asked', async (t) => {
    const stranger = await oidcIssuer(t)
    const token = await stranger.sign({ sub: subject, aud: audience })
    await assertRefusedWith(
      assume(token),
      'InvalidIdentityToken',
      400,
      `No OpenIDConnect provider found in your account for ${stranger.issuer}`,
    )
    assert.deepEqual(stranger.site.asked, [])
  })

  test('an issuer at an address that the operator does not list is not reached', async (t) => {
    const closed = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
    t.after(() => closed.stop())
    const iam = iamClient(closed)
    await iam.createOpenIDConnectProvider({ Url: idp.issuer, ClientIDList: [audience] })
    const asked = idp.site.asked.length
    const sts = new STS({ endpoint: closed.url, region: 'us-east-1', maxAttempts: 1 })
    const request = { RoleArn, RoleSessionName: 'app-1', WebIdentityToken: await sign() }
    await assertRefusedWith(sts.assumeRoleWithWebIdentity(request), 'IDPCommunicationError', 400)
    assert.equal(idp.site.asked.length, asked)
    await closed.logged(/egressAllow/)
  })

  test('providers are made, shown, changed, tagged and deleted', async () => {
    const iam = iamClient(server)
    const Url = 'https://idp.example.com/realms/one'
    const print = 'AB'.repeat(20)
    const { OpenIDConnectProviderArn } = await iam.createOpenIDConnectProvider({
      Url,
      ClientIDList: ['one'],
      ThumbprintList: [print],
      Tags: [{ Key: 'team', Value: 'blue' }],
    })
    assert.equal(OpenIDConnectProviderArn, `arn:aws:iam::${ACCOUNT}:oidc-provider/idp.example.com/realms/one`)
    await assertRefusedWith(
      iam.createOpenIDConnectProvider({ Url }),
      'EntityAlreadyExists',
      409,
      `Provider with url ${Url} already exists.`,
    )
    const { OpenIDConnectProviderList: all } = await iam.listOpenIDConnectProviders({})
    assert.ok(all?.some(({ Arn }) => Arn === OpenIDConnectProviderArn))

    await iam.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID: 'two' })
    await iam.removeClientIDFromOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID: 'one' })
    const other = 'CD'.repeat(20)
    await iam.updateOpenIDConnectProviderThumbprint({ OpenIDConnectProviderArn, ThumbprintList: [other] })
    await iam.tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags: [{ Key: 'TEAM', Value: 'red' }] })
    const shown = await iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn })
    assert.equal(shown.Url, 'idp.example.com/realms/one')
    assert.deepEqual(shown.ClientIDList, ['two'])
    assert.deepEqual(shown.ThumbprintList, [other.toLowerCase()])
    assert.ok(shown.CreateDate)
    await iam.untagOpenIDConnectProvider({ OpenIDConnectProviderArn, TagKeys: ['team'] })
    const { Tags } = await iam.listOpenIDConnectProviderTags({ OpenIDConnectProviderArn })
    assert.deepEqual(Tags ?? [], [])

    await iam.deleteOpenIDConnectProvider({ OpenIDConnectProviderArn })
    await assertRefusedWith(
      iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn }),
      'NoSuchEntity',
      404,
      `OpenIDConnect Provider not found for arn ${OpenIDConnectProviderArn}`,
    )
    for (const bad of [
      'http://idp.example.com',
      'idp.example.com',
      'https://idp.example.com?a=b',
      'https://u@idp.example.com',
      'https://',
    ]) {
      await assertRefusedWith(
        iam.createOpenIDConnectProvider({ Url: bad }),
        'ValidationError',
        400,
        'Invalid Open ID Connect Provider URL',
      )
    }
    await assertRefusedWith(
      iam.createOpenIDConnectProvider({ Url: 'https://other.example.com', ThumbprintList: ['x'.repeat(40)] }),
      'InvalidInput',
      400,
    )
  })
})
