import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { ServerStartError, startServer, temporaryFolder } from '../server-process.ts'

const folder = temporaryFolder()
const allow = (action: string) => ({ Effect: 'Allow', Principal: '*', Action: action, Resource: '*' })
writeFileSync(
  join(folder, 'endpoint.json'),
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [allow('kms:*'), { Effect: 'Deny', Principal: '*', Action: 'kms:DescribeKey', Resource: '*' }],
  }),
)
writeFileSync(
  join(folder, 'keywright.yaml'),
  [
    'port: 0',
    'privateEndpoints:',
    '  - listen: 127.0.0.1:0',
    '    vpceId: vpce-0a1b',
    '    vpcId: vpc-0c2d',
    '    policyFile: endpoint.json',
    '  - listen: 127.0.0.1:0',
    '    vpceId: vpce-ffff',
    '    vpcId: vpc-eeee',
    '',
  ].join('\n'),
)

const server = await startServer({ cwd: folder, args: ['--port', '0'] })
after(() => server.stop())
const urlOf = (vpceId: string) =>
  new RegExp(`^Private endpoint: ${vpceId} (\\S+)$`, 'm').exec(server.stdout())?.[1] ?? ''

const publicly = kmsClient(server)
const through = (vpceId: string) => kmsClient({ url: urlOf(vpceId), credentials: server.credentials })
const limited = through('vpce-0a1b')
const unlimited = through('vpce-ffff')
const Plaintext = Buffer.from('x')

/** A key that is used under a condition only. */
async function keyWith(condition: object): Promise<string> {
  const { id: KeyId } = await newKey(publicly)
  const root = 'arn:aws:iam::000000000000:root'
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' },
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 'kms:Encrypt',
        Resource: '*',
        Condition: condition,
      },
    ],
  })
  await publicly.putKeyPolicy({ KeyId, Policy })
  return KeyId
}

test('a key can ask for the endpoint or the VPC that a request comes through', async () => {
  for (const condition of [
    { StringNotEquals: { 'aws:SourceVpce': 'vpce-0a1b' } },
    { StringNotEquals: { 'aws:SourceVpc': 'vpc-0c2d' } },
    { StringNotEqualsIfExists: { 'aws:SourceVpce': 'vpce-0a1b' }, Bool: { 'aws:SecureTransport': 'false' } },
  ]) {
    const KeyId = await keyWith(condition)
    await limited.encrypt({ KeyId, Plaintext })
    await assertRefused(unlimited.encrypt({ KeyId, Plaintext }), 'AccessDeniedException', /explicit deny/)
    await assertRefused(publicly.encrypt({ KeyId, Plaintext }), 'AccessDeniedException', /explicit deny/)
  }
})

test('the source address of a private endpoint is that of the VPC, so a condition on aws:SourceIp does not meet it', async () => {
  const bySourceIp = await keyWith({ NotIpAddress: { 'aws:SourceIp': '127.0.0.0/8' } })
  await publicly.encrypt({ KeyId: bySourceIp, Plaintext })
  await assertRefused(
    limited.encrypt({ KeyId: bySourceIp, Plaintext }),
    'AccessDeniedException',
    /explicit deny/,
  )
  const byVpcSourceIp = await keyWith({ NotIpAddress: { 'aws:VpcSourceIp': '127.0.0.0/8' } })
  await limited.encrypt({ KeyId: byVpcSourceIp, Plaintext })
  await assertRefused(
    publicly.encrypt({ KeyId: byVpcSourceIp, Plaintext }),
    'AccessDeniedException',
    /explicit deny/,
  )
})

test('the endpoint policy limits everybody who comes that way, the root user too', async () => {
  const { id: KeyId } = await newKey(publicly)
  await publicly.describeKey({ KeyId })
  await unlimited.describeKey({ KeyId })
  await limited.encrypt({ KeyId, Plaintext })
  await assertRefused(
    limited.describeKey({ KeyId }),
    'AccessDeniedException',
    /^User: arn:aws:iam::000000000000:root is not authorized to perform: kms:DescribeKey on resource: .* with an explicit deny in a VPC endpoint policy$/,
  )
})

test('a record names the endpoint', async () => {
  const { id: KeyId } = await newKey(publicly)
  await limited.encrypt({ KeyId, Plaintext })
  const records = (await journalOf(server)).records.filter((record) => JSON.stringify(record).includes(KeyId))
  assert.equal(records.find(({ eventName }) => eventName === 'Encrypt')?.vpcEndpointId, 'vpce-0a1b')
  assert.equal(records.find(({ eventName }) => eventName === 'CreateKey')?.vpcEndpointId, undefined)
})

test('a malformed endpoint policy refuses the start, and says where', async () => {
  writeFileSync(join(folder, 'malformed.json'), '{\n  "Statement": [\n    {"Effect": "Perhaps"}\n  ]\n}\n')
  const endpoint = (file: string) =>
    `listen=127.0.0.1:0;vpceId=vpce-1;vpcId=vpc-1;policyFile=${join(folder, file)}`
  for (const [file, message] of [
    [
      'malformed.json',
      /^keywright: the policy of the private endpoint vpce-1 in \S+malformed\.json is malformed at line 3, column \d+: /m,
    ],
    [
      'absent.json',
      /^keywright: the policy of the private endpoint vpce-1 cannot be read from \S+absent\.json \(ENOENT\)$/m,
    ],
  ] as const) {
    await assert.rejects(startServer({ args: ['--private-endpoints', endpoint(file)] }), (error: unknown) => {
      assert.ok(error instanceof ServerStartError)
      assert.equal(error.finished.code, 1)
      assert.match(error.finished.stderr, message)
      return true
    })
  }
})

test('an endpoint that is not whole, or named twice, is no setting', async () => {
  const whole = 'listen=127.0.0.1:0;vpceId=vpce-1;vpcId=vpc-1'
  for (const value of [
    'listen=127.0.0.1:0;vpceId=vpce-1',
    'vpceId=vpce-1',
    `${whole};x=y`,
    `${whole};vpcId=vpc-2`,
    `${whole},${whole}`,
  ]) {
    await assert.rejects(startServer({ args: ['--private-endpoints', value] }), (error: unknown) => {
      assert.ok(error instanceof ServerStartError)
      assert.equal(error.finished.code, 2, value)
      assert.match(error.finished.stderr, /--private-endpoints must be a list of listen=/)
      return true
    })
  }
})
