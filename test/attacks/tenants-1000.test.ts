import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { iamClient, newUser, policyOf, stsClient, type AnyCredentials } from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { signedRequest } from '../signed-request.ts'

const TENANTS = 1000
const SECRET = Buffer.from('what only its tenant may read').toString('base64')
const ACCOUNT = '111122223333'

interface Answer {
  readonly status: number
  readonly body: Record<string, string> & { readonly __type?: string }
}

type Call = (operation: string, body: object, region?: string) => Promise<Answer>

/** The way of an SDK without its cost: thousands of requests over a few connections. */
function caller(server: ServerProcess, agent: Agent, credentials: AnyCredentials): Call {
  return (operation, body, region = 'us-east-1') =>
    new Promise((resolve, reject) => {
      const { sessionToken } = credentials
      const signed = signedRequest(server, {
        operation,
        body,
        region,
        credentials,
        ...(sessionToken !== undefined && { sessionToken }),
      })
      const request = httpRequest(
        signed.url,
        { method: 'POST', headers: signed.headers, agent },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (piece: string) => (text += piece))
          answer.on('end', () => {
            resolve({
              status: answer.statusCode ?? 0,
              body: (text === '' ? {} : JSON.parse(text)) as Answer['body'],
            })
          })
        },
      )
      request.on('error', reject)
      request.end(signed.body)
    })
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

function answered({ status, body }: Answer): Answer['body'] {
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

const use = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey']

interface Tenant {
  readonly name: string
  readonly call: Call
  readonly keyId: string
  readonly keyArn: string
  /** Sealed under its own key, and under the key that all share. */
  readonly own: string
  readonly shared: string
}

describe('a thousand tenants in one account', () => {
  let server: ServerProcess
  let sharedKey: { id: string; arn: string }
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const tenants: Tenant[] = []
  const roleArn = `arn:aws:iam::${ACCOUNT}:role/tenant`

  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
    const iam = iamClient(server)
    const administrator = await newUser(
      iam,
      'administrator',
      policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }),
    )
    const broker = stsClient(server, await newUser(iam, 'broker'))
    await iam.createRole({
      RoleName: 'tenant',
      AssumeRolePolicyDocument: JSON.stringify(
        policyOf({
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/broker` },
          Action: ['sts:AssumeRole', 'sts:TagSession'],
        }),
      ),
    })
    // As generous as a careless administrator: the key policies alone keep tenants apart.
    await iam.putRolePolicy({
      RoleName: 'tenant',
      PolicyName: 'everything',
      PolicyDocument: JSON.stringify(
        policyOf({ Effect: 'Allow', Action: ['kms:*', 'sts:*'], Resource: '*' }),
      ),
    })
    const keyPolicy = (condition: object) =>
      JSON.stringify(
        policyOf(
          {
            Effect: 'Allow',
            Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/administrator` },
            Action: 'kms:*',
            Resource: '*',
          },
          {
            Effect: 'Allow',
            Principal: { AWS: roleArn },
            Action: use,
            Resource: '*',
            Condition: { StringEquals: condition },
          },
        ),
      )
    const administer = caller(server, agent, administrator)
    const kms = kmsClient(server, { credentials: administrator })
    sharedKey = await newKey(kms, {
      Policy: keyPolicy({ 'kms:EncryptionContext:tenant': '${aws:PrincipalTag/tenant}' }),
    })
    await inParallel(
      Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`),
      async (name) => {
        const assumed = await broker.assumeRole({
          RoleArn: roleArn,
          RoleSessionName: name,
          Tags: [{ Key: 'tenant', Value: name }],
        })
        const { AccessKeyId, SecretAccessKey, SessionToken } = assumed.Credentials ?? {}
        assert.ok(AccessKeyId && SecretAccessKey && SessionToken)
        const call = caller(server, agent, {
          accessKeyId: AccessKeyId,
          secretAccessKey: SecretAccessKey,
          sessionToken: SessionToken,
        })
        const made = answered(
          await administer('CreateKey', { Policy: keyPolicy({ 'aws:PrincipalTag/tenant': name }) }),
        )
        const { KeyId: keyId, Arn: keyArn } = made['KeyMetadata'] as unknown as { KeyId: string; Arn: string }
        const seal = async (key: string) =>
          answered(
            await call('Encrypt', { KeyId: key, Plaintext: SECRET, EncryptionContext: { tenant: name } }),
          )['CiphertextBlob'] ?? ''
        tenants.push({ name, call, keyId, keyArn, own: await seal(keyId), shared: await seal(sharedKey.id) })
      },
    )
  })
  after(async () => {
    agent.destroy()
    await server.stop()
  })

  const other = (index: number, step: number) => tenants[(index + step) % TENANTS] as Tenant
  const refused = (answer: Answer, what: string) => {
    assert.ok(answer.status >= 400, `${what}: ${JSON.stringify(answer.body)}`)
    assert.ok(!JSON.stringify(answer.body).includes(SECRET), what)
  }

  test('each reads its own and nobody else’s, in its own key and in the one that they share', async () => {
    assert.equal(tenants.length, TENANTS)
    await inParallel([...tenants.entries()], async ([i, tenant]) => {
      const victim = other(i, 1 + (i % 7))
      const EncryptionContext = { tenant: tenant.name }
      for (const CiphertextBlob of [tenant.own, tenant.shared]) {
        const opened = answered(await tenant.call('Decrypt', { CiphertextBlob, EncryptionContext }))
        assert.equal(opened['Plaintext'], SECRET)
      }
      for (const CiphertextBlob of [victim.own, victim.shared]) {
        for (const context of [EncryptionContext, { tenant: victim.name }]) {
          refused(await tenant.call('Decrypt', { CiphertextBlob, EncryptionContext: context }), victim.name)
        }
      }
    })
  })

  test('no variant of the encryption context, of its name or of its value opens another’s data', async () => {
    await inParallel([...tenants.entries()].slice(0, 20), async ([i, tenant]) => {
      const victim = other(i, 13)
      const mine = tenant.name
      const theirs = victim.name
      const contexts: object[] = [
        {},
        { Tenant: mine, tenant: theirs },
        { tenant: theirs, TENANT: mine },
        { Tenant: theirs },
        { 'tenant ': mine, tenant: theirs },
        { tenant: `${theirs}\0${mine}` },
        { 'tenant\0': mine, tenant: theirs },
        { tenant: theirs, 'tenan\uff54': mine },
        { tenant: `${theirs}\u200b` },
        { tenant: theirs.replace('t', '\uff54') },
        { tenant: theirs.normalize('NFD'), 'te\u0301nant': mine },
        { tenant: '${aws:PrincipalTag/tenant}' },
        { tenant: '*' },
        { tenant: 'tenant-?' },
        { tenant: mine, 'kms:EncryptionContext:tenant': theirs },
        { tenant: theirs, 'aws:PrincipalTag/tenant': theirs },
        { '\u212aey': mine, tenant: theirs },
      ]
      for (const EncryptionContext of contexts) {
        const what = JSON.stringify(EncryptionContext)
        for (const CiphertextBlob of [victim.shared, victim.own]) {
          refused(await tenant.call('Decrypt', { CiphertextBlob, EncryptionContext }), what)
        }
        // Nothing can be sealed in another's name either.
        const sealed = await tenant.call('Encrypt', {
          KeyId: sharedKey.id,
          Plaintext: 'eA==',
          EncryptionContext,
        })
        if ((EncryptionContext as { tenant?: string }).tenant !== mine) refused(sealed, what)
      }
      // Two names that differ only in case satisfy nothing, though one of them is right.
      refused(
        await tenant.call('Encrypt', {
          KeyId: sharedKey.id,
          Plaintext: 'eA==',
          EncryptionContext: { tenant: mine, Tenant: mine },
        }),
        'two names',
      )
    })
  })

  test('no operation reaches another’s key, however it is named', async () => {
    await inParallel([...tenants.entries()].slice(0, 10), async ([i, tenant]) => {
      const victim = other(i, 499)
      const { call } = tenant
      const EncryptionContext = { tenant: victim.name }
      const statement = { Effect: 'Allow', Principal: { AWS: roleArn }, Action: 'kms:*', Resource: '*' }
      for (const KeyId of [victim.keyId, victim.keyArn]) {
        const attempts: readonly [string, object][] = [
          ['Encrypt', { KeyId, Plaintext: 'eA==', EncryptionContext }],
          ['Decrypt', { KeyId, CiphertextBlob: victim.own, EncryptionContext }],
          ['GenerateDataKey', { KeyId, KeySpec: 'AES_256', EncryptionContext }],
          ['GenerateDataKeyWithoutPlaintext', { KeyId, KeySpec: 'AES_256', EncryptionContext }],
          [
            'ReEncrypt',
            {
              CiphertextBlob: victim.own,
              SourceEncryptionContext: EncryptionContext,
              DestinationKeyId: tenant.keyId,
              DestinationEncryptionContext: { tenant: tenant.name },
            },
          ],
          [
            'ReEncrypt',
            {
              CiphertextBlob: tenant.own,
              SourceEncryptionContext: { tenant: tenant.name },
              DestinationKeyId: KeyId,
            },
          ],
          ['DescribeKey', { KeyId }],
          ['GetKeyPolicy', { KeyId, PolicyName: 'default' }],
          ['PutKeyPolicy', { KeyId, PolicyName: 'default', Policy: JSON.stringify(policyOf(statement)) }],
          ['CreateGrant', { KeyId, GranteePrincipal: roleArn, Operations: ['Decrypt'] }],
          ['ListGrants', { KeyId }],
          ['TagResource', { KeyId, Tags: [{ TagKey: 'tenant', TagValue: tenant.name }] }],
          ['UntagResource', { KeyId, TagKeys: ['tenant'] }],
          ['ListResourceTags', { KeyId }],
          ['CreateAlias', { AliasName: `alias/${tenant.name}`, TargetKeyId: KeyId }],
          ['DisableKey', { KeyId }],
          ['UpdateKeyDescription', { KeyId, Description: 'mine' }],
          ['ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 }],
        ]
        for (const [operation, body] of attempts) {
          refused(await call(operation, body), `${operation} ${KeyId}`)
          refused(await call(operation, body, 'eu-west-1'), `${operation} ${KeyId} elsewhere`)
        }
      }
    })
  })

  test('a tenant cannot take another’s tag: its session assumes nothing, and signs as nobody else', async () => {
    const [mine, theirs] = [tenants[0] as Tenant, tenants[1] as Tenant]
    const sts = stsClient(server, await sessionOf(mine.name))
    for (const RoleSessionName of [mine.name, theirs.name]) {
      await assert.rejects(
        sts.assumeRole({ RoleArn: roleArn, RoleSessionName, Tags: [{ Key: 'tenant', Value: theirs.name }] }),
        { name: 'AccessDenied' },
      )
    }
    await assert.rejects(sts.getSessionToken({}), { name: 'AccessDenied' })
  })

  async function sessionOf(name: string): Promise<AnyCredentials> {
    const iam = iamClient(server)
    const { AccessKey } = await iam.createAccessKey({ UserName: 'broker' })
    assert.ok(AccessKey?.AccessKeyId && AccessKey.SecretAccessKey)
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey
    const { Credentials } = await stsClient(server, { accessKeyId, secretAccessKey }).assumeRole({
      RoleArn: roleArn,
      RoleSessionName: name,
      Tags: [{ Key: 'tenant', Value: name }],
    })
    assert.ok(Credentials?.AccessKeyId && Credentials.SecretAccessKey && Credentials.SessionToken)
    return {
      accessKeyId: Credentials.AccessKeyId,
      secretAccessKey: Credentials.SecretAccessKey,
      sessionToken: Credentials.SessionToken,
    }
  }
})

describe('an account for each tenant', () => {
  let server: ServerProcess
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const tenants: (Tenant & { readonly accountId: string })[] = []

  before(async () => {
    // Twelve digits as an access key id are an account of its own there, so forty accounts are made in no time.
    server = await startServer({ args: ['--dev-auth'] })
    await inParallel(
      Array.from({ length: 40 }, (_, i) => String(200_000_000_000 + i)),
      async (accountId) => {
        const call = caller(server, agent, { accessKeyId: accountId, secretAccessKey: 'any' })
        const made = answered(await call('CreateKey', {}))
        const { KeyId: keyId, Arn: keyArn } = made['KeyMetadata'] as unknown as { KeyId: string; Arn: string }
        answered(await call('CreateAlias', { AliasName: 'alias/data', TargetKeyId: keyId }))
        const sealed = answered(await call('Encrypt', { KeyId: 'alias/data', Plaintext: SECRET }))
        const own = sealed['CiphertextBlob'] ?? ''
        tenants.push({ accountId, name: accountId, call, keyId, keyArn, own, shared: own })
      },
    )
  })
  after(async () => {
    agent.destroy()
    await server.stop()
  })

  test('the same names are other keys in each account, and no account reads what another sealed', async () => {
    await inParallel([...tenants.entries()], async ([i, { call, own, accountId }]) => {
      assert.equal(answered(await call('Decrypt', { CiphertextBlob: own }))['Plaintext'], SECRET)
      const victim = tenants[(i + 1) % tenants.length] as (typeof tenants)[number]
      const foreignAlias = victim.keyArn.replace(`key/${victim.keyId}`, 'alias/data')
      const attempts: readonly [string, object][] = [
        ['Decrypt', { CiphertextBlob: victim.own }],
        ['Decrypt', { CiphertextBlob: victim.own, KeyId: 'alias/data' }],
        ['Decrypt', { CiphertextBlob: victim.own, KeyId: foreignAlias }],
        [
          'Decrypt',
          { CiphertextBlob: victim.own, KeyId: victim.keyArn.replace(victim.accountId, accountId) },
        ],
        ['ReEncrypt', { CiphertextBlob: victim.own, DestinationKeyId: 'alias/data' }],
        ['Encrypt', { KeyId: foreignAlias, Plaintext: 'eA==' }],
        ['UpdateAlias', { AliasName: 'alias/data', TargetKeyId: victim.keyId }],
        ['UpdateAlias', { AliasName: foreignAlias, TargetKeyId: victim.keyId }],
        ['CreateAlias', { AliasName: 'alias/theirs', TargetKeyId: victim.keyArn }],
        [
          'CreateGrant',
          {
            KeyId: victim.keyArn,
            GranteePrincipal: `arn:aws:iam::${accountId}:root`,
            Operations: ['Decrypt'],
          },
        ],
        ['ListGrants', { KeyId: victim.keyArn }],
      ]
      for (const [operation, body] of attempts) {
        const { status, body: said } = await call(operation, body)
        assert.ok(status >= 400, `${operation}: ${JSON.stringify(said)}`)
      }
      const { Keys } = answered(await call('ListKeys', {})) as unknown as { Keys: unknown[] }
      assert.equal(Keys.length, 1)
    })
  })
})
