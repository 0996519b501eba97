import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../../crypto/random.ts'
import { createAdministration } from '../../deployment/administration.ts'
import { timersAtWork } from '../../schedule/testing/timers-at-work.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import { kmsRig } from './testing/kms-rig.ts'

const DAY_MS = 86_400_000
const Plaintext = Buffer.from('an object')

const rig = await kmsRig(wholeFile())
const { clock, opened } = rig
const root = await rig.root()
const administrator = await rig.role({
  name: 'administrator',
  allow: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
})
const forwarded = (...services: string[]) =>
  administrator.standing({ forwarded: { services, certificateFingerprint: '00' } })
const s3 = await forwarded('s3.us-east-1.amazonaws.com')

test('an AWS managed key is rotated every year, which can be seen and not be set', async () => {
  const { CiphertextBlob, KeyId: arn } = await rig.ask(s3, 'Encrypt', { KeyId: 'alias/aws/s3', Plaintext })
  assert.ok(arn !== undefined && CiphertextBlob !== undefined)
  const KeyId = arn
  const createdAtMs = clock.now()
  const timers = timersAtWork(opened, clock, { jumpWaitMs: 0 })
  await timers.ran()
  for (let year = 1; year <= 3; year++) {
    const status = await rig.ask(root, 'GetKeyRotationStatus', { KeyId })
    assert.equal(status.KeyRotationEnabled, true)
    assert.equal(status.RotationPeriodInDays, 365)
    assert.deepEqual(status.NextRotationDate, new Date(createdAtMs + year * 365 * DAY_MS))
    const next = timers.ran()
    clock.advance(365 * DAY_MS)
    await next
    const { Rotations = [] } = await rig.ask(root, 'ListKeyRotations', { KeyId })
    assert.deepEqual(
      Rotations.map(({ RotationType }) => RotationType),
      Array<string>(year).fill('AUTOMATIC'),
    )
  }
  await timers.stop()
  const opens = await rig.ask(s3, 'Decrypt', { CiphertextBlob })
  assert.deepEqual(Buffer.from(opens.Plaintext ?? []), Plaintext)
  for (const operation of ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand'] as const) {
    await assert.rejects(rig.ask(root, operation, { KeyId }), { code: 'AccessDeniedException' })
  }
})

test('nor does an operator change its policy', async () => {
  const { KeyId } = await rig.ask(s3, 'Encrypt', { KeyId: 'alias/aws/s3', Plaintext })
  const passphrase = () => Promise.reject(new Error('no passphrase is asked for here'))
  const { keyPolicy } = createAdministration(opened, {
    clock,
    random: systemRandom,
    rootKeySource: { provider: 'file', file: '', passphrase, random: systemRandom },
  })
  await assert.rejects(
    keyPolicy.reset({ id: KeyId ?? '', reason: 'to try' }, { userName: 'tester' }),
    /is an AWS managed key/,
  )
})

test('only a service that keeps keys in use makes grants on its own key, and for its own way only', async () => {
  const ebs = await forwarded('ebs.us-east-1.amazonaws.com')
  const { KeyId = '' } = await rig.ask(ebs, 'Encrypt', { KeyId: 'alias/aws/ebs', Plaintext })
  const grant = { KeyId, GranteePrincipal: administrator.arn, Operations: ['Decrypt' as const] }
  const { GrantId = '' } = await rig.ask(ebs, 'CreateGrant', grant)
  await assert.rejects(rig.ask(root, 'CreateGrant', grant), { code: 'AccessDeniedException' })
  await rig.ask(root, 'RevokeGrant', { KeyId, GrantId })
  const { KeyId: ofS3 = '' } = await rig.ask(s3, 'Encrypt', { KeyId: 'alias/aws/s3', Plaintext })
  await assert.rejects(rig.ask(s3, 'CreateGrant', { ...grant, KeyId: ofS3 }), {
    code: 'AccessDeniedException',
  })
})
