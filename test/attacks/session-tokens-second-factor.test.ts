import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { codeOfStep, stepOf } from '../../server/src/identity/mfa-totp.ts'
import { seedOf } from '../base32-seed.ts'
import { iamClient, newUser, policyOf, sessionCredentials, stsClient } from '../identity-clients.ts'
import { kmsClient } from '../kms-client.ts'
import { startServer, type Credentials, type ServerProcess } from '../server-process.ts'

const ACCOUNT = '111122223333'
const MOST_AT_ONCE = 12

let server: ServerProcess
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
})
after(() => server.stop())

/** A user with a device, of which the codes of this step and the one before are used up. */
async function userWithDevice(UserName: string) {
  const iam = iamClient(server)
  const credentials = await newUser(
    iam,
    UserName,
    policyOf(
      { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' },
      {
        Effect: 'Allow',
        Action: 'kms:CreateKey',
        Resource: '*',
        Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
      },
    ),
  )
  const { VirtualMFADevice } = await iam.createVirtualMFADevice({ VirtualMFADeviceName: UserName })
  const SerialNumber = VirtualMFADevice?.SerialNumber ?? ''
  const seed = seedOf(Buffer.from(VirtualMFADevice?.Base32StringSeed ?? []).toString('latin1'))
  const step = stepOf(Date.now())
  const code = (stepsOff: number) => codeOfStep(seed, step + stepsOff)
  await iam.enableMFADevice({
    UserName,
    SerialNumber,
    AuthenticationCode1: code(-1),
    AuthenticationCode2: code(0),
  })
  return { credentials, SerialNumber, code }
}

const session = (credentials: Credentials, SerialNumber: string, TokenCode: string) =>
  stsClient(server, credentials).getSessionToken({ SerialNumber, TokenCode })

test('a code that many show at the same time, each on a connection of its own, is accepted once', async () => {
  const { credentials, SerialNumber, code } = await userWithDevice('racer')
  const outcomes = await Promise.allSettled(
    Array.from({ length: MOST_AT_ONCE }, () => session(credentials, SerialNumber, code(1))),
  )
  const accepted = outcomes.filter(({ status }) => status === 'fulfilled')
  assert.equal(accepted.length, 1)
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected')
      assert.match(String(outcome.reason), /AccessDenied|MultiFactorAuthentication failed/)
  }
  // What it made has the second factor, and what was there before does not.
  const [first] = accepted
  assert.ok(first?.status === 'fulfilled')
  const kms = kmsClient(server, { credentials: sessionCredentials(first.value.Credentials) })
  assert.ok((await kms.createKey({})).KeyMetadata)
  await assert.rejects(kmsClient(server, { credentials }).createKey({}), { name: 'AccessDeniedException' })
})

test('codes that were used, that are old, and that are of another’s device are no second factor', async () => {
  const mine = await userWithDevice('mine')
  const theirs = await userWithDevice('theirs')
  const refused = (TokenCode: string, SerialNumber = mine.SerialNumber) =>
    assert.rejects(session(mine.credentials, SerialNumber, TokenCode), { name: 'AccessDenied' })
  await refused(mine.code(0))
  await refused(mine.code(-1))
  await refused(theirs.code(1), theirs.SerialNumber)
  await refused(mine.code(1), theirs.SerialNumber)
  await session(theirs.credentials, theirs.SerialNumber, theirs.code(1))
})

test('a session without the second factor gets none by asking for another, or by a tag that says so', async () => {
  const { credentials } = await userWithDevice('plain')
  const { Credentials: issued } = await stsClient(server, credentials).getSessionToken({})
  const plain = sessionCredentials(issued)
  await assert.rejects(kmsClient(server, { credentials: plain }).createKey({}), {
    name: 'AccessDeniedException',
  })
  await iamClient(server).tagUser({
    UserName: 'plain',
    Tags: [{ Key: 'aws-MultiFactorAuthPresent', Value: 'true' }],
  })
  await assert.rejects(kmsClient(server, { credentials: plain }).createKey({}), {
    name: 'AccessDeniedException',
  })
  await assert.rejects(stsClient(server, plain).getSessionToken({}))
})
