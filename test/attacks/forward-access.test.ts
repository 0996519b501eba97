import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Agent } from 'node:https'
import { IAM } from '@aws-sdk/client-iam'
import { STS } from '@aws-sdk/client-sts'
import { policyOf, sessionCredentials, type AnyCredentials } from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, temporaryFolder, type ServerProcess } from '../server-process.ts'
import { newCertificate, postAs, serviceClient, shownRequest, type Certificate } from '../service-client.ts'

const ACCOUNT = '111122223333'
const denied = { name: 'AccessDeniedException' }
const Plaintext = Buffer.from('an object')

interface Stand {
  readonly server: ServerProcess
  readonly ca: string
  readonly servicesUrl: string
}

async function startWithServices(t: TestContext, dataDir: string): Promise<Stand> {
  const server = await startServer({
    dataDir,
    args: ['--tls-self-signed', '--services-listen', '127.0.0.1:0', '--account-id', ACCOUNT],
  })
  t.after(() => server.stop())
  const printed = (pattern: RegExp) => pattern.exec(server.stdout())?.[1] ?? ''
  const ca = readFileSync(printed(/^Certificate authority to trust: (\S+)/m), 'utf8')
  return { server, ca, servicesUrl: printed(/^Registered services: (\S+)$/m) }
}

const exchange = ({ servicesUrl, ca }: Stand, shown: object, as: Certificate) =>
  postAs(new URL('/-/forward-access', servicesUrl), shown, { ca, as })

async function register({ server }: Stand, name: string): Promise<Certificate> {
  const certificate = await newCertificate()
  const run = await runKeywright(['service', 'register', name, '--certificate', certificate.file], server)
  assert.equal(run.code, 0, run.stderr)
  return certificate
}

test('a request that was exchanged is no good after a restart either', async (t) => {
  const dataDir = join(temporaryFolder(), 'data')
  const first = await startWithServices(t, dataDir)
  const s3 = await register(first, 's3.us-east-1.amazonaws.com')
  const shown = shownRequest(first.server)
  assert.equal((await exchange(first, shown, s3)).status, 200)
  assert.equal(await first.server.stop(), 0)
  const second = await startWithServices(t, dataDir)
  const again = await exchange(second, shown, s3)
  assert.equal(again.status, 409)
  assert.equal(again.body.code, 'RequestReplayed')
})

test('what is forwarded may no more than the session that signed, and gives a service nothing of its own', async (t) => {
  const stand = await startWithServices(t, join(temporaryFolder(), 'data'))
  const { server, ca, servicesUrl } = stand
  const s3 = await register(stand, 's3.us-east-1.amazonaws.com')
  const root = kmsClient(server, { ca })
  const key = await newKey(root)
  const other = await newKey(root)
  const clientOptions = (credentials: AnyCredentials) => ({
    endpoint: server.url,
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
    requestHandler: { httpsAgent: new Agent({ ca }) },
  })
  const iam = new IAM(clientOptions(server.credentials))
  await iam.createUser({ UserName: 'user' })
  const { AccessKey } = await iam.createAccessKey({ UserName: 'user' })
  const user = {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  }
  await iam.createRole({
    RoleName: 'worker',
    AssumeRolePolicyDocument: JSON.stringify(
      policyOf({
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/user` },
        Action: 'sts:AssumeRole',
      }),
    ),
  })
  await iam.putRolePolicy({
    RoleName: 'worker',
    PolicyName: 'kms',
    PolicyDocument: JSON.stringify(policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' })),
  })
  const { Credentials: issued } = await new STS(clientOptions(user)).assumeRole({
    RoleArn: `arn:aws:iam::${ACCOUNT}:role/worker`,
    RoleSessionName: 'limited',
    Policy: JSON.stringify(policyOf({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: key.arn })),
  })
  const { sessionToken, ...credentials } = sessionCredentials(issued)
  const forwarded = async () => {
    const { status, body } = await exchange(stand, shownRequest(server, { credentials, sessionToken }), s3)
    assert.equal(status, 200, JSON.stringify(body))
    return serviceClient(servicesUrl, body, { ca, as: s3 })
  }
  const session = await forwarded()
  await session.encrypt({ KeyId: key.id, Plaintext })
  await assert.rejects(session.encrypt({ KeyId: other.id, Plaintext }), denied)
  await assert.rejects(session.generateDataKey({ KeyId: key.id, KeySpec: 'AES_256' }), denied)
  await assert.rejects(
    session.createGrant({
      KeyId: key.id,
      GranteePrincipal: `arn:aws:iam::${ACCOUNT}:user/user`,
      Operations: ['Decrypt'],
    }),
    denied,
  )
  // Alone the service is nobody that a policy names.
  const alone = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' }
  await assert.rejects(
    serviceClient(servicesUrl, alone, { ca, as: s3 }).encrypt({ KeyId: key.id, Plaintext }),
  )
  // What a policy takes from the role, what was forwarded loses at once; with the role it is over.
  await iam.deleteRolePolicy({ RoleName: 'worker', PolicyName: 'kms' })
  await assert.rejects(session.encrypt({ KeyId: key.id, Plaintext }), denied)
  await iam.deleteRole({ RoleName: 'worker' })
  await assert.rejects(session.encrypt({ KeyId: key.id, Plaintext }), { name: 'UnrecognizedClientException' })
  await assert.rejects(forwarded())
})
