import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { policyOf } from '../identity-clients.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { terminalOf, type AccessKeyAnswer } from './cli-credentials.ts'
import { terminal, type Terminal } from './terminal.ts'

const account = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${account}:${resource}`
const allow = (Action: string | string[]) => policyOf({ Effect: 'Allow', Action, Resource: '*' })

describe('the AWS CLI with users and groups of IAM', () => {
  let server: ServerProcess
  let admin: Terminal
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    admin = terminal(server, { endpoint: server.url })
  })
  after(() => server.stop())

  const write = (file: string, content: object) =>
    writeFileSync(join(admin.folder, file), JSON.stringify(content))

  const refusedAction = (who: string, action: string, resource?: string) =>
    `User: ${arn(who)} is not authorized to perform: ${action}` +
    `${resource === undefined ? '' : ` on resource: ${resource}`} because no identity-based policy allows the ${action} action`

  test('a user is made, shown, tagged, renamed and deleted', async () => {
    const { User } = await admin.json<{ User: Record<string, unknown> }>(
      'aws iam create-user --user-name Anna --path /team/ --tags Key=cost,Value=1',
    )
    const { UserId, CreateDate, ...rest } = User
    assert.match(String(UserId), /^AIDA[A-Z2-7]{17}$/)
    assert.ok(Math.abs(Date.parse(String(CreateDate)) - Date.now()) < 60_000)
    assert.deepEqual(rest, {
      Path: '/team/',
      UserName: 'Anna',
      Arn: arn('user/team/Anna'),
      Tags: [{ Key: 'cost', Value: '1' }],
    })
    assert.deepEqual((await admin.json<{ User: object }>('aws iam get-user --user-name Anna')).User, User)
    assert.deepEqual(await admin.refusal('aws iam create-user --user-name anna'), {
      code: 'EntityAlreadyExists',
      operation: 'CreateUser',
      message: 'User with name anna already exists.',
    })
    await admin.text('aws iam tag-user --user-name Anna --tags Key=stage,Value=test')
    await admin.text('aws iam untag-user --user-name Anna --tag-keys cost')
    assert.deepEqual((await admin.json<{ Tags: object }>('aws iam list-user-tags --user-name Anna')).Tags, [
      { Key: 'stage', Value: 'test' },
    ])
    await admin.text('aws iam update-user --user-name Anna --new-user-name Anne --new-path /other/')
    assert.equal(
      await admin.text(
        "aws iam list-users --path-prefix /other/ --query 'Users[].[UserName,UserId]' --output text",
      ),
      `Anne\t${String(UserId)}`,
    )
    await admin.text('aws iam delete-user --user-name Anne')
    assert.deepEqual(await admin.refusal('aws iam get-user --user-name Anne'), {
      code: 'NoSuchEntity',
      operation: 'GetUser',
      message: 'The user with name Anne cannot be found.',
    })
  })

  test('a user has two access keys, which say when they were used and can be turned off', async () => {
    await admin.text('aws iam create-user --user-name keys')
    const own = await terminalOf('keys', server, admin)
    const { Arn } = await own.json<{ Arn: string }>('aws sts get-caller-identity')
    assert.equal(Arn, arn('user/keys'))
    const second = await admin.json<AccessKeyAnswer>('aws iam create-access-key --user-name keys')
    assert.deepEqual(await admin.refusal('aws iam create-access-key --user-name keys'), {
      code: 'LimitExceeded',
      operation: 'CreateAccessKey',
      message: 'Cannot exceed quota for AccessKeysPerUser: 2',
    })
    const listed = await admin.json<{ AccessKeyMetadata: { AccessKeyId: string; Status: string }[] }>(
      'aws iam list-access-keys --user-name keys',
    )
    assert.deepEqual(
      listed.AccessKeyMetadata.map(({ Status }) => Status),
      ['Active', 'Active'],
    )
    const first = listed.AccessKeyMetadata.find((one) => one.AccessKeyId !== second.AccessKey.AccessKeyId)
    const lastUsed = async (id: string | undefined) =>
      (
        await admin.json<{ UserName: string; AccessKeyLastUsed: Record<string, string> }>(
          `aws iam get-access-key-last-used --access-key-id ${id}`,
        )
      ).AccessKeyLastUsed
    const { LastUsedDate, ...where } = await lastUsed(first?.AccessKeyId)
    assert.ok(Math.abs(Date.parse(LastUsedDate ?? '') - Date.now()) < 120_000)
    assert.deepEqual(where, { ServiceName: 'sts', Region: 'us-east-1' })
    assert.deepEqual(await lastUsed(second.AccessKey.AccessKeyId), { ServiceName: 'N/A', Region: 'N/A' })

    const turn = (status: string) =>
      admin.text(
        `aws iam update-access-key --user-name keys --access-key-id ${first?.AccessKeyId} --status ${status}`,
      )
    await turn('Inactive')
    assert.deepEqual(await own.refusal('aws sts get-caller-identity'), {
      code: 'InvalidClientTokenId',
      operation: 'GetCallerIdentity',
      message: 'The security token included in the request is invalid.',
    })
    assert.deepEqual(await own.refusal('aws kms list-keys'), {
      code: 'UnrecognizedClientException',
      operation: 'ListKeys',
      message: 'The security token included in the request is invalid.',
    })
    await turn('Active')
    await own.json('aws sts get-caller-identity')
    await admin.text(`aws iam delete-access-key --user-name keys --access-key-id ${first?.AccessKeyId}`)
    assert.equal((await own.refusal('aws sts get-caller-identity')).code, 'InvalidClientTokenId')
  })

  test("a group's policies are its members', and what is inline comes back as JSON", async () => {
    await admin.text('aws iam create-user --user-name member; aws iam create-group --group-name readers')
    const own = await terminalOf('member', server, admin)
    assert.deepEqual(await own.refusal('aws kms list-keys'), {
      code: 'AccessDeniedException',
      operation: 'ListKeys',
      message: refusedAction('user/member', 'kms:ListKeys', '*'),
    })
    const document = allow('kms:ListKeys')
    write('readers.json', document)
    await admin.text(
      'aws iam put-group-policy --group-name readers --policy-name lists --policy-document file://readers.json',
    )
    await admin.text('aws iam add-user-to-group --group-name readers --user-name member')
    await own.json('aws kms list-keys')
    const inline = await admin.json<{ PolicyDocument: object }>(
      'aws iam get-group-policy --group-name readers --policy-name lists',
    )
    assert.deepEqual(inline.PolicyDocument, document)
    assert.deepEqual(await admin.json('aws iam list-group-policies --group-name readers'), {
      PolicyNames: ['lists'],
    })
    const names = (command: string, query: string) =>
      admin.text(`aws iam ${command} --query '${query}' --output text`)
    assert.equal(await names('get-group --group-name readers', 'Users[].UserName'), 'member')
    assert.equal(await names('list-groups-for-user --user-name member', 'Groups[].GroupName'), 'readers')
    assert.equal(await names('list-groups', 'Groups[?GroupName==`readers`].GroupName'), 'readers')
    assert.equal((await admin.refusal('aws iam delete-group --group-name readers')).code, 'DeleteConflict')

    await admin.text('aws iam remove-user-from-group --group-name readers --user-name member')
    assert.equal((await own.refusal('aws kms list-keys')).code, 'AccessDeniedException')
    await admin.text(
      'aws iam delete-group-policy --group-name readers --policy-name lists; aws iam delete-group --group-name readers',
    )
  })

  test('what the CLI pages by itself arrives whole, and the account can be read as one', async () => {
    for (let at = 0; at < 3; at++)
      await admin.text(`aws iam create-group --group-name page-${at} --path /page/`)
    assert.equal(
      await admin.text(
        "aws iam list-groups --path-prefix /page/ --page-size 1 --query 'Groups[].GroupName' --output text",
      ),
      'page-0\npage-1\npage-2',
    )
    const details = await admin.json<{ GroupDetailList: { GroupName: string }[] }>(
      'aws iam get-account-authorization-details --filter Group',
    )
    assert.ok(details.GroupDetailList.some(({ GroupName }) => GroupName === 'page-2'))
    const { SummaryMap } = await admin.json<{ SummaryMap: Record<string, number> }>(
      'aws iam get-account-summary',
    )
    assert.equal(SummaryMap['Groups'], details.GroupDetailList.length)
  })

  test('what is malformed is refused and says why', async () => {
    await admin.text('aws iam create-user --user-name malformed')
    const put = (document: string) =>
      admin.refusal(
        `aws iam put-user-policy --user-name malformed --policy-name p --policy-document '${document}'`,
      )
    assert.equal((await put('{')).code, 'MalformedPolicyDocument')
    assert.equal((await put(JSON.stringify(policyOf({ Effect: 'Maybe' })))).code, 'MalformedPolicyDocument')
    const named = await admin.refusal("aws iam create-user --user-name 'a b'")
    assert.equal(named.code, 'ValidationError')
    assert.match(named.message, /userName/)
    assert.equal(
      (
        await admin.refusal(
          'aws iam attach-user-policy --user-name malformed --policy-arn arn:aws:iam::aws:policy/None',
        )
      ).code,
      'NoSuchEntity',
    )
  })
})
