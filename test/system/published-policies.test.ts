import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runKeywright, startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { issuedKey, sessionOptions, type AccessKeyAnswer, type SessionAnswer } from './cli-credentials.ts'
import { terminal, type Terminal } from './terminal.ts'

/** Key policies as guides to AWS KMS publish them, put on keys with the AWS CLI and tried from both sides. */

const policyOf = (...Statement: object[]) => ({ Version: '2012-10-17', Statement })
const rootOf = (account: string) => ({
  Sid: 'Enable Root User Permissions',
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${account}:root` },
  Action: 'kms:*',
  Resource: '*',
})
const use = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey']

interface Key {
  readonly KeyId: string
  readonly Arn: string
}

/** An administrator's shell in an account, and what tests make with it. */
function accountOf(server: ServerProcess, account: string, credentials: Credentials) {
  const admin = terminal(server, { endpoint: server.url, credentials })
  const write = (file: string, policy: object) =>
    writeFileSync(join(admin.folder, file), JSON.stringify(policy))
  return {
    admin,
    write,
    async newKey(policy: object): Promise<Key> {
      write('key-policy', policy)
      return (await admin.json<{ KeyMetadata: Key }>('aws kms create-key --policy file://key-policy'))
        .KeyMetadata
    },
    async newUser(name: string, ...allowed: string[]): Promise<Terminal> {
      write(
        'user-policy',
        policyOf({ Effect: 'Allow', Action: [...allowed, 'sts:AssumeRole'], Resource: '*' }),
      )
      const made = await admin.json<AccessKeyAnswer>(`
aws iam create-user --user-name ${name} > made
aws iam put-user-policy --user-name ${name} --policy-name own --policy-document file://user-policy
aws iam create-access-key --user-name ${name}`)
      return terminal(server, { endpoint: server.url, credentials: issuedKey(made) })
    },
    async newRole(name: string): Promise<void> {
      write('trust', policyOf({ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' }))
      await admin.text(`aws iam create-role --role-name ${name} --assume-role-policy-document file://trust`)
    },
    async sessionOf(by: Terminal, name: string): Promise<Terminal> {
      const session = await by.json<SessionAnswer>(
        `aws sts assume-role --role-arn arn:aws:iam::${account}:role/${name} --role-session-name app`,
      )
      return terminal(server, { endpoint: server.url, ...sessionOptions(session) })
    },
  }
}

async function denied(shell: Terminal, command: string, action: string): Promise<void> {
  const { code, message } = await shell.refusal(command)
  assert.equal(code, 'AccessDeniedException', message)
  assert.match(message, new RegExp(`^User: arn:aws:\\S+ is not authorized to perform: ${action} on `))
}

describe('published key policies within one account', () => {
  const account = '123456789012'
  const role = (name: string) => ({ AWS: [`arn:aws:iam::${account}:role/${name}`] })
  let server: ServerProcess
  let own: ReturnType<typeof accountOf>
  let user: Terminal
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    own = accountOf(server, account, server.credentials)
    user = await own.newUser('tester')
  })
  after(() => server.stop())

  test('administrators manage a key and cannot use it; applications use it and cannot manage it', async () => {
    await own.newRole('KMSAdminRole')
    await own.newRole('ApplicationRole')
    const manage = ['Create*', 'Describe*', 'Enable*', 'List*', 'Put*', 'Update*', 'Revoke*', 'Disable*', 'Get*', 'Delete*', 'ScheduleKeyDeletion', 'CancelKeyDeletion'] // prettier-ignore
    const policy = policyOf(
      rootOf(account),
      {
        Sid: 'Allow Key Administrators',
        Effect: 'Allow',
        Principal: role('KMSAdminRole'),
        Action: manage.map((action) => `kms:${action}`),
        Resource: '*',
      },
      {
        Sid: 'Allow Key Usage',
        Effect: 'Allow',
        Principal: role('ApplicationRole'),
        Action: use,
        Resource: '*',
      },
    )
    const { KeyId, Arn } = await own.newKey(policy)
    const administrator = await own.sessionOf(user, 'KMSAdminRole')
    const application = await own.sessionOf(user, 'ApplicationRole')
    const context = '--encryption-context purpose=demo,environment=test'
    const usage: [action: string, command: string][] = [
      ['kms:Encrypt', `aws kms encrypt --key-id ${Arn} --plaintext "Hello, World!" ${context}`],
      ['kms:GenerateDataKey', `aws kms generate-data-key --key-id ${KeyId} --key-spec AES_256 ${context}`],
      [
        'kms:GenerateDataKeyWithoutPlaintext',
        `aws kms generate-data-key-without-plaintext --key-id ${KeyId} --key-spec AES_256 ${context}`,
      ],
    ]
    for (const [action, command] of usage) {
      await application.json(command)
      await denied(administrator, command, action)
    }
    await application.text(`
aws kms encrypt --key-id ${KeyId} --plaintext "Hello, World!" ${context} --query CiphertextBlob --output text | base64 --decode > sealed
aws kms decrypt --ciphertext-blob fileb://sealed ${context} > opened
aws kms re-encrypt --ciphertext-blob fileb://sealed --destination-key-id ${KeyId} --source-encryption-context purpose=demo,environment=test > moved`)

    const management: [action: string, command: string][] = [
      ['kms:UpdateKeyDescription', `aws kms update-key-description --key-id ${KeyId} --description Updated`],
      ['kms:ListKeyPolicies', `aws kms list-key-policies --key-id ${KeyId}`],
      ['kms:GetKeyPolicy', `aws kms get-key-policy --key-id ${KeyId} --policy-name default`],
      ['kms:DisableKey', `aws kms disable-key --key-id ${KeyId}`],
      ['kms:EnableKey', `aws kms enable-key --key-id ${KeyId}`],
      [
        'kms:ScheduleKeyDeletion',
        `aws kms schedule-key-deletion --key-id ${KeyId} --pending-window-in-days 30`,
      ],
      ['kms:CancelKeyDeletion', `aws kms cancel-key-deletion --key-id ${KeyId}`],
    ]
    for (const [action, command] of management) {
      await denied(application, command, action)
      await administrator.text(command)
    }
    for (const shell of [administrator, application])
      await shell.json(`aws kms describe-key --key-id ${KeyId}`)
    // What is on no key the key policy says nothing of.
    await denied(administrator, 'aws kms list-keys', 'kms:ListKeys')
    await denied(administrator, 'aws kms create-key', 'kms:CreateKey')
  })

  test("an encryption context of the caller's own id opens what is its own, and nothing else", async () => {
    await own.newRole('app-role')
    const least = (Resource: string) => ({
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${account}:role/app-role` },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'],
      Resource,
      Condition: { StringEquals: { 'kms:EncryptionContext:userId': '${aws:userid}' } },
    })
    // As published, with the ARN of another key, it says nothing of this one.
    const published = least(`arn:aws:kms:us-east-1:${account}:key/your-key-id`)
    const { KeyId, Arn } = await own.newKey(policyOf(rootOf(account), published))
    const app = await own.sessionOf(user, 'app-role')
    const { UserId } = await app.json<{ UserId: string }>('aws sts get-caller-identity')
    assert.match(UserId, /^AROA[A-Z2-7]{17}:app$/)
    const encrypt = (userId: string) =>
      `aws kms encrypt --key-id ${KeyId} --plaintext x --encryption-context userId=${userId}`
    await denied(app, encrypt(UserId), 'kms:Encrypt')

    own.write('key-policy', policyOf(rootOf(account), least(Arn)))
    await own.admin.text(
      `aws kms put-key-policy --key-id ${KeyId} --policy-name default --policy file://key-policy`,
    )
    await app.json(encrypt(UserId))
    await denied(app, encrypt(UserId.replace(':app', ':other')), 'kms:Encrypt')
    await denied(app, `aws kms encrypt --key-id ${KeyId} --plaintext x`, 'kms:Encrypt')
    // DescribeKey has no encryption context, so this statement never allows it.
    await denied(app, `aws kms describe-key --key-id ${KeyId}`, 'kms:DescribeKey')
  })

  test('a key for each tenant is for the role of that tenant alone', async () => {
    const keys: Key[] = []
    const shells: Terminal[] = []
    for (const name of ['tenant-a', 'tenant-b']) {
      await own.newRole(name)
      keys.push(
        await own.newKey(
          policyOf(rootOf(account), { Effect: 'Allow', Principal: role(name), Action: use, Resource: '*' }),
        ),
      )
      shells.push(await own.sessionOf(user, name))
    }
    for (const [at, shell] of shells.entries()) {
      const theirs = keys[1 - at]
      await shell.text(
        `aws kms encrypt --key-id ${keys[at]?.Arn} --plaintext x --query CiphertextBlob --output text | base64 --decode > sealed`,
      )
      await shell.json('aws kms decrypt --ciphertext-blob fileb://sealed')
      await denied(shell, `aws kms encrypt --key-id ${theirs?.Arn} --plaintext x`, 'kms:Encrypt')
      await denied(
        shell,
        `aws kms re-encrypt --ciphertext-blob fileb://sealed --destination-key-id ${theirs?.Arn}`,
        'kms:ReEncryptTo',
      )
    }
  })
})

describe('published key policies across accounts and for services', () => {
  const [account, other] = ['111122223333', '444455556666'] as const
  let server: ServerProcess
  let own: ReturnType<typeof accountOf>
  let theirs: ReturnType<typeof accountOf>
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    const created = await runKeywright(['account', 'create', other], server)
    assert.equal(created.code, 0, created.stderr)
    const given = await runKeywright(['credentials', 'create', other, '--json'], server)
    own = accountOf(server, account, server.credentials)
    theirs = accountOf(server, other, JSON.parse(given.stdout) as Credentials)
  })
  after(() => server.stop())

  test('another account uses a key by its ARN where its own policies allow too, and grants it to AWS services only', async () => {
    const { KeyId, Arn } = await own.newKey({
      Id: 'key-policy-for-cross-account',
      ...policyOf(
        { ...rootOf(account), Sid: 'EnableRootAndAdminManagement' },
        { ...rootOf(other), Sid: 'AllowCrossAccountUse', Action: use },
        {
          ...rootOf(other),
          Sid: 'AllowAttachmentOfPersistentResources',
          Action: ['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant'],
          Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
        },
      ),
    })
    const allowed = await theirs.newUser('allowed', 'kms:*')
    const silent = await theirs.newUser('silent')
    const encrypt = `aws kms encrypt --key-id ${Arn} --plaintext x`
    await allowed.json(encrypt)
    await allowed.json(`aws kms describe-key --key-id ${Arn}`)
    assert.deepEqual(await silent.refusal(encrypt), {
      code: 'AccessDeniedException',
      operation: 'Encrypt',
      message: `User: arn:aws:iam::${other}:user/silent is not authorized to perform: kms:Encrypt on resource: ${Arn} because no identity-based policy allows the kms:Encrypt action`,
    })
    await denied(allowed, `aws kms disable-key --key-id ${Arn}`, 'kms:DisableKey')
    const grantee = `--grantee-principal arn:aws:iam::${other}:user/allowed --operations Decrypt`
    await denied(allowed, `aws kms create-grant --key-id ${Arn} ${grantee}`, 'kms:CreateGrant')
    // A key id is of one's own account.
    assert.equal((await allowed.refusal(encrypt.replace(Arn, KeyId))).code, 'NotFoundException')

    // A key that does not trust them and one that is not there look alike.
    const { Arn: closed } = await own.newKey(policyOf(rootOf(account)))
    const missing = closed.replace(/[^/]+$/, '11111111-2222-3333-4444-555555555555')
    for (const KeyArn of [closed, missing]) {
      assert.deepEqual(await allowed.refusal(`aws kms encrypt --key-id ${KeyArn} --plaintext x`), {
        code: 'AccessDeniedException',
        operation: 'Encrypt',
        message: `User: arn:aws:iam::${other}:user/allowed is not authorized to perform: kms:Encrypt on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
      })
    }
  })

  test('a role makes grants for its volumes through EC2 only, and uses the key by itself', async () => {
    await own.newRole('UserRole')
    const Principal = { AWS: `arn:aws:iam::${account}:role/UserRole` }
    const { KeyId } = await own.newKey(
      policyOf(
        rootOf(account),
        {
          Sid: 'Allow for use of this Key',
          Effect: 'Allow',
          Principal,
          Action: ['kms:GenerateDataKeyWithoutPlaintext', 'kms:Decrypt'],
          Resource: '*',
        },
        {
          Sid: 'Allow for EC2 Use',
          Effect: 'Allow',
          Principal,
          Action: ['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant'],
          Resource: '*',
          Condition: { StringEquals: { 'kms:ViaService': 'ec2.us-west-2.amazonaws.com' } },
        },
      ),
    )
    const role = await own.sessionOf(await own.newUser('tester'), 'UserRole')
    await role.text(`
aws kms generate-data-key-without-plaintext --key-id ${KeyId} --key-spec AES_256 --query CiphertextBlob --output text | base64 --decode > key
aws kms decrypt --ciphertext-blob fileb://key`)
    await denied(
      role,
      `aws kms generate-data-key --key-id ${KeyId} --key-spec AES_256`,
      'kms:GenerateDataKey',
    )
    const grantee = `--grantee-principal ${Principal.AWS} --operations Decrypt`
    await denied(role, `aws kms create-grant --key-id ${KeyId} ${grantee}`, 'kms:CreateGrant')
    await denied(role, `aws kms list-grants --key-id ${KeyId}`, 'kms:ListGrants')
  })
})
