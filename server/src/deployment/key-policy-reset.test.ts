import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { kmsRig } from '../services/kms/testing/kms-rig.ts'
import { createAdministration } from './administration.ts'

const operator = { userName: 'tester' }
const reason = 'its administrator was deleted'

test('an operator gives a key that nobody can manage any more back to its account', async (t) => {
  const rig = await kmsRig(t)
  const passphrase = () => Promise.reject(new Error('no passphrase is asked for here'))
  const { keyPolicy } = createAdministration(rig.opened, {
    clock: rig.clock,
    random: systemRandom,
    rootKeySource: { provider: 'file', file: '', passphrase, random: systemRandom },
  })
  const root = await rig.root()
  const { KeyMetadata } = await rig.ask(root, 'CreateKey', {})
  const KeyId = KeyMetadata?.KeyId ?? ''
  const Policy =
    '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"}}'
  await rig.ask(root, 'PutKeyPolicy', { KeyId, Policy, BypassPolicyLockoutSafetyCheck: true })
  const denied = { code: 'AccessDeniedException' }
  await assert.rejects(rig.ask(root, 'PutKeyPolicy', { KeyId, Policy }), denied)

  const done = await keyPolicy.reset({ id: KeyId, reason }, operator)
  assert.deepEqual(done, { arn: KeyMetadata?.Arn, formerPolicy: Policy })
  const { Policy: present } = await rig.ask(root, 'GetKeyPolicy', { KeyId })
  assert.match(present ?? '', /Enable IAM User Permissions/)
  await rig.ask(root, 'Encrypt', { KeyId, Plaintext: Buffer.from('x') })
  const unknown = '00000000-0000-4000-8000-000000000000'
  await assert.rejects(keyPolicy.reset({ id: unknown, reason }, operator), /there is no key/)
})
