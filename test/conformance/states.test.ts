import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, test } from 'node:test'
import type { CreateKeyCommandInput } from '@aws-sdk/client-kms'
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
  GenerateDataKeyPair: [
    'ok',
    'D',
    'DK',
    ({ KeyId }) => kms.generateDataKeyPair({ KeyId, KeyPairSpec: 'ECC_NIST_P256' }),
  ],
  GenerateDataKeyPairWithoutPlaintext: [
    'ok',
    'D',
    'DK',
    ({ KeyId }) => kms.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec: 'ECC_NIST_P256' }),
  ],
  DescribeKey: ['ok', 'ok', 'ok', ({ KeyId }) => kms.describeKey({ KeyId })],
  GetKeyPolicy: ['ok', 'ok', 'ok', ({ KeyId }) => kms.getKeyPolicy({ KeyId })],
  PutKeyPolicy: ['ok', 'ok', 'ok', ({ KeyId, Policy }) => kms.putKeyPolicy({ KeyId, Policy })],
  GetKeyRotationStatus: ['ok', 'ok', 'ok', ({ KeyId }) => kms.getKeyRotationStatus({ KeyId })],
  EnableKeyRotation: ['ok', 'D', 'K', ({ KeyId }) => kms.enableKeyRotation({ KeyId })],
  DisableKeyRotation: ['ok', 'D', 'K', ({ KeyId }) => kms.disableKeyRotation({ KeyId })],
  RotateKeyOnDemand: ['ok', 'D', 'K', ({ KeyId }) => kms.rotateKeyOnDemand({ KeyId })],
  ListKeyRotations: ['ok', 'ok', 'ok', ({ KeyId }) => kms.listKeyRotations({ KeyId })],
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

const SigningAlgorithm = 'ECDSA_SHA_256'
const MacAlgorithm = 'HMAC_SHA_256'
const KeyAgreementAlgorithm = 'ECDH'
const EncapsulationAlgorithm = 'ML_KEM'
const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
const Message = Plaintext
const { publicKey: peer } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const PublicKey = peer.export({ type: 'spki', format: 'der' })

/** What keys of other kinds do, each with what was made with it while it was enabled. */
const otherKeys: {
  readonly key: CreateKeyCommandInput
  before(KeyId: string): Promise<Uint8Array | undefined>
  readonly table: Record<
    string,
    [Outcome, Outcome, Outcome, (KeyId: string, before: Uint8Array | undefined) => Promise<unknown>]
  >
}[] = [
  {
    key: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    before: async (KeyId) => (await kms.sign({ KeyId, Message, SigningAlgorithm })).Signature,
    table: {
      Sign: ['ok', 'D', 'DK', (KeyId) => kms.sign({ KeyId, Message, SigningAlgorithm })],
      Verify: [
        'ok',
        'D',
        'DK',
        (KeyId, Signature) => kms.verify({ KeyId, Message, Signature, SigningAlgorithm }),
      ],
      GetPublicKey: ['ok', 'ok', 'DK', (KeyId) => kms.getPublicKey({ KeyId })],
      DescribeKey: ['ok', 'ok', 'ok', (KeyId) => kms.describeKey({ KeyId })],
      GetKeyRotationStatus: ['ok', 'ok', 'ok', (KeyId) => kms.getKeyRotationStatus({ KeyId })],
    },
  },
  {
    key: { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    before: async (KeyId) => (await kms.generateMac({ KeyId, Message, MacAlgorithm })).Mac,
    table: {
      GenerateMac: ['ok', 'D', 'DK', (KeyId) => kms.generateMac({ KeyId, Message, MacAlgorithm })],
      VerifyMac: ['ok', 'D', 'DK', (KeyId, Mac) => kms.verifyMac({ KeyId, Message, Mac, MacAlgorithm })],
    },
  },
  {
    key: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
    before: async () => undefined,
    table: {
      DeriveSharedSecret: [
        'ok',
        'D',
        'DK',
        (KeyId) => kms.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm, PublicKey }),
      ],
      'GetPublicKey of a key for agreement': ['ok', 'ok', 'DK', (KeyId) => kms.getPublicKey({ KeyId })],
    },
  },
  {
    key: { KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' },
    before: async (KeyId) =>
      (await kms.encapsulate({ KeyId, EncapsulationAlgorithm })).SharedSecretCiphertextBlob,
    table: {
      Encapsulate: ['ok', 'D', 'DK', (KeyId) => kms.encapsulate({ KeyId, EncapsulationAlgorithm })],
      Decapsulate: [
        'ok',
        'D',
        'DK',
        (KeyId, SharedSecretCiphertextBlob) =>
          kms.decapsulate({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob }),
      ],
      'GetPublicKey of a key for encapsulation': ['ok', 'ok', 'DK', (KeyId) => kms.getPublicKey({ KeyId })],
    },
  },
  {
    key: { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
    before: async (KeyId) => (await kms.encrypt({ KeyId, Plaintext, EncryptionAlgorithm })).CiphertextBlob,
    table: {
      'Encrypt with RSA': [
        'ok',
        'D',
        'DK',
        (KeyId) => kms.encrypt({ KeyId, Plaintext, EncryptionAlgorithm }),
      ],
      'Decrypt with RSA': [
        'ok',
        'D',
        'DK',
        (KeyId, CiphertextBlob) => kms.decrypt({ KeyId, CiphertextBlob, EncryptionAlgorithm }),
      ],
      'ReEncrypt from RSA': [
        'ok',
        'D',
        'DK',
        (SourceKeyId, CiphertextBlob) =>
          kms.reEncrypt({
            CiphertextBlob,
            SourceKeyId,
            SourceEncryptionAlgorithm: EncryptionAlgorithm,
            DestinationKeyId: other.id,
          }),
      ],
      'ReEncrypt to RSA': [
        'ok',
        'D',
        'DK',
        (DestinationKeyId) =>
          kms.reEncrypt({
            CiphertextBlob: sealedByOther,
            DestinationKeyId,
            DestinationEncryptionAlgorithm: EncryptionAlgorithm,
          }),
      ],
      'GetPublicKey of an RSA key': ['ok', 'ok', 'DK', (KeyId) => kms.getPublicKey({ KeyId })],
    },
  },
]

async function bring(KeyId: string, state: State): Promise<void> {
  if (state === 'Disabled') await kms.disableKey({ KeyId })
  if (state === 'PendingDeletion') await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
}

async function keyIn(state: State): Promise<Subject> {
  const { id: KeyId } = await newKey(kms)
  const alias = `alias/state-${made++}`
  await kms.createAlias({ AliasName: alias, TargetKeyId: KeyId })
  await kms.createAlias({ AliasName: `${alias}-other`, TargetKeyId: other.id })
  const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext })
  const { Policy } = await kms.getKeyPolicy({ KeyId })
  await bring(KeyId, state)
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

  test(`so does every operation with a key of another kind that is ${state}`, async () => {
    for (const { key, before, table: operations } of otherKeys) {
      const { id, arn } = await newKey(kms, key)
      const made = await before(id)
      await bring(id, state)
      for (const [name, entry] of Object.entries(operations)) {
        const outcome = entry[index as 0 | 1 | 2]
        const call = entry[3](id, made)
        if (outcome === 'ok') {
          await call.catch((error: Error) => assert.fail(`${name}: ${error.name} ${error.message}`))
        } else await assertRefused(call, errors[outcome], `${arn} ${messageOf(state, name)}`)
      }
    }
  })
}
