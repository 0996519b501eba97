import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { oidcIssuer, type OidcIssuer } from '../../server/src/identity/testing/oidc-issuer.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { sessionOptions, type SessionAnswer } from './cli-credentials.ts'
import { addProfile, pointStsAt, profileKey } from './cli-profiles.ts'
import { newMfaUser } from './mfa-user.ts'
import { terminal, type Terminal } from './terminal.ts'

const account = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${account}:${resource}`
const policyOf = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })
const withFactor = { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }

describe('the AWS CLI with virtual MFA devices', () => {
  let server: ServerProcess
  let admin: Terminal
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    admin = terminal(server, { endpoint: server.url })
    const write = (file: string, text: string) => writeFileSync(join(admin.folder, file), text)
    write(
      'policy',
      policyOf({ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*', Condition: withFactor }),
    )
    write(
      'trust',
      policyOf({
        Effect: 'Allow',
        Principal: { AWS: account },
        Action: 'sts:AssumeRole',
        Condition: { NumericLessThan: { 'aws:MultiFactorAuthAge': '300' } },
      }),
    )
    write('aliases', policyOf({ Effect: 'Allow', Action: 'kms:ListAliases', Resource: '*' }))
    write('assume', policyOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }))
  })
  after(() => server.stop())

  const newUser = (name: string) => newMfaUser(server, admin, name)

  test('a device comes with a picture of its seed, is listed, and is given up before it is deleted', async () => {
    const device = arn('mfa/team/phone')
    const made = await admin.json<{ VirtualMFADevice: object }>(
      'aws iam create-virtual-mfa-device --path /team/ --virtual-mfa-device-name phone --bootstrap-method QRCodePNG --outfile phone.png --tags Key=team,Value=blue',
    )
    assert.deepEqual(made.VirtualMFADevice, {
      SerialNumber: device,
      Tags: [{ Key: 'team', Value: 'blue' }],
    })
    assert.equal(readFileSync(join(admin.folder, 'phone.png')).toString('latin1', 1, 4), 'PNG')
    const serials = (status: string) =>
      admin.text(
        `aws iam list-virtual-mfa-devices --assignment-status ${status} --query 'VirtualMFADevices[].SerialNumber' --output text`,
      )
    assert.ok((await serials('Unassigned')).includes(device))
    assert.ok(!(await serials('Assigned')).includes(device))
    await admin.text(`aws iam delete-virtual-mfa-device --serial-number ${device}`)
    assert.deepEqual(await admin.refusal(`aws iam delete-virtual-mfa-device --serial-number ${device}`), {
      code: 'NoSuchEntity',
      operation: 'DeleteVirtualMFADevice',
      message: `VirtualMFADevice with serial number ${device} doesn't exist.`,
    })
  })

  test('get-session-token with a code gives what needs a second factor, and a code works once', async () => {
    const { shell, app } = await newUser('careful')
    await admin.text(
      'aws iam put-user-policy --user-name careful --policy-name keys --policy-document file://policy',
    )
    assert.equal((await shell.refusal('aws kms list-keys')).code, 'AccessDeniedException')
    const ask = (code: string) =>
      `aws sts get-session-token --serial-number ${arn('mfa/careful')} --token-code ${code} --duration-seconds 900`
    const code = app.next()
    const session = await shell.json<SessionAnswer>(ask(code))
    const inSession = terminal(server, { endpoint: server.url, ...sessionOptions(session) })
    await inSession.json('aws kms list-keys')
    assert.deepEqual(await shell.refusal(ask(code)), {
      code: 'AccessDenied',
      operation: 'GetSessionToken',
      message: 'MultiFactorAuthentication failed with invalid MFA one time pass code.',
    })
    // A session without a code has no second factor.
    const plain = await shell.json<SessionAnswer>('aws sts get-session-token')
    const without = terminal(server, { endpoint: server.url, ...sessionOptions(plain) })
    assert.equal((await without.refusal('aws kms list-keys')).code, 'AccessDeniedException')

    const serial = `--serial-number ${arn('mfa/careful')}`
    const listed = await admin.json<{ MFADevices: { UserName: string; SerialNumber: string }[] }>(
      'aws iam list-mfa-devices --user-name careful',
    )
    assert.deepEqual(
      listed.MFADevices.map(({ UserName, SerialNumber }) => [UserName, SerialNumber]),
      [['careful', arn('mfa/careful')]],
    )
    assert.deepEqual(await admin.refusal(`aws iam delete-virtual-mfa-device ${serial}`), {
      code: 'DeleteConflict',
      operation: 'DeleteVirtualMFADevice',
      message: 'MFA VirtualDevice in use. Must deactivate first.',
    })
    await admin.text(`
aws iam deactivate-mfa-device --user-name careful ${serial}
aws iam delete-virtual-mfa-device ${serial}`)
  })

  test('a profile with mfa_serial asks for the code and assumes a role that wants a recent one', async () => {
    const { shell, key, app } = await newUser('roles')
    await admin.text(`
aws iam put-user-policy --user-name roles --policy-name assume --policy-document file://assume
aws iam create-role --role-name guarded --assume-role-policy-document file://trust > role.json
aws iam put-role-policy --role-name guarded --policy-name aliases --policy-document file://aliases
aws iam put-role-policy --role-name guarded --policy-name keys --policy-document file://policy`)
    pointStsAt(shell, server.url)
    addProfile(shell, 'roles', profileKey(key))
    const role = { role_arn: arn('role/guarded'), source_profile: 'roles', role_session_name: 'careful' }
    addProfile(shell, 'guarded', { ...role, mfa_serial: arn('mfa/roles') })
    addProfile(shell, 'careless', role)
    assert.equal((await shell.refusal('aws kms list-keys --profile careless')).operation, 'AssumeRole')
    // Without a terminal of its own the CLI reads the code from its input.
    const typed = `echo ${app.next()} | setsid --wait aws kms list-aliases --profile guarded`
    assert.match(await shell.text(typed), /"Aliases"/)
    // The role's session, which the CLI keeps, has no second factor of its own, as at AWS.
    assert.equal((await shell.refusal('aws kms list-keys --profile guarded')).code, 'AccessDeniedException')
  })
})

describe('the AWS CLI with web identities', () => {
  let server: ServerProcess
  let admin: Terminal
  let idp: OidcIssuer
  const cleanUps: (() => unknown)[] = []
  before(async () => {
    idp = await oidcIssuer({ after: (cleanUp) => cleanUps.push(cleanUp) })
    server = await startServer({
      env: { KEYWRIGHT_ACCOUNT_ID: account },
      args: ['--egress-allow', 'localhost', '--egress-ca-file', idp.site.caFile],
    })
    admin = terminal(server, { endpoint: server.url })
  })
  after(async () => {
    await server.stop()
    for (const cleanUp of cleanUps) cleanUp()
  })

  test('a provider is made, shown, changed and deleted, and its tokens give the role that trusts them', async () => {
    const host = idp.issuer.slice('https://'.length)
    const provider = arn(`oidc-provider/${host}`)
    const on = `--open-id-connect-provider-arn ${provider}`
    assert.deepEqual(
      await admin.json(
        `aws iam create-open-id-connect-provider --url ${idp.issuer} --client-id-list first --thumbprint-list ${'a'.repeat(40)}`,
      ),
      { OpenIDConnectProviderArn: provider },
    )
    assert.deepEqual(await admin.json('aws iam list-open-id-connect-providers'), {
      OpenIDConnectProviderList: [{ Arn: provider }],
    })
    await admin.text(`
aws iam add-client-id-to-open-id-connect-provider ${on} --client-id sts.amazonaws.com
aws iam remove-client-id-from-open-id-connect-provider ${on} --client-id first
aws iam update-open-id-connect-provider-thumbprint ${on} --thumbprint-list ${'b'.repeat(40)}
aws iam tag-open-id-connect-provider ${on} --tags Key=cluster,Value=one`)
    const { CreateDate, ...shown } = await admin.json<Record<string, unknown>>(
      `aws iam get-open-id-connect-provider ${on}`,
    )
    assert.ok(Math.abs(Date.parse(String(CreateDate)) - Date.now()) < 120_000)
    assert.deepEqual(shown, {
      Url: host,
      ClientIDList: ['sts.amazonaws.com'],
      ThumbprintList: ['b'.repeat(40)],
      Tags: [{ Key: 'cluster', Value: 'one' }],
    })

    writeFileSync(
      join(admin.folder, 'trust'),
      policyOf({
        Effect: 'Allow',
        Principal: { Federated: provider },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { [`${host}:sub`]: 'system:serviceaccount:prod:app' } },
      }),
    )
    await admin.text('aws iam create-role --role-name pod --assume-role-policy-document file://trust')
    const tokenFile = join(admin.folder, 'token')
    const pod = { role_arn: arn('role/pod'), web_identity_token_file: tokenFile, role_session_name: 'app-1' }
    pointStsAt(admin, server.url)
    addProfile(admin, 'pod', pod)
    writeFileSync(
      tokenFile,
      await idp.sign({ sub: 'system:serviceaccount:dev:app', aud: 'sts.amazonaws.com' }),
    )
    assert.deepEqual(await admin.refusal('aws sts get-caller-identity --profile pod'), {
      code: 'AccessDenied',
      operation: 'AssumeRoleWithWebIdentity',
      message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    })
    writeFileSync(
      tokenFile,
      await idp.sign({ sub: 'system:serviceaccount:prod:app', aud: 'sts.amazonaws.com' }),
    )
    const { Arn } = await admin.json<{ Arn: string }>('aws sts get-caller-identity --profile pod')
    assert.equal(Arn, `arn:aws:sts::${account}:assumed-role/pod/app-1`)

    await admin.text(`aws iam delete-open-id-connect-provider ${on}`)
    assert.equal((await admin.refusal(`aws iam get-open-id-connect-provider ${on}`)).code, 'NoSuchEntity')
  })
})
