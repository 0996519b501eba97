import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import { KMS } from '@aws-sdk/client-kms'
import { there } from '../../server/src/testing/there.ts'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer, temporaryFolder, type ServerProcess } from '../server-process.ts'

const text = 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.'

/** A server with these quotas, and as root. */
async function limited(quotas: string): Promise<{ server: ServerProcess; kms: KMS }> {
  const server = await startServer({ args: ['--request-quotas', quotas] })
  after(() => server.stop())
  return { server, kms: kmsClient(server) }
}

const names = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
  outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'answered' : (outcome.reason as Error).name))

test('an SDK that may try once throws ThrottlingException, and its default attempts get through', async () => {
  const { server, kms } = await limited('DescribeKey=20')
  const { id: KeyId } = await newKey(kms)
  const once = await Promise.allSettled(Array.from({ length: 60 }, () => kms.describeKey({ KeyId })))
  const through = names(once).filter((name) => name === 'answered').length
  assert.ok(through >= 20 && through < 60, String(through))
  assert.deepEqual(new Set(names(once)), new Set(['answered', 'ThrottlingException']))
  await assertRefused(
    Promise.all(Array.from({ length: 60 }, () => kms.describeKey({ KeyId }))),
    'ThrottlingException',
    text,
  )

  const { url: endpoint, credentials } = server
  const patient = new KMS({ endpoint, credentials, region: 'us-east-1' })
  const answers = await Promise.all(Array.from({ length: 10 }, () => patient.describeKey({ KeyId })))
  assert.equal(answers.length, 10)
  assert.ok(answers.some(({ $metadata }) => there($metadata.attempts) > 1))
})

test('each class has its own quota, by the algorithm of the request', async () => {
  const { kms } = await limited('Cryptographic.symmetric=0.01,Cryptographic.RSA=0.01,Cryptographic.ECC=0.01')
  const { id: symmetric } = await newKey(kms)
  const { id: rsa } = await newKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
  const { id: ecc } = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  const Plaintext = Buffer.from('x')
  const byRsa = { KeyId: rsa, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256', Plaintext } as const
  const signing = { KeyId: ecc, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' } as const
  await kms.encrypt({ KeyId: symmetric, Plaintext })
  await kms.encrypt(byRsa)
  await kms.sign(signing)
  await assertRefused(kms.generateRandom({ NumberOfBytes: 1 }), 'ThrottlingException', text)
  await assertRefused(kms.encrypt(byRsa), 'ThrottlingException', text)
  await assertRefused(kms.sign(signing), 'ThrottlingException', text)
  // What has no limit here.
  for (let n = 0; n < 20; n++) await kms.describeKey({ KeyId: rsa })
})

test('a request is counted before its key is looked for, so being throttled tells nothing of keys', async () => {
  const { server, kms } = await limited('Cryptographic.RSA=0.01')
  const iam = new IAM({ endpoint: server.url, region: 'us-east-1', credentials: server.credentials })
  await iam.createUser({ UserName: 'stranger' })
  const { AccessKey } = await iam.createAccessKey({ UserName: 'stranger' })
  const credentials = {
    accessKeyId: there(AccessKey?.AccessKeyId),
    secretAccessKey: there(AccessKey?.SecretAccessKey),
  }
  const stranger = kmsClient(server, { credentials })
  const { id: rsa } = await newKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })
  const { id: symmetric } = await newKey(kms)
  const asked = { Message: Buffer.from('x'), SigningAlgorithm: 'RSASSA_PSS_SHA_256' } as const
  // The only one of its class: refused for what it is, and counted.
  await assertRefused(stranger.sign({ KeyId: rsa, ...asked }), 'AccessDeniedException', /not authorized/)
  for (const KeyId of [rsa, symmetric, '12345678-1234-1234-1234-123456789012', 'alias/none', '!']) {
    await assertRefused(stranger.sign({ KeyId, ...asked }), 'ThrottlingException', text)
  }
  // Whatever the key is, what the request asks for is not of the class.
  await assertRefused(
    stranger.encrypt({ KeyId: rsa, Plaintext: asked.Message }),
    'AccessDeniedException',
    /not authorized/,
  )
})

test('a request of the wrong shape is refused for that, and counts nothing', async () => {
  const { kms } = await limited('CreateKey=0.01')
  for (let n = 0; n < 5; n++) {
    await assertRefused(kms.createKey({ Description: 'x'.repeat(9000) }), 'ValidationException', /length/)
  }
  await kms.createKey({})
  await assertRefused(kms.createKey({}), 'ThrottlingException', text)
})

test('a throttled request has its record and is counted by its class', async () => {
  const { server, kms } = await limited('aws,CreateAlias=0.01')
  const { id: TargetKeyId } = await newKey(kms)
  await kms.createAlias({ AliasName: 'alias/one', TargetKeyId })
  await assertRefused(kms.createAlias({ AliasName: 'alias/two', TargetKeyId }), 'ThrottlingException', text)
  const { records } = await journalOf(server)
  const made = records.filter(({ eventName }) => eventName === 'CreateAlias')
  assert.deepEqual(
    made.map(({ errorCode, requestParameters }) => [errorCode, requestParameters?.['aliasName']]),
    [
      [undefined, 'alias/one'],
      ['ThrottlingException', 'alias/two'],
    ],
  )
  const metrics = await (await fetch(`${server.url}/-/metrics`)).text()
  assert.match(metrics, /^keywright_throttled_requests_total\{class="CreateAlias"\} 1$/m)
  assert.match(metrics, /^keywright_throttled_requests_total\{class="CreateKey"\} 0$/m)
})

test('quotas of one account leave others alone, and the account of the caller is what counts', async () => {
  const server = await startServer({
    args: ['--dev-auth', '--request-quotas', 'account=111122223333;DescribeKey=0.01'],
  })
  after(() => server.stop())
  const of = (accessKeyId: string) =>
    kmsClient(server, { credentials: { accessKeyId, secretAccessKey: 'not verified here' } })
  const [owner, other] = [of('444455556666'), of('111122223333')]
  const { arn: KeyId } = await newKey(owner)
  for (let n = 0; n < 5; n++) await owner.describeKey({ KeyId })
  await assertRefused(other.describeKey({ KeyId }), 'AccessDeniedException', /not authorized/)
  await assertRefused(other.describeKey({ KeyId }), 'ThrottlingException', text)
  await owner.describeKey({ KeyId })
})

test('there are no request quotas in development unless they are asked for', async () => {
  const server = await startServer()
  after(() => server.stop())
  const kms = kmsClient(server)
  await Promise.all(Array.from({ length: 30 }, () => newKey(kms)))
  const metrics = await (await fetch(`${server.url}/-/metrics`)).text()
  assert.doesNotMatch(metrics, /^keywright_throttled_requests_total\{/m)
})

test('a server that others can reach has the quotas of AWS', async () => {
  const server = await startServer({ args: ['--host', '0.0.0.0', '--insecure-http'] })
  after(() => server.stop())
  const kms = kmsClient({ url: server.url.replace('0.0.0.0', '127.0.0.1'), credentials: server.credentials })
  const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => newKey(kms)))
  assert.ok(names(outcomes).includes('ThrottlingException'))
})

test('a class of requests that there is not is an error that names the nearest', async () => {
  const { code, stderr } = await runKeywright(['serve', '--port', '0', '--request-quotas', 'CreateKeys=5'], {
    dataDir: temporaryFolder(),
  })
  assert.equal(code, 2)
  assert.match(stderr, /requestQuotas: there is no class CreateKeys of requests: did you mean CreateKey\?/)
})
