import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type ServerProcess } from '../server-process.ts'
import { issuedKey, type AccessKeyAnswer } from './cli-credentials.ts'
import { terminal, type Terminal } from './terminal.ts'

const account = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${account}:${resource}`

interface Granted {
  readonly GrantId: string
  readonly GrantToken: string
}
interface Listed {
  readonly Grants: readonly Record<string, unknown>[]
}

describe('the AWS CLI with grants', () => {
  let server: ServerProcess
  let admin: Terminal
  let worker: Terminal
  let retirer: Terminal
  let id: string
  let keyArn: string
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    admin = terminal(server, { endpoint: server.url })
    worker = await newUser('worker')
    retirer = await newUser('retirer')
    const { KeyMetadata } = await admin.json<{ KeyMetadata: { KeyId: string; Arn: string } }>(
      'aws kms create-key',
    )
    id = KeyMetadata.KeyId
    keyArn = KeyMetadata.Arn
  })
  after(() => server.stop())

  async function newUser(name: string): Promise<Terminal> {
    const made = await admin.json<AccessKeyAnswer>(
      `aws iam create-user --user-name ${name} > user.json; aws iam create-access-key --user-name ${name}`,
    )
    return terminal(server, { endpoint: server.url, credentials: issuedKey(made) })
  }

  const grant = (operations: string, more = '') =>
    admin.json<Granted>(
      `aws kms create-grant --key-id ${id} --grantee-principal ${arn('user/worker')} --operations ${operations} ${more}`,
    )
  const encrypt = (more = '') =>
    `aws kms encrypt --key-id ${keyArn} --plaintext x ${more} --query CiphertextBlob --output text`
  const refused = (action: string) => ({
    code: 'AccessDeniedException',
    operation: action,
    message: `User: ${arn('user/worker')} is not authorized to perform: kms:${action} on resource: ${keyArn} because no identity-based policy allows the kms:${action} action`,
  })

  test('create-grant lets its grantee in for its operations and contexts, and list-grants shows it', async () => {
    assert.deepEqual(await worker.refusal(encrypt()), refused('Encrypt'))
    const { GrantId, GrantToken } = await grant(
      'Encrypt Decrypt',
      `--name app --retiring-principal ${arn('user/retirer')} --constraints EncryptionContextSubset={tenant=red}`,
    )
    assert.match(GrantId, /^[0-9a-f]{64}$/)
    const sealed = await worker.text(encrypt('--encryption-context tenant=red,file=1'))
    writeFileSync(join(worker.folder, 'sealed'), Buffer.from(sealed, 'base64'))
    assert.equal(
      await worker.text(
        `aws kms decrypt --ciphertext-blob fileb://sealed --encryption-context tenant=red,file=1 --grant-tokens ${GrantToken} --query Plaintext --output text | base64 --decode`,
      ),
      'x',
    )
    assert.deepEqual(await worker.refusal(encrypt('--encryption-context tenant=blue')), refused('Encrypt'))
    assert.deepEqual(
      await worker.refusal(`aws kms generate-data-key --key-id ${keyArn} --key-spec AES_256`),
      refused('GenerateDataKey'),
    )

    const { Grants } = await admin.json<Listed>(`aws kms list-grants --key-id ${id}`)
    assert.equal(Grants.length, 1)
    const { CreationDate, ...listed } = Grants[0] ?? {}
    assert.ok(Math.abs(Date.parse(String(CreationDate)) - Date.now()) < 120_000)
    assert.deepEqual(listed, {
      KeyId: keyArn,
      GrantId,
      Name: 'app',
      GranteePrincipal: arn('user/worker'),
      RetiringPrincipal: arn('user/retirer'),
      IssuingAccount: arn('root'),
      Operations: ['Decrypt', 'Encrypt'],
      Constraints: { EncryptionContextSubset: { tenant: 'red' } },
    })
    // The same again is the same grant.
    const again = await grant(
      'Encrypt Decrypt',
      `--name app --retiring-principal ${arn('user/retirer')} --constraints EncryptionContextSubset={tenant=red}`,
    )
    assert.equal(again.GrantId, GrantId)
    assert.notEqual(again.GrantToken, GrantToken)
  })

  test('list-retirable-grants tells a retiring principal what it may retire, and retire-grant ends it', async () => {
    writeFileSync(
      join(admin.folder, 'list'),
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'kms:ListRetirableGrants', Resource: '*' }],
      }),
    )
    const list = `aws kms list-retirable-grants --retiring-principal ${arn('user/retirer')}`
    assert.deepEqual(await retirer.refusal(list), {
      code: 'AccessDeniedException',
      operation: 'ListRetirableGrants',
      message: `User: ${arn('user/retirer')} is not authorized to perform: kms:ListRetirableGrants on resource: * because no identity-based policy allows the kms:ListRetirableGrants action`,
    })
    await admin.text(
      'aws iam put-user-policy --user-name retirer --policy-name list --policy-document file://list',
    )
    const { GrantId } = await grant('GenerateDataKey', `--retiring-principal ${arn('user/retirer')}`)
    const ids = async () => (await retirer.json<Listed>(list)).Grants.map((one) => one['GrantId'])
    assert.ok((await ids()).includes(GrantId))
    const generate = `aws kms generate-data-key --key-id ${keyArn} --key-spec AES_256`
    await worker.json(generate)

    const retire = `aws kms retire-grant --key-id ${keyArn} --grant-id ${GrantId}`
    const byGrantee = await worker.refusal(retire)
    assert.equal(byGrantee.code, 'AccessDeniedException')
    assert.match(byGrantee.message, /is not authorized to perform: kms:RetireGrant on resource: /)
    assert.equal(await retirer.text(retire), '')
    assert.ok(!(await ids()).includes(GrantId))
    assert.deepEqual(await worker.refusal(generate), refused('GenerateDataKey'))
  })

  test('retire-grant takes the token of whoever may retire', async () => {
    const { GrantId, GrantToken } = await grant('GenerateDataKey RetireGrant')
    assert.equal(await worker.text(`aws kms retire-grant --grant-token ${GrantToken}`), '')
    const { Grants } = await admin.json<Listed>(`aws kms list-grants --key-id ${id} --grant-id ${GrantId}`)
    assert.deepEqual(Grants, [])
    assert.equal(
      (await worker.refusal('aws kms retire-grant --grant-token Zm9yZ2Vk')).code,
      'InvalidGrantTokenException',
    )
  })

  test('revoke-grant ends a grant at once, and list-grants filters by grantee', async () => {
    const { GrantId } = await grant('GenerateDataKey')
    const generate = `aws kms generate-data-key --key-id ${keyArn} --key-spec AES_256`
    await worker.json(generate)
    const of = async (user: string) =>
      (
        await admin.json<Listed>(
          `aws kms list-grants --key-id ${id} --grantee-principal ${arn(`user/${user}`)}`,
        )
      ).Grants.map((one) => one['GrantId'])
    assert.ok((await of('worker')).includes(GrantId))
    assert.deepEqual(await of('retirer'), [])
    const revoke = `aws kms revoke-grant --key-id ${id} --grant-id ${GrantId}`
    assert.equal(await admin.text(revoke), '')
    assert.deepEqual(await worker.refusal(generate), refused('GenerateDataKey'))
    assert.deepEqual(await admin.refusal(revoke), {
      code: 'NotFoundException',
      operation: 'RevokeGrant',
      message: `Grant ID ${GrantId} not found`,
    })
  })

  test('the CLI pages through the grants of a key, each once', async () => {
    const { KeyMetadata } = await admin.json<{ KeyMetadata: { KeyId: string } }>('aws kms create-key')
    const made = await admin.text(`
for at in 1 2 3; do
  aws kms create-grant --key-id ${KeyMetadata.KeyId} --grantee-principal ${arn('user/worker')} --operations Decrypt --query GrantId --output text
done`)
    const { Grants } = await admin.json<Listed>(
      `aws kms list-grants --key-id ${KeyMetadata.KeyId} --page-size 1`,
    )
    assert.deepEqual(Grants.map((one) => String(one['GrantId'])).sort(), made.split('\n').sort())
  })

  test('what no grant can be is refused', async () => {
    const create = (rest: string) => `aws kms create-grant --key-id ${id} ${rest}`
    const to = `--grantee-principal ${arn('user/worker')}`
    assert.deepEqual(
      await admin.refusal(create(`--grantee-principal ${arn('user/missing')} --operations Decrypt`)),
      {
        code: 'InvalidArnException',
        operation: 'CreateGrant',
        message: `ARN does not refer to a valid principal: ${arn('user/missing')}`,
      },
    )
    assert.deepEqual(await admin.refusal(create(`${to} --operations CreateGrant`)), {
      code: 'ValidationException',
      operation: 'CreateGrant',
      message: 'Grants must not contain only the CreateGrant operation.',
    })
    assert.equal((await admin.refusal(create(`${to} --operations Sign`))).code, 'ValidationException')
    const byWorker = await worker.refusal(create(`${to} --operations Decrypt`).replace(id, keyArn))
    assert.deepEqual(byWorker, refused('CreateGrant'))
  })
})

describe('the AWS CLI with key policies', () => {
  let server: ServerProcess
  let admin: Terminal
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    admin = terminal(server, { endpoint: server.url })
  })
  after(() => server.stop())

  test('put-key-policy refuses to shut its author out, unless the lockout check is bypassed', async () => {
    const { KeyMetadata } = await admin.json<{ KeyMetadata: { KeyId: string; Arn: string } }>(
      'aws kms create-key',
    )
    const made = await admin.json<AccessKeyAnswer>(
      'aws iam create-user --user-name keeper > user.json; aws iam create-access-key --user-name keeper',
    )
    const keeper = terminal(server, { endpoint: server.url, credentials: issuedKey(made) })
    writeFileSync(
      join(admin.folder, 'keeper'),
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { AWS: arn('user/keeper') }, Action: 'kms:*', Resource: '*' },
        ],
      }),
    )
    const put = `aws kms put-key-policy --key-id ${KeyMetadata.KeyId} --policy-name default --policy file://keeper`
    const lockedOut = (operation: string) => ({
      code: 'MalformedPolicyDocumentException',
      operation,
      message: 'The new key policy will not allow you to update the key policy in the future.',
    })
    assert.deepEqual(await admin.refusal(put), lockedOut('PutKeyPolicy'))
    assert.deepEqual(await admin.refusal('aws kms create-key --policy file://keeper'), lockedOut('CreateKey'))
    assert.equal(await admin.text(`${put} --bypass-policy-lockout-safety-check`), '')

    const describe = `aws kms describe-key --key-id ${KeyMetadata.KeyId}`
    assert.deepEqual(await admin.refusal(describe), {
      code: 'AccessDeniedException',
      operation: 'DescribeKey',
      message: `User: ${arn('root')} is not authorized to perform: kms:DescribeKey on resource: ${KeyMetadata.Arn} because no resource-based policy allows the kms:DescribeKey action`,
    })
    await keeper.json(describe)
    await keeper.json(`aws kms get-key-policy --key-id ${KeyMetadata.KeyId} --policy-name default`)
  })
})
