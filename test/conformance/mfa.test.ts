import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { codeOfStep, stepOf } from '../../server/src/identity/mfa-totp.ts'
import { seedOf } from '../base32-seed.ts'
import {
  assertRefusedWith,
  iamClient,
  newUser,
  policyOf,
  sessionCredentials,
  stsClient,
} from '../identity-clients.ts'
import { journalOf } from '../journal-of.ts'
import { startServer, type Credentials, type ServerProcess } from '../server-process.ts'

const ACCOUNT = '111122223333'
let server: ServerProcess
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
})
after(() => server.stop())

async function newDevice(VirtualMFADeviceName: string, more: object = {}) {
  const made = await iamClient(server).createVirtualMFADevice({ VirtualMFADeviceName, ...more })
  const { SerialNumber, Base32StringSeed, QRCodePNG } = made.VirtualMFADevice ?? {}
  assert.ok(SerialNumber && Base32StringSeed && QRCodePNG)
  const secret = Buffer.from(Base32StringSeed).toString('latin1')
  const seed = seedOf(secret)
  // The step is taken once: a test that goes over the end of one still has codes that fit together.
  const step = stepOf(Date.now())
  return { SerialNumber, secret, QRCodePNG, code: (stepsOff: number) => codeOfStep(seed, step + stepsOff) }
}

test('a device is made with a seed and a picture of it, which are shown once', async () => {
  const { SerialNumber, secret, QRCodePNG } = await newDevice('shown', { Path: '/team/' })
  assert.equal(SerialNumber, `arn:aws:iam::${ACCOUNT}:mfa/team/shown`)
  assert.match(secret, /^[A-Z2-7]{64}$/)
  assert.deepEqual(Buffer.from(QRCodePNG).subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n')
  const iam = iamClient(server)
  const { VirtualMFADevices } = await iam.listVirtualMFADevices({ AssignmentStatus: 'Unassigned' })
  const listed = VirtualMFADevices?.find((device) => device.SerialNumber === SerialNumber)
  assert.deepEqual(Object.keys(listed ?? {}), ['SerialNumber'])
  await assertRefusedWith(
    iam.createVirtualMFADevice({ VirtualMFADeviceName: 'shown', Path: '/team/' }),
    'EntityAlreadyExists',
    409,
    'MFADevice entity at the same path and name already exists.',
  )
  assert.ok(!(await journalOf(server)).text.includes(secret))
})

test('two codes in a row enable a device; then it makes sessions that may what others may not', async () => {
  const iam = iamClient(server)
  const credentials: Credentials = await newUser(
    iam,
    'alice',
    policyOf({
      Effect: 'Allow',
      Action: 'iam:GetUser',
      Resource: '*',
      Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
    }),
  )
  const { SerialNumber, code } = await newDevice('alice')
  const enable = (AuthenticationCode1: string, AuthenticationCode2: string) =>
    iam.enableMFADevice({ UserName: 'alice', SerialNumber, AuthenticationCode1, AuthenticationCode2 })
  await assertRefusedWith(
    enable(code(0), code(-1)),
    'InvalidAuthenticationCode',
    403,
    'Authentication code for device is not valid.',
  )
  await enable(code(-1), code(0))
  await assertRefusedWith(enable(code(-1), code(0)), 'EntityAlreadyExists', 409)
  const { MFADevices } = await iam.listMFADevices({ UserName: 'alice' })
  assert.deepEqual(
    MFADevices?.map((device) => [device.UserName, device.SerialNumber]),
    [['alice', SerialNumber]],
  )
  assert.ok((await iam.getMFADevice({ SerialNumber, UserName: 'alice' })).EnableDate)
  const { VirtualMFADevices } = await iam.listVirtualMFADevices({ AssignmentStatus: 'Assigned' })
  assert.equal(VirtualMFADevices?.[0]?.User?.UserName, 'alice')

  const sts = stsClient(server, credentials)
  const wrong = 'MultiFactorAuthentication failed with invalid MFA one time pass code.'
  const ask = (TokenCode: string) => sts.getSessionToken({ SerialNumber, TokenCode })
  await assertRefusedWith(ask(code(0)), 'AccessDenied', 403, wrong)
  const session = sessionCredentials((await ask(code(1))).Credentials)
  await assertRefusedWith(ask(code(1)), 'AccessDenied', 403, wrong)

  assert.equal((await iamClient(server, session).getUser({})).User?.UserName, 'alice')
  await assertRefusedWith(iamClient(server, credentials).getUser({}), 'AccessDenied', 403)

  await assertRefusedWith(
    iam.deleteVirtualMFADevice({ SerialNumber }),
    'DeleteConflict',
    409,
    'MFA VirtualDevice in use. Must deactivate first.',
  )
  await iam.deactivateMFADevice({ UserName: 'alice', SerialNumber })
  await assertRefusedWith(
    ask(code(1)),
    'AccessDenied',
    403,
    'MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.',
  )
  await iam.deleteVirtualMFADevice({ SerialNumber })
  await assertRefusedWith(
    iam.deleteVirtualMFADevice({ SerialNumber }),
    'NoSuchEntity',
    404,
    `VirtualMFADevice with serial number ${SerialNumber} doesn't exist.`,
  )
  assert.ok(!(await journalOf(server)).text.includes(`"${code(1)}"`))
})

test('a device is tagged', async () => {
  const iam = iamClient(server)
  const { SerialNumber } = await newDevice('tagged', { Tags: [{ Key: 'team', Value: 'blue' }] })
  await iam.tagMFADevice({ SerialNumber, Tags: [{ Key: 'stage', Value: 'test' }] })
  await iam.untagMFADevice({ SerialNumber, TagKeys: ['TEAM'] })
  assert.deepEqual((await iam.listMFADeviceTags({ SerialNumber })).Tags, [{ Key: 'stage', Value: 'test' }])
})

test("another user's device enables nobody", async () => {
  const iam = iamClient(server)
  await newUser(iam, 'bob')
  await newUser(iam, 'carol')
  const { SerialNumber, code } = await newDevice('bob')
  const codes = { AuthenticationCode1: code(-1), AuthenticationCode2: code(0) }
  await iam.enableMFADevice({ UserName: 'bob', SerialNumber, ...codes })
  await assertRefusedWith(iam.deactivateMFADevice({ UserName: 'carol', SerialNumber }), 'NoSuchEntity', 404)
  await assertRefusedWith(iam.getMFADevice({ UserName: 'carol', SerialNumber }), 'NoSuchEntity', 404)
  await assertRefusedWith(iam.deleteUser({ UserName: 'bob' }), 'DeleteConflict', 409)
})
