import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyEngine, KeyPairBytes } from '../../crypto/key-engine.ts'
import { TooManyWaiting } from '../../crypto/material.ts'
import { systemRandom } from '../../crypto/random.ts'
import { openLinks } from '../../links/open-links.ts'
import { quietLog } from '../../deployment/testing/deployment-fixture.ts'
import { REGION, testCall } from '../../testing/test-call.ts'
import { there } from '../../testing/there.ts'
import { kmsService } from './service.ts'
import { kmsRig, type KmsRig } from './testing/kms-rig.ts'

/** Asks as the account's root of a service whose key pairs come from there. */
async function serviceWith(rig: KmsRig, generatePair: KeyEngine['generatePair']) {
  const { opened, clock, change } = rig
  const engine = { ...opened.engine, generatePair }
  const parts = {
    ...opened,
    attestation: undefined,
    linked: openLinks({ ...opened, ownRegions: new Set([REGION]), clock, log: quietLog }).keys,
    engine,
    regions: new Set([REGION]),
    random: systemRandom,
    now: () => clock.now(),
  }
  const service = kmsService(parts)
  const root = await rig.root()
  const { KeyMetadata } = await rig.ask(root, 'CreateKey', {})
  return async (operation: string, more: object) => {
    const { call } = testCall(root, { timeMs: clock.now() }, change)
    const request = { KeyId: there(KeyMetadata).KeyId, KeyPairSpec: 'ECC_NIST_P256', ...more }
    return (await there(service.operations.get(operation)).run(request, call)) as Record<string, unknown>
  }
}

test('a private key that is not given out is wiped, and so is one that could not be sealed', async (t) => {
  const rig = await kmsRig(t)
  const pairs: KeyPairBytes[] = []
  const ask = await serviceWith(rig, async (form, owner) => {
    assert.equal(owner, rig.opened.firstAccountId)
    const pair = await rig.opened.engine.generatePair(form, owner)
    pairs.push(pair)
    return pair
  })
  await ask('GenerateDataKeyPairWithoutPlaintext', {})
  // Ill-formed Unicode, which no request gets this far.
  const EncryptionContext = new Map([['a', '\ud800']])
  for (const operation of ['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'])
    await assert.rejects(ask(operation, { EncryptionContext }), RangeError)
  assert.equal(pairs.length, 3)
  for (const { privateKey } of pairs) assert.ok(privateKey.every((byte) => byte === 0))

  const given = await ask('GenerateDataKeyPair', {})
  assert.equal(given['PrivateKeyPlaintext'], pairs[3]?.privateKey)
  assert.ok(pairs[3]?.privateKey.some((byte) => byte !== 0))
})

test('nothing is generated for a dry run, or for one who may not have it', async (t) => {
  const rig = await kmsRig(t)
  const ask = await serviceWith(rig, () => assert.fail('a pair was generated'))
  for (const operation of ['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'])
    await assert.rejects(ask(operation, { DryRun: true }), { code: 'DryRunOperationException' })
})

test('when more is asked for than can be made, the client hears that it is to come again', async (t) => {
  const rig = await kmsRig(t)
  const ask = await serviceWith(rig, () => Promise.reject(new TooManyWaiting()))
  await assert.rejects(ask('GenerateDataKeyPair', {}), {
    code: 'ThrottlingException',
    message: 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  })
})
