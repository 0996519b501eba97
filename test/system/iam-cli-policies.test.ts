import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { policyOf } from '../identity-clients.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { terminalOf } from './cli-credentials.ts'
import { terminal, type Terminal } from './terminal.ts'

const account = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${account}:${resource}`
const allow = (Action: string | string[]) => policyOf({ Effect: 'Allow', Action, Resource: '*' })

describe('the AWS CLI with policies and roles of IAM', () => {
  let server: ServerProcess
  let admin: Terminal
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    admin = terminal(server, { endpoint: server.url })
  })
  after(() => server.stop())

  const write = (file: string, content: object) =>
    writeFileSync(join(admin.folder, file), JSON.stringify(content))

  test('a managed policy has versions, of which one is in force', async () => {
    const PolicyArn = arn('policy/app/kms')
    const on = `--policy-arn ${PolicyArn}`
    await admin.text('aws iam create-user --user-name managed')
    const own = await terminalOf('managed', server, admin)
    write('v1.json', allow('kms:ListKeys'))
    const { Policy } = await admin.json<{ Policy: Record<string, unknown> }>(
      'aws iam create-policy --policy-name kms --path /app/ --policy-document file://v1.json --description Lists',
    )
    assert.match(String(Policy['PolicyId']), /^ANPA[A-Z2-7]{17}$/)
    assert.deepEqual(
      [Policy['Arn'], Policy['DefaultVersionId'], Policy['AttachmentCount'], Policy['IsAttachable']],
      [PolicyArn, 'v1', 0, true],
    )
    await admin.text(`aws iam attach-user-policy --user-name managed ${on}`)
    await own.json('aws kms list-keys')

    write('v2.json', allow('kms:ListAliases'))
    await admin.json(`aws iam create-policy-version ${on} --policy-document file://v2.json --set-as-default`)
    assert.equal((await own.refusal('aws kms list-keys')).code, 'AccessDeniedException')
    await own.json('aws kms list-aliases')
    const version = await admin.json<{ PolicyVersion: { Document: object; IsDefaultVersion: boolean } }>(
      `aws iam get-policy-version ${on} --version-id v1`,
    )
    assert.deepEqual(
      [version.PolicyVersion.Document, version.PolicyVersion.IsDefaultVersion],
      [allow('kms:ListKeys'), false],
    )
    await admin.text(`aws iam set-default-policy-version ${on} --version-id v1`)
    await own.json('aws kms list-keys')
    assert.equal(
      await admin.text(
        `aws iam list-policy-versions ${on} --query 'Versions[].[VersionId,IsDefaultVersion]' --output text`,
      ),
      'v2\tFalse\nv1\tTrue',
    )
    const entities = await admin.json<{ PolicyUsers: { UserName: string }[] }>(
      `aws iam list-entities-for-policy ${on}`,
    )
    assert.deepEqual(
      entities.PolicyUsers.map(({ UserName }) => UserName),
      ['managed'],
    )
    assert.equal((await admin.refusal(`aws iam delete-policy ${on}`)).code, 'DeleteConflict')
    assert.equal((await admin.refusal('aws iam delete-user --user-name managed')).code, 'DeleteConflict')
    await admin.text(`
aws iam detach-user-policy --user-name managed ${on}
aws iam delete-policy-version ${on} --version-id v2
aws iam delete-policy ${on}`)
    assert.deepEqual(await admin.refusal(`aws iam get-policy ${on}`), {
      code: 'NoSuchEntity',
      operation: 'GetPolicy',
      message: `Policy ${PolicyArn} was not found.`,
    })
    assert.equal((await own.refusal('aws kms list-keys')).code, 'AccessDeniedException')
  })

  test('a role has a trust policy, policies, a boundary and an instance profile, and goes when they are gone', async () => {
    const trust = policyOf({
      Effect: 'Allow',
      Principal: { Service: 'ec2.amazonaws.com' },
      Action: 'sts:AssumeRole',
    })
    write('trust.json', trust)
    const { Role } = await admin.json<{ Role: Record<string, unknown> }>(
      'aws iam create-role --role-name app --assume-role-policy-document file://trust.json --max-session-duration 7200',
    )
    assert.match(String(Role['RoleId']), /^AROA[A-Z2-7]{17}$/)
    assert.deepEqual([Role['Arn'], Role['AssumeRolePolicyDocument']], [arn('role/app'), trust])

    await admin.text('aws iam create-user --user-name truster')
    const trusted = policyOf({
      Effect: 'Allow',
      Principal: { AWS: arn('user/truster') },
      Action: 'sts:AssumeRole',
    })
    write('trust.json', trusted)
    write('policy.json', allow('kms:ListKeys'))
    await admin.text(`
aws iam update-role --role-name app --description 'An application' --max-session-duration 43200
aws iam update-assume-role-policy --role-name app --policy-document file://trust.json
aws iam put-role-policy --role-name app --policy-name inline --policy-document file://policy.json
aws iam attach-role-policy --role-name app --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess
aws iam put-role-permissions-boundary --role-name app --permissions-boundary arn:aws:iam::aws:policy/IAMFullAccess
aws iam tag-role --role-name app --tags Key=team,Value=blue`)
    const shown = (await admin.json<{ Role: Record<string, unknown> }>('aws iam get-role --role-name app'))
      .Role
    assert.deepEqual(shown['AssumeRolePolicyDocument'], trusted)
    assert.deepEqual(
      [shown['Description'], shown['MaxSessionDuration'], shown['Tags'], shown['PermissionsBoundary']],
      [
        'An application',
        43200,
        [{ Key: 'team', Value: 'blue' }],
        {
          PermissionsBoundaryType: 'Policy',
          PermissionsBoundaryArn: 'arn:aws:iam::aws:policy/IAMFullAccess',
        },
      ],
    )
    assert.deepEqual(await admin.json('aws iam list-role-policies --role-name app'), {
      PolicyNames: ['inline'],
    })
    assert.deepEqual(await admin.json('aws iam list-attached-role-policies --role-name app'), {
      AttachedPolicies: [
        { PolicyName: 'ReadOnlyAccess', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
      ],
    })

    const gone = async (message: string) =>
      assert.deepEqual(await admin.refusal('aws iam delete-role --role-name app'), {
        code: 'DeleteConflict',
        operation: 'DeleteRole',
        message: `Cannot delete entity, ${message}`,
      })
    await admin.json('aws iam create-instance-profile --instance-profile-name app')
    await admin.text('aws iam add-role-to-instance-profile --instance-profile-name app --role-name app')
    await gone('must remove roles from instance profile first.')
    assert.equal(
      await admin.text(
        "aws iam list-instance-profiles-for-role --role-name app --query 'InstanceProfiles[].Arn' --output text",
      ),
      arn('instance-profile/app'),
    )
    await admin.text(`
aws iam remove-role-from-instance-profile --instance-profile-name app --role-name app
aws iam delete-instance-profile --instance-profile-name app`)
    await gone('must delete policies first.')
    await admin.text('aws iam delete-role-policy --role-name app --policy-name inline')
    await gone('must detach all policies first.')
    await admin.text(`
aws iam detach-role-policy --role-name app --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess
aws iam delete-role-permissions-boundary --role-name app
aws iam delete-role --role-name app`)
    assert.equal((await admin.refusal('aws iam get-role --role-name app')).code, 'NoSuchEntity')
  })
})
