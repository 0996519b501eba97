import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type ServerProcess } from '../server-process.ts'
import { sessionOptions, type SessionAnswer } from './cli-credentials.ts'
import { newMfaUser } from './mfa-user.ts'
import { terminal, type Terminal } from './terminal.ts'

const account = '111122223333'
const root = {
  Sid: 'Enable IAM User Permissions',
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${account}:root` },
  Action: 'kms:*',
  Resource: '*',
}
const critical = [
  'kms:DeleteAlias',
  'kms:DeleteImportedKeyMaterial',
  'kms:PutKeyPolicy',
  'kms:ScheduleKeyDeletion',
]
const statement = {
  Sid: 'MFACriticalKMSEvents',
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${account}:user/ExampleUser` },
  Action: critical,
  Resource: '*',
  Condition: { NumericLessThan: { 'aws:MultiFactorAuthAge': '300' } },
}

describe('the published key policy that wants a second factor for dangerous calls', () => {
  let server: ServerProcess
  let admin: Terminal
  let id: string
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    admin = terminal(server, { endpoint: server.url })
    id = await admin.text('aws kms create-key --query KeyMetadata.KeyId --output text')
  })
  after(() => server.stop())

  const put = (policy: object) => {
    writeFileSync(
      join(admin.folder, 'policy'),
      JSON.stringify({ Version: '2012-10-17', Statement: [root, policy] }),
    )
    return `aws kms put-key-policy --key-id ${id} --policy-name default --policy file://policy`
  }

  test('as it is published, with each of its three mistakes, it is refused as malformed', async () => {
    const { Action, Principal, Condition, ...rest } = statement
    const brokenArn = { AWS: `arn:aws:iam::${account}/user/ExampleUser` }
    const blankKey = { NumericLessThan: { 'aws: MultiFactorAuthAge': '300' } }
    await newMfaUser(server, admin, 'ExampleUser')
    for (const published of [
      { ...rest, Principal: brokenArn, Actions: Action, Condition: blankKey },
      { ...rest, Principal, Actions: Action, Condition },
      { ...rest, Principal: brokenArn, Action, Condition },
      { ...rest, Principal, Action, Condition: blankKey },
    ]) {
      const { code, operation } = await admin.refusal(put(published))
      assert.deepEqual([code, operation], ['MalformedPolicyDocumentException', 'PutKeyPolicy'])
    }
    const { Policy } = await admin.json<{ Policy: string }>(
      `aws kms get-key-policy --key-id ${id} --policy-name default`,
    )
    assert.ok(!Policy.includes('MFACriticalKMSEvents'))
  })

  test('corrected, it lets the user do them within five minutes of a code and not without one', async () => {
    const corrected = { ...statement, Principal: { AWS: `arn:aws:iam::${account}:user/careful` } }
    const { shell, app, serial } = await newMfaUser(server, admin, 'careful')
    assert.equal(await admin.text(put(corrected)), '')
    await admin.text(`aws kms create-alias --alias-name alias/guarded --target-key-id ${id}`)
    const schedule = `aws kms schedule-key-deletion --key-id ${id} --pending-window-in-days 30`
    const arn = `arn:aws:kms:us-east-1:${account}:key/${id}`
    assert.deepEqual(await shell.refusal(schedule), {
      code: 'AccessDeniedException',
      operation: 'ScheduleKeyDeletion',
      message: `User: arn:aws:iam::${account}:user/careful is not authorized to perform: kms:ScheduleKeyDeletion on resource: ${arn} because no identity-based policy allows the kms:ScheduleKeyDeletion action`,
    })
    const session = await shell.json<SessionAnswer>(
      `aws sts get-session-token --serial-number ${serial} --token-code ${app.next()}`,
    )
    const inSession = terminal(server, { endpoint: server.url, ...sessionOptions(session) })
    await inSession.json(schedule)
    assert.equal(
      (await inSession.refusal(`aws kms cancel-key-deletion --key-id ${id}`)).code,
      'AccessDeniedException',
    )
    // DeleteAlias is asked on the alias too, of which no key policy can speak.
    const deletion = await inSession.refusal('aws kms delete-alias --alias-name alias/guarded')
    assert.equal(deletion.code, 'AccessDeniedException')
    assert.match(
      deletion.message,
      /kms:DeleteAlias on resource: \S+:alias\/guarded because no identity-based/,
    )
  })
})
