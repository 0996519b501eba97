import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer, temporaryFolder, type Credentials } from '../server-process.ts'

const MANAGEMENT = '000000000000'
const MEMBER = '222222222222'
const Plaintext = Buffer.from('plaintext')

const server = await startServer()
const { dataDir } = server
after(() => server.stop())
const folder = temporaryFolder()

async function keywright(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runKeywright(args, { dataDir, cwd: folder })
  assert.equal(code, 0, stderr)
  return stdout
}

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse(await keywright(...args, '--json')) as T
}

async function fails(...args: string[]): Promise<string> {
  const { code, stderr } = await runKeywright(args, { dataDir, cwd: folder })
  assert.equal(code, 1, stderr)
  return stderr
}

/** A file with a policy of these statements; its name. */
function policyFile(name: string, ...statements: object[]): string {
  writeFileSync(join(folder, name), JSON.stringify({ Version: '2012-10-17', Statement: statements }))
  return name
}

async function newPolicy(type: string, name: string, document: string): Promise<string> {
  const options = ['--type', type, '--name', name, '--document', document]
  return (await json<{ policyId: string }>('policy', 'create', ...options)).policyId
}

await keywright('account', 'create', MEMBER)
const credentials = await json<Credentials>('credentials', 'create', MEMBER)
const [management, member] = [kmsClient(server), kmsClient(server, { credentials })]
const organization = await json<{ organizationId: string; rootId: string }>('organization', 'create')
const unit = await json<{ id: string }>('organization', 'create-unit', 'prod')
await keywright('organization', 'add-account', MEMBER, '--parent', unit.id)

test('the organization is shown as it was made', async () => {
  const { organizationId, rootId } = organization
  assert.match(organizationId, /^o-[a-z0-9]{10}$/)
  assert.match(rootId, /^r-[a-z0-9]{4}$/)
  assert.match(unit.id, new RegExp(`^ou-${rootId.slice(2)}-[a-z0-9]{8}$`))
  const shown = await json<{ managementAccountId: string; accounts: object[] }>('organization', 'show')
  assert.equal(shown.managementAccountId, MANAGEMENT)
  assert.deepEqual(shown.accounts, [
    { accountId: MANAGEMENT, name: 'first', parent: rootId, path: `${organizationId}/${rootId}/` },
    { accountId: MEMBER, name: '', parent: unit.id, path: `${organizationId}/${rootId}/${unit.id}/` },
  ])
  const text = await keywright('organization', 'show')
  assert.match(text, new RegExp(`^${unit.id} +${rootId} +prod +p-FullAWSAccess p-RCPFullAWSAccess$`, 'm'))
})

test('a service control policy binds the root user of a member from the next request on, and not the management account', async () => {
  const [theirs, ours] = [await newKey(member), await newKey(management)]
  await member.encrypt({ KeyId: theirs.id, Plaintext })
  const document = policyFile('scp.json', { Effect: 'Deny', Action: 'kms:Encrypt', Resource: '*' })
  const policyId = await newPolicy('service-control', 'no-encrypt', document)
  await keywright('policy', 'attach', policyId, unit.id)
  await assertRefused(
    member.encrypt({ KeyId: theirs.id, Plaintext }),
    'AccessDeniedException',
    `User: arn:aws:iam::${MEMBER}:root is not authorized to perform: kms:Encrypt on resource: ${theirs.arn} with an explicit deny in a service control policy`,
  )
  await member.describeKey({ KeyId: theirs.id })
  await keywright('policy', 'attach', policyId, organization.rootId)
  await management.encrypt({ KeyId: ours.id, Plaintext })
  await keywright('policy', 'detach', policyId, organization.rootId)
  assert.match(await keywright('policy', 'show', policyId), /"kms:Encrypt"/)
  assert.match(await fails('policy', 'delete', policyId), /detach it first/)
  await keywright('policy', 'detach', policyId, unit.id)
  await member.encrypt({ KeyId: theirs.id, Plaintext })
  await keywright('policy', 'delete', policyId)
})

test('without an allow at some level nothing is allowed', async () => {
  const key = await newKey(member)
  const document = policyFile('list.json', { Effect: 'Allow', Action: 'kms:List*', Resource: '*' })
  const policyId = await newPolicy('service-control', 'list', document)
  assert.match(await fails('policy', 'detach', 'p-FullAWSAccess', unit.id), /attach another one first/)
  await keywright('policy', 'attach', policyId, unit.id)
  await keywright('policy', 'detach', 'p-FullAWSAccess', unit.id)
  await member.listKeys({})
  await assertRefused(
    member.encrypt({ KeyId: key.id, Plaintext }),
    'AccessDeniedException',
    /because no service control policy allows the kms:Encrypt action$/,
  )
  await keywright('policy', 'attach', 'p-FullAWSAccess', unit.id)
  await keywright('policy', 'detach', policyId, unit.id)
  await member.encrypt({ KeyId: key.id, Plaintext })
})

test("a resource control policy binds whoever asks for a member's key", async () => {
  const key = await newKey(member)
  await member.createGrant({
    KeyId: key.id,
    GranteePrincipal: `arn:aws:iam::${MANAGEMENT}:root`,
    Operations: ['Encrypt'],
  })
  await management.encrypt({ KeyId: key.arn, Plaintext })
  const document = policyFile('rcp.json', {
    Effect: 'Deny',
    Principal: '*',
    Action: 'kms:*',
    Resource: '*',
    Condition: { StringNotEquals: { 'aws:PrincipalAccount': MEMBER } },
  })
  const policyId = await newPolicy('resource-control', 'own', document)
  await keywright('policy', 'attach', policyId, MEMBER)
  await assert.rejects(management.encrypt({ KeyId: key.arn, Plaintext }), { name: 'AccessDeniedException' })
  await member.encrypt({ KeyId: key.id, Plaintext })
  await keywright('policy', 'detach', policyId, MEMBER)
  await management.encrypt({ KeyId: key.arn, Plaintext })
})

test('a key policy can go by the organization', async () => {
  const policyFor = (id: string) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { AWS: MANAGEMENT }, Action: 'kms:*', Resource: '*' },
        {
          Effect: 'Allow',
          Principal: '*',
          Action: 'kms:Encrypt',
          Resource: '*',
          Condition: {
            StringEquals: { 'aws:PrincipalOrgID': id },
            'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': `${id}/*/${unit.id}/*` },
          },
        },
      ],
    })
  const [open, closed] = [
    await newKey(management, { Policy: policyFor(organization.organizationId) }),
    await newKey(management, { Policy: policyFor('o-another000') }),
  ]
  await member.encrypt({ KeyId: open.arn, Plaintext })
  await assert.rejects(member.encrypt({ KeyId: closed.arn, Plaintext }), { name: 'AccessDeniedException' })
})

test('the command line says what is wrong', async () => {
  assert.match(await fails('organization', 'create'), /there is an organization already/)
  assert.match(await fails('organization', 'add-account', '333333333333'), /there is no account/)
  assert.match(
    await fails('organization', 'move', MEMBER, 'ou-0000-00000000'),
    /there is no ou-0000-00000000/,
  )
  assert.match(await fails('organization', 'move', MEMBER, 'x'), /must be the id of the root/)
  const bad = policyFile('bad.json', { Effect: 'Maybe', Action: '*', Resource: '*' })
  assert.match(
    await fails('policy', 'create', '--type', 'service-control', '--name', 'bad', '--document', bad),
    /^keywright: the policy is malformed: .+ \(line 1, column \d+\)\n$/,
  )
  assert.match(await fails('policy', 'show', 'p-00000000'), /there is no policy p-00000000/)
})
