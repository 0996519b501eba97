import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { issuedKey, sessionOptions, type AccessKeyAnswer, type SessionAnswer } from './cli-credentials.ts'
import { addProfile, pointStsAt, profileKey } from './cli-profiles.ts'
import { terminal, type Terminal } from './terminal.ts'

const account = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${account}:${resource}`
const sessionArn = (role: string, name: string) => `arn:aws:sts::${account}:assumed-role/${role}/${name}`
const policyOf = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })
const external = { StringEquals: { 'sts:ExternalId': 'contract-7' } }

describe('the AWS CLI with roles of STS', () => {
  let server: ServerProcess
  let admin: Terminal
  let user: Terminal
  let dev: Credentials
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    admin = terminal(server, { endpoint: server.url })
    const write = (file: string, text: string) => writeFileSync(join(admin.folder, file), text)
    const trusted = { Effect: 'Allow', Principal: { AWS: arn('user/dev') } }
    write('trust', policyOf({ ...trusted, Action: 'sts:AssumeRole', Condition: external }))
    write('tags', policyOf({ ...trusted, Action: ['sts:AssumeRole', 'sts:TagSession'] }))
    write('keys', policyOf({ Effect: 'Allow', Action: ['kms:ListKeys', 'kms:ListAliases'], Resource: '*' }))
    write(
      'team',
      policyOf({
        Effect: 'Allow',
        Action: 'kms:ListKeys',
        Resource: '*',
        Condition: { StringEquals: { 'aws:PrincipalTag/team': 'blue' } },
      }),
    )
    const made = await admin.json<AccessKeyAnswer>(`
aws iam create-user --user-name dev > user.json
aws iam create-role --role-name ops --assume-role-policy-document file://trust > role.json
aws iam put-role-policy --role-name ops --policy-name keys --policy-document file://keys
aws iam create-role --role-name tagged --assume-role-policy-document file://tags > role.json
aws iam put-role-policy --role-name tagged --policy-name team --policy-document file://team
aws iam create-access-key --user-name dev`)
    dev = issuedKey(made)
    user = terminal(server, { endpoint: server.url, credentials: dev })
    pointStsAt(user, server.url)
    addProfile(user, 'dev', profileKey(dev))
  })
  after(() => server.stop())

  const assume = (role: string, more = '') =>
    `aws sts assume-role --role-arn ${arn(`role/${role}`)} --role-session-name build-7 ${more}`
  const shellOf = (session: SessionAnswer) =>
    terminal(server, { endpoint: server.url, ...sessionOptions(session) })

  test('get-caller-identity tells the root user and a user apart', async () => {
    assert.deepEqual(await admin.json('aws sts get-caller-identity'), {
      UserId: account,
      Account: account,
      Arn: arn('root'),
    })
    const { UserId, ...rest } = await user.json<Record<string, string>>('aws sts get-caller-identity')
    assert.match(UserId ?? '', /^AIDA[A-Z2-7]{17}$/)
    assert.deepEqual(rest, { Account: account, Arn: arn('user/dev') })
  })

  test('a profile with role_arn and source_profile has the CLI assume the role, with its external id', async () => {
    const role = { role_arn: arn('role/ops'), source_profile: 'dev', role_session_name: 'from-profile' }
    addProfile(user, 'ops', { ...role, external_id: 'contract-7' })
    addProfile(user, 'deputy', { ...role, external_id: 'contract-8' })
    const { Arn } = await user.json<{ Arn: string }>('aws sts get-caller-identity --profile ops')
    assert.equal(Arn, sessionArn('ops', 'from-profile'))
    await user.json('aws kms list-keys --profile ops')
    assert.deepEqual(await user.refusal('aws kms create-key --profile ops'), {
      code: 'AccessDeniedException',
      operation: 'CreateKey',
      message: `User: ${Arn} is not authorized to perform: kms:CreateKey on resource: * because no identity-based policy allows the kms:CreateKey action`,
    })
    // Whoever sends another customer's id is a confused deputy.
    assert.deepEqual(await user.refusal('aws kms list-keys --profile deputy'), {
      code: 'AccessDenied',
      operation: 'AssumeRole',
      message: `User: ${arn('user/dev')} is not authorized to perform: sts:AssumeRole on resource: ${arn('role/ops')} because no role trust policy allows the sts:AssumeRole action`,
    })
  })

  test('a session policy leaves of a role what it allows, and the refusal says that it was the session policy', async () => {
    writeFileSync(
      join(user.folder, 'session'),
      policyOf({ Effect: 'Allow', Action: ['kms:ListKeys', 'kms:CreateKey'], Resource: '*' }),
    )
    const session = await user.json<
      SessionAnswer & { AssumedRoleUser: { AssumedRoleId: string; Arn: string } }
    >(assume('ops', '--external-id contract-7 --policy file://session --duration-seconds 900'))
    assert.match(session.Credentials.AccessKeyId, /^ASIA[A-Z2-7]{16}$/)
    const seconds = (Date.parse(session.Credentials.Expiration) - Date.now()) / 1000
    assert.ok(seconds > 700 && seconds <= 900, `${seconds} s`)
    const shell = shellOf(session)
    const { Arn, UserId } = await shell.json<Record<string, string>>('aws sts get-caller-identity')
    assert.deepEqual([Arn, UserId], [session.AssumedRoleUser.Arn, session.AssumedRoleUser.AssumedRoleId])

    await shell.json('aws kms list-keys')
    const refused = async (command: string) => (await shell.refusal(command)).message
    const start = `User: ${Arn} is not authorized to perform:`
    assert.equal(
      await refused('aws kms list-aliases'),
      `${start} kms:ListAliases on resource: * because no session policy allows the kms:ListAliases action`,
    )
    // What the session policy allows beyond the role is not allowed.
    assert.equal(
      await refused('aws kms create-key'),
      `${start} kms:CreateKey on resource: * because no identity-based policy allows the kms:CreateKey action`,
    )
  })

  test('session tags are the tags of the session, where the trust policy lets them be set', async () => {
    const blue = shellOf(await user.json(assume('tagged', '--tags Key=team,Value=blue')))
    await blue.json('aws kms list-keys')
    const red = shellOf(await user.json(assume('tagged', '--tags Key=team,Value=red')))
    assert.equal((await red.refusal('aws kms list-keys')).code, 'AccessDeniedException')
    const untagged = await user.refusal(assume('ops', '--external-id contract-7 --tags Key=team,Value=blue'))
    assert.equal(untagged.code, 'AccessDenied')
    assert.match(
      untagged.message,
      /is not authorized to perform: sts:TagSession on resource: \S+role\/ops because no role trust policy allows/,
    )
  })

  test('assume-role is refused to the root user, for a role that is not there and for too long a time', async () => {
    assert.deepEqual(await admin.refusal(assume('ops', '--external-id contract-7')), {
      code: 'AccessDenied',
      operation: 'AssumeRole',
      message: 'Roles may not be assumed by root accounts.',
    })
    const missing = await user.refusal(assume('missing'))
    assert.equal(missing.code, 'AccessDenied')
    assert.equal(
      missing.message,
      `User: ${arn('user/dev')} is not authorized to perform: sts:AssumeRole on resource: ${arn('role/missing')} because no role trust policy allows the sts:AssumeRole action`,
    )
    assert.deepEqual(await user.refusal(assume('ops', '--external-id contract-7 --duration-seconds 7200')), {
      code: 'ValidationError',
      operation: 'AssumeRole',
      message: 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    })
  })

  test('a role that is chained from a role lasts an hour at most', async () => {
    writeFileSync(
      join(admin.folder, 'chain'),
      policyOf({ Effect: 'Allow', Principal: { AWS: arn('role/tagged') }, Action: 'sts:AssumeRole' }),
    )
    await admin.text(
      'aws iam create-role --role-name chained --max-session-duration 43200 --assume-role-policy-document file://chain',
    )
    const first = shellOf(await user.json(assume('tagged')))
    const second = shellOf(await first.json(assume('chained', '--duration-seconds 3600')))
    const { Arn } = await second.json<{ Arn: string }>('aws sts get-caller-identity')
    assert.equal(Arn, sessionArn('chained', 'build-7'))
    assert.deepEqual(await first.refusal(assume('chained', '--duration-seconds 3601')), {
      code: 'ValidationError',
      operation: 'AssumeRole',
      message:
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    })
  })

  test('get-access-key-info says whose key it is, and get-session-token gives the user again', async () => {
    assert.deepEqual(await admin.json(`aws sts get-access-key-info --access-key-id ${dev.accessKeyId}`), {
      Account: account,
    })
    const shell = shellOf(await user.json('aws sts get-session-token --duration-seconds 900'))
    const { Arn } = await shell.json<{ Arn: string }>('aws sts get-caller-identity')
    assert.equal(Arn, arn('user/dev'))
    assert.equal((await shell.refusal('aws iam get-user')).code, 'InvalidClientTokenId')
  })
})
