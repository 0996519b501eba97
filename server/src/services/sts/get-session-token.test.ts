import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { AwsError } from '../../aws-error.ts'
import { codeOfStep, stepOf } from '../../identity/mfa-totp.ts'
import { stsRig } from './testing/sts-rig.ts'

const STEP_MS = 30_000

async function denied(work: Promise<unknown>, text?: string, code = 'AccessDenied'): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof AwsError, String(error))
    assert.equal(error.code, code, error.message)
    if (text !== undefined) assert.equal(error.message, text)
    return true
  })
}

const wrongDevice =
  'MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.'
const wrongCode = 'MultiFactorAuthentication failed with invalid MFA one time pass code.'

/** A user with a device that is enabled. */
async function rigWithDevice(t: TestContext) {
  const rig = await stsRig(t)
  const { mfaDevices } = rig.opened
  const alice = await rig.user('alice')
  const serialNumber = `arn:aws:iam::${rig.accountId}:mfa/alice`
  const { seed } = await rig.change((tx) =>
    mfaDevices.create(tx, { serialNumber, accountId: rig.accountId, tags: [] }),
  )
  const code = (stepsOff = 0) => codeOfStep(seed, stepOf(rig.clock.now()) + stepsOff)
  await rig.change(async (tx) => {
    const stored = await mfaDevices.read(tx.db, serialNumber)
    assert.ok(stored)
    assert.ok(await mfaDevices.enable(tx, stored, alice.principal.principalId, [code(-1), code()]))
  })
  rig.clock.advance(2 * STEP_MS)
  return { rig, alice, serialNumber, code }
}

test("a user's session is the user, and says that there was no second factor", async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  const issued = await rig.call(await alice.standing(), 'GetSessionToken', {})
  assert.equal(issued.answer.Credentials.Expiration.getTime(), rig.clock.now() + 43_200_000)
  const holder = await rig.holderOf(issued)
  assert.equal(holder.caller.arn, `arn:aws:iam::${rig.accountId}:user/alice`)
  assert.equal(holder.caller.principalId, alice.principal.principalId)
  assert.equal(holder.context.get('aws:multifactorauthpresent'), 'false')
})

test('a session of the root user lasts an hour at most', async (t) => {
  const rig = await stsRig(t)
  const { accessKeys, firstAccountId: accountId } = rig.opened
  await rig.change((tx) =>
    accessKeys.create(tx, {
      accountId,
      accessKeyId: 'AKIAROOTROOTROOTROOT',
      secretAccessKey: 'a'.repeat(40),
    }),
  )
  const issued = await rig.call(await rig.root(), 'GetSessionToken', { DurationSeconds: 7200 })
  assert.equal(issued.answer.Credentials.Expiration.getTime(), rig.clock.now() + 3_600_000)
  assert.equal((await rig.holderOf(issued)).principal.type, 'root')
})

test('a session ends when the access key that asked for it is disabled or gone, or the user', async (t) => {
  const rig = await stsRig(t)
  const { accessKeys } = rig.opened
  const alice = await rig.user('alice')
  const issued = await rig.call(await alice.standing(), 'GetSessionToken', {})
  const setStatus = (status: 'Active' | 'Inactive') =>
    rig.change(async (tx) => {
      const key = await accessKeys.read(alice.accessKeyId)
      assert.ok(key)
      await accessKeys.setStatus(tx, key, status)
    })
  await setStatus('Inactive')
  await assert.rejects(rig.holderOf(issued))
  await setStatus('Active')
  assert.ok(await rig.holderOf(issued))
  await rig.change(async (tx) => {
    const key = await accessKeys.read(alice.accessKeyId)
    assert.ok(key)
    await accessKeys.remove(tx, key)
  })
  await assert.rejects(rig.holderOf(issued))
})

test('temporary credentials get no session, and of STS a session of a user calls two operations', async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  const holder = await rig.holderOf(await rig.call(await alice.standing(), 'GetSessionToken', {}))
  await denied(
    rig.call(holder, 'GetSessionToken', {}),
    'Cannot call GetSessionToken with session credentials',
  )
  await denied(rig.call(holder, 'GetAccessKeyInfo', { AccessKeyId: alice.accessKeyId }))
  assert.ok(await rig.call(holder, 'GetCallerIdentity', {}))
})

test('a session that a service got for a user calls nothing of STS', async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  const holder = await rig.holderOf(await rig.call(await alice.standing(), 'GetSessionToken', {}))
  const { caller } = holder
  assert.ok(caller.session)
  const forwarded = {
    ...holder,
    caller: {
      ...caller,
      session: {
        ...caller.session,
        forwarded: { services: ['s3.amazonaws.com'], certificateFingerprint: 'f' },
      },
    },
  }
  for (const operation of ['GetCallerIdentity', 'GetSessionToken', 'AssumeRole']) {
    await denied(rig.call(forwarded, operation, { RoleArn: 'x', RoleSessionName: 'y' }))
  }
})

test('with a second factor the session has it, and its age', async (t) => {
  const { rig, alice, serialNumber, code } = await rigWithDevice(t)
  const request = { SerialNumber: serialNumber, TokenCode: code() }
  const issued = await rig.call(await alice.standing(), 'GetSessionToken', request)
  const holder = await rig.holderOf(issued)
  assert.equal(holder.context.get('aws:multifactorauthpresent'), 'true')
  assert.equal(holder.caller.session?.mfaAtMs, rig.clock.now())
  // Once, whatever for.
  await denied(rig.call(await alice.standing(), 'GetSessionToken', request), wrongCode)
})

test('a second factor is both its parts, of a device of the caller, and right', async (t) => {
  const { rig, alice, serialNumber, code } = await rigWithDevice(t)
  const bob = await rig.user('bob')
  const ask = async (who: typeof alice, request: object) =>
    rig.call(await who.standing(), 'GetSessionToken', { ...request })
  const both = 'MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.'
  await denied(ask(alice, { SerialNumber: serialNumber }), both)
  await denied(ask(alice, { TokenCode: code() }), both)
  await denied(ask(bob, { SerialNumber: serialNumber, TokenCode: code() }), wrongDevice)
  await denied(ask(alice, { SerialNumber: `${serialNumber}x`, TokenCode: code() }), wrongDevice)
  await denied(
    ask(alice, { SerialNumber: `arn:aws:iam::${rig.accountId}:user/alice`, TokenCode: code() }),
    wrongDevice,
  )
  await denied(ask(alice, { SerialNumber: serialNumber, TokenCode: code(3) }), wrongCode)
})

test('who guesses codes is soon not listened to, right or wrong', async (t) => {
  const { rig, alice, serialNumber, code } = await rigWithDevice(t)
  const ask = async (TokenCode: string) =>
    rig.call(await alice.standing(), 'GetSessionToken', { SerialNumber: serialNumber, TokenCode })
  for (let i = 0; i < 5; i++) await denied(ask(code(10 + i)), wrongCode)
  await denied(ask(code()), wrongCode)
  rig.clock.advance(STEP_MS)
  assert.ok(await ask(code()))
})

test('a role can ask for a second factor, and AssumeRole shows it', async (t) => {
  const { rig, alice, serialNumber, code } = await rigWithDevice(t)
  const trust = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${rig.accountId}:user/alice` },
    Action: 'sts:AssumeRole',
    Condition: {
      Bool: { 'aws:MultiFactorAuthPresent': 'true' },
      NumericLessThan: { 'aws:MultiFactorAuthAge': '300' },
    },
  }
  await rig.role('dangerous', [trust])
  const RoleArn = `arn:aws:iam::${rig.accountId}:role/dangerous`
  const assume = async (who: Awaited<ReturnType<typeof alice.standing>>, more: object = {}) =>
    rig.call(who, 'AssumeRole', { RoleArn, RoleSessionName: 'session', ...more })
  await denied(assume(await alice.standing()), undefined, 'AccessDeniedException')
  const used = code()
  const assumed = await assume(await alice.standing(), { SerialNumber: serialNumber, TokenCode: used })
  // The role's session does not pass the second factor on.
  const holder = await rig.holderOf(assumed)
  assert.equal(holder.context.get('aws:multifactorauthpresent'), 'false')
  await denied(assume(await alice.standing(), { SerialNumber: serialNumber, TokenCode: used }), wrongCode)

  rig.clock.advance(STEP_MS)
  const request = { SerialNumber: serialNumber, TokenCode: code() }
  const session = await rig.call(await alice.standing(), 'GetSessionToken', request)
  assert.ok(await assume(await rig.holderOf(session)))
  rig.clock.advance(301_000)
  await denied(assume(await rig.holderOf(session)), undefined, 'AccessDeniedException')
})

test('a code is not used up by a request that is refused', async (t) => {
  const { rig, alice, serialNumber, code } = await rigWithDevice(t)
  const RoleArn = `arn:aws:iam::${rig.accountId}:role/nobody`
  const factor = { SerialNumber: serialNumber, TokenCode: code() }
  const standing = await alice.standing()
  await denied(
    rig.call(standing, 'AssumeRole', { RoleArn, RoleSessionName: 'session', ...factor }),
    undefined,
    'AccessDeniedException',
  )
  assert.ok(await rig.call(standing, 'GetSessionToken', factor))
})

test('GetAccessKeyInfo names the account of long-lived and of temporary keys', async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  const root = await rig.root()
  const issued = await rig.call(await alice.standing(), 'GetSessionToken', {})
  for (const AccessKeyId of [alice.accessKeyId, issued.answer.Credentials.AccessKeyId]) {
    const { answer } = await rig.call(root, 'GetAccessKeyInfo', { AccessKeyId })
    assert.deepEqual(answer, { Account: rig.accountId })
  }
  await denied(
    rig.call(root, 'GetAccessKeyInfo', { AccessKeyId: 'AKIANOBODYNOBODYNOBO' }),
    undefined,
    'ValidationError',
  )
  await denied(
    rig.call(await alice.standing(), 'GetAccessKeyInfo', { AccessKeyId: alice.accessKeyId }),
    undefined,
    'AccessDeniedException',
  )
})
