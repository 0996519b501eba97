import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

type State = 'Enabled' | 'Disabled' | 'PendingDeletion'
const states: readonly State[] = ['Enabled', 'Disabled', 'PendingDeletion']

/** ok; D = DisabledException; K = KMSInvalidStateException; DK = either of them. */
type Outcome = 'ok' | 'D' | 'K' | 'DK'

interface Subject {
  readonly KeyId: string
  readonly CiphertextBlob: Uint8Array | undefined
  readonly alias: string
  readonly Policy: string | undefined
}

const other = await newKey(kms)
const Plaintext = Buffer.from('x')
const sealedByOther = (await kms.encrypt({ KeyId: other.id, Plaintext })).CiphertextBlob
let made = 0

/**
 * Every operation on a key, and what it does in each state.
 * @see AWS KMS Developer Guide, "Key states of AWS KMS keys"
 */
const table: Record<string, [Outcome, Outcome, Outcome, (subject: Subject) => Promise<unknown>]> = {
  Encrypt: ['ok', 'D', 'DK', ({ KeyId }) => kms.encrypt({ KeyId, Plaintext })],
  Decrypt: ['ok', 'D', 'DK', ({ CiphertextBlob }) => kms.decrypt({ CiphertextBlob })],
  'Decrypt with KeyId': [
    'ok',
    'D',
    'DK',
    ({ KeyId, CiphertextBlob }) => kms.decrypt({ KeyId, CiphertextBlob }),
  ],
  'Encrypt by alias': ['ok', 'D', 'DK', ({ alias }) => kms.encrypt({ KeyId: alias, Plaintext })],
  'ReEncrypt from': [
    'ok',
    'D',
    'DK',
    ({ CiphertextBlob }) => kms.reEncrypt({ CiphertextBlob, DestinationKeyId: other.id }),
  ],
  'ReEncrypt to': [
    'ok',
    'D',
    'DK',
    ({ KeyId }) => kms.reEncrypt({ CiphertextBlob: sealedByOther, DestinationKeyId: KeyId }),
  ],
  GenerateDataKey: ['ok', 'D', 'DK', ({ KeyId }) => kms.generateDataKey({ KeyId, KeySpec: 'AES_256' })],
  GenerateDataKeyWithoutPlaintext: [
    'ok',
    'D',
    'DK',
    ({ KeyId }) => kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256' }),
  ],
  DescribeKey: ['ok', 'ok', 'ok', ({ KeyId }) => kms.describeKey({ KeyId })],
  GetKeyPolicy: ['ok', 'ok', 'ok', ({ KeyId }) => kms.getKeyPolicy({ KeyId })],
  PutKeyPolicy: ['ok', 'ok', 'ok', ({ KeyId, Policy }) => kms.putKeyPolicy({ KeyId, Policy })],
  GetKeyRotationStatus: ['ok', 'ok', 'ok', ({ KeyId }) => kms.getKeyRotationStatus({ KeyId })],
  ListKeyPolicies: ['ok', 'ok', 'ok', ({ KeyId }) => kms.listKeyPolicies({ KeyId })],
  ListResourceTags: ['ok', 'ok', 'ok', ({ KeyId }) => kms.listResourceTags({ KeyId })],
  ListAliases: ['ok', 'ok', 'ok', ({ KeyId }) => kms.listAliases({ KeyId })],
  DeleteAlias: ['ok', 'ok', 'ok', ({ alias }) => kms.deleteAlias({ AliasName: alias })],
  CreateAlias: [
    'ok',
    'ok',
    'K',
    ({ KeyId, alias }) => kms.createAlias({ AliasName: `${alias}-new`, TargetKeyId: KeyId }),
  ],
  'UpdateAlias away from it': [
    'ok',
    'ok',
    'ok',
    ({ alias }) => kms.updateAlias({ AliasName: alias, TargetKeyId: other.id }),
  ],
  'UpdateAlias to it': [
    'ok',
    'ok',
    'K',
    ({ KeyId, alias }) => kms.updateAlias({ AliasName: `${alias}-other`, TargetKeyId: KeyId }),
  ],
  TagResource: [
    'ok',
    'ok',
    'K',
    ({ KeyId }) => kms.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
  ],
  UntagResource: ['ok', 'ok', 'K', ({ KeyId }) => kms.untagResource({ KeyId, TagKeys: ['a'] })],
  UpdateKeyDescription: [
    'ok',
    'ok',
    'K',
    ({ KeyId }) => kms.updateKeyDescription({ KeyId, Description: 'changed' }),
  ],
  EnableKey: ['ok', 'ok', 'K', ({ KeyId }) => kms.enableKey({ KeyId })],
  DisableKey: ['ok', 'ok', 'K', ({ KeyId }) => kms.disableKey({ KeyId })],
  ScheduleKeyDeletion: ['ok', 'ok', 'K', ({ KeyId }) => kms.scheduleKeyDeletion({ KeyId })],
  CancelKeyDeletion: ['K', 'K', 'ok', ({ KeyId }) => kms.cancelKeyDeletion({ KeyId })],
}

async function keyIn(state: State): Promise<Subject> {
  const { id: KeyId } = await newKey(kms)
  const alias = `alias/state-${made++}`
  await kms.createAlias({ AliasName: alias, TargetKeyId: KeyId })
  await kms.createAlias({ AliasName: `${alias}-other`, TargetKeyId: other.id })
  const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext })
  const { Policy } = await kms.getKeyPolicy({ KeyId })
  if (state === 'Disabled') await kms.disableKey({ KeyId })
  if (state === 'PendingDeletion') await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  return { KeyId, CiphertextBlob, alias, Policy }
}

async function clear({ alias }: Subject): Promise<void> {
  for (const AliasName of [alias, `${alias}-other`, `${alias}-new`]) {
    await kms.deleteAlias({ AliasName }).catch((error: Error) => {
      assert.equal(error.name, 'NotFoundException')
    })
  }
}

const errors: Record<Exclude<Outcome, 'ok'>, string | RegExp> = {
  D: 'DisabledException',
  K: 'KMSInvalidStateException',
  DK: /^(Disabled|KMSInvalidState)Exception$/,
}

function messageOf(state: State, operation: string): string {
  if (state === 'PendingDeletion') return 'is pending deletion.'
  return operation === 'CancelKeyDeletion' ? 'is not pending deletion.' : 'is disabled.'
}

for (const [index, state] of states.entries()) {
  test(`every operation does with a key that is ${state} what AWS documents`, async () => {
    // One key for all that changes nothing, a fresh one for what does.
    const shared = await keyIn(state)
    for (const [name, entry] of Object.entries(table)) {
      const outcome = entry[index as 0 | 1 | 2]
      const changes = /Alias|^Enable|^Disable|Deletion$/.test(name) && name !== 'ListAliases'
      const subject = changes ? await keyIn(state) : shared
      const arn = `arn:aws:kms:us-east-1:000000000000:key/${subject.KeyId}`
      const call = entry[3](subject)
      if (outcome === 'ok') {
        await call.catch((error: Error) => assert.fail(`${name}: ${error.name} ${error.message}`))
      } else {
        await assertRefused(call, errors[outcome], `${arn} ${messageOf(state, name)}`)
      }
      if (changes) await clear(subject)
    }
    const { KeyMetadata } = await kms.describeKey({ KeyId: shared.KeyId })
    assert.equal(KeyMetadata?.KeyState, state, 'what only reads or uses leaves the state as it is')
    await clear(shared)
  })
}
