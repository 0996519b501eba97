import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { keysOf, keyTypes } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const key = await newKey(kms)
await kms.createAlias({ AliasName: 'alias/known', TargetKeyId: key.id })
const typed = await keysOf(
  kms,
  keyTypes.filter(({ KeySpec }) => /RSA_2048|P256$|25519|ML_|HMAC_256/.test(KeySpec)),
)
const publicKeys = await Promise.all(
  typed
    .filter(({ KeySpec }) => !KeySpec.startsWith('HMAC'))
    .map(async ({ id }) => Buffer.from((await kms.getPublicKey({ KeyId: id })).PublicKey ?? [])),
)
const sealed = Buffer.from(
  (await kms.encrypt({ KeyId: key.id, Plaintext: Buffer.from('x') })).CiphertextBlob ?? [],
)

const operations = [
  [
    'CancelKeyDeletion',
    'CreateAlias',
    'CreateKey',
    'Decrypt',
    'DeleteAlias',
    'DescribeKey',
    'DisableKey',
    'EnableKey',
  ],
  [
    'Encrypt',
    'GenerateDataKey',
    'GenerateDataKeyWithoutPlaintext',
    'GenerateRandom',
    'GetKeyPolicy',
    'ListAliases',
  ],
  [
    'ListKeyPolicies',
    'ListKeys',
    'ListResourceTags',
    'PutKeyPolicy',
    'ReEncrypt',
    'ScheduleKeyDeletion',
    'TagResource',
  ],
  ['UntagResource', 'UpdateAlias', 'UpdateKeyDescription'],
  ['Sign', 'Verify', 'GenerateMac', 'VerifyMac', 'DeriveSharedSecret', 'Encapsulate', 'Decapsulate'],
  ['GetPublicKey', 'GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'],
].flat()

const json = fc.jsonValue({ maxDepth: 3 })
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.constantFrom('', ' ', '\u0000', '%', "'", '__proto__'),
)
const keyIds = fc.oneof(
  fc.constantFrom(key.id, key.arn, 'alias/known', 'alias/', 'arn:', 'arn:aws:kms:us-east-1:000000000000:'),
  text.map((tail) => `arn:aws:kms:us-east-1:000000000000:alias/${tail}`),
  text,
)
const typedKeyIds = fc.oneof(
  { weight: 1, arbitrary: keyIds },
  { weight: 3, arbitrary: fc.constantFrom(...typed.map(({ id }) => id)) },
)
const context = fc.dictionary(text, fc.oneof(text, json), { maxKeys: 4 })
const blob = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  fc
    .uint8Array({ maxLength: 200 })
    .map((bytes) => Buffer.concat([sealed.subarray(0, 83), bytes]).toString('base64')),
  text,
)
/** Public keys of every kind, whole, cut and changed. */
const publicKey = fc.oneof(
  fc
    .tuple(fc.constantFrom(...publicKeys), fc.nat(2000), fc.nat(2000), fc.nat(255))
    .map(([whole, at, end, byte]) => {
      const changed = Buffer.from(whole.subarray(0, Math.max(end, 1)))
      changed[at % changed.length] = byte
      return changed.toString('base64')
    }),
  blob,
)
const algorithm = fc.oneof(
  fc.constantFrom(...new Set(keyTypes.flatMap(({ algorithms }) => algorithms))),
  text,
)
const message = fc.oneof(
  fc.constantFrom(1, 32, 48, 64, 768, 4096).map((length) => Buffer.alloc(length).toString('base64')),
  blob,
)
const count = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1, 7, 1024, 2 ** 31, 2 ** 53, 1e308))

/** Each member with values that come near to what it takes, or are far from it. */
const members: Record<string, fc.Arbitrary<unknown>> = {
  KeyId: typedKeyIds,
  TargetKeyId: keyIds,
  DestinationKeyId: keyIds,
  SourceKeyId: keyIds,
  AliasName: fc.oneof(
    text.map((tail) => `alias/${tail}`),
    text,
  ),
  Plaintext: blob,
  CiphertextBlob: blob,
  EncryptionContext: context,
  SourceEncryptionContext: context,
  DestinationEncryptionContext: context,
  GrantTokens: fc.array(fc.oneof(text, json), { maxLength: 12 }),
  NumberOfBytes: count,
  PendingWindowInDays: count,
  Limit: count,
  Marker: fc.oneof(text, blob),
  KeySpec: fc.oneof(fc.constantFrom('AES_256', 'SYMMETRIC_DEFAULT', 'ECC_NIST_P256', 'HMAC_256'), text),
  KeyUsage: fc.oneof(fc.constantFrom(...keyTypes.map(({ KeyUsage }) => KeyUsage)), text),
  KeyPairSpec: fc.oneof(fc.constantFrom('ECC_NIST_P256', 'ML_KEM_512'), text),
  Message: message,
  MessageType: fc.oneof(fc.constantFrom('RAW', 'DIGEST', 'EXTERNAL_MU'), text),
  Signature: message,
  Mac: message,
  SharedSecretCiphertextBlob: message,
  PublicKey: publicKey,
  SigningAlgorithm: algorithm,
  MacAlgorithm: algorithm,
  EncryptionAlgorithm: algorithm,
  KeyAgreementAlgorithm: algorithm,
  EncapsulationAlgorithm: algorithm,
  Description: text,
  Policy: fc.oneof(
    fc.json(),
    fc.record({ Version: json, Statement: json }).map((value) => JSON.stringify(value)),
    text,
  ),
  PolicyName: fc.oneof(fc.constant('default'), text),
  Tags: fc.array(fc.oneof(fc.record({ TagKey: text, TagValue: text }), json), { maxLength: 4 }),
  TagKeys: fc.array(fc.oneof(text, json), { maxLength: 4 }),
  DryRun: fc.boolean(),
  DryRunModifiers: fc.array(fc.oneof(fc.constant('IGNORE_CIPHERTEXT'), text), { maxLength: 2 }),
  Recipient: fc.oneof(fc.record({ KeyEncryptionAlgorithm: text, AttestationDocument: blob }), json),
}
const near = fc.record(members, { requiredKeys: ['KeyId', 'TargetKeyId', 'DestinationKeyId', 'AliasName'] })
const mixed = fc.tuple(
  near,
  fc.dictionary(fc.constantFrom(...Object.keys(members), '__proto__'), json, { maxKeys: 2 }),
)
const bodies = fc.oneof(
  { weight: 4, arbitrary: near.map((value) => JSON.stringify(value)) },
  { weight: 4, arbitrary: mixed.map(([value, over]) => JSON.stringify({ ...value, ...over })) },
  { weight: 1, arbitrary: fc.json() },
  {
    weight: 1,
    arbitrary: fc.tuple(near, fc.nat(400)).map(([value, end]) => JSON.stringify(value).slice(0, end)),
  },
)

test('whatever a signed request says, the answer is a success or a client error with a name, never a fault of the server', async () => {
  const property = fc.asyncProperty(fc.constantFrom(...operations), bodies, async (operation, body) => {
    const answer = await send(server, { operation, body })
    if (answer.status === 200) return
    assert.equal(answer.status, 400, `${operation} ${body}: ${answer.body}`)
    assert.match(answer.error, /^[A-Za-z]+(Exception)$/)
    assert.notEqual(answer.error, 'KMSInternalException')
  })
  await fc.assert(property, { numRuns: 700 })
  assert.equal(server.process.exitCode, null)
  assert.doesNotMatch(server.stderr(), /a request failed/)
})
