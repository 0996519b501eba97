import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import { journalOf, type JournalRecord } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import {
  clockAhead,
  runKeywright,
  startServer,
  temporaryFolder,
  type ServerProcess,
} from '../server-process.ts'

const DAY_MS = 86_400_000
const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const Plaintext = Buffer.from('used')
const Message = Buffer.from('signed')

/** What the SDK says of an answer, for the ids of its request. */
interface Answered {
  readonly $metadata: { readonly requestId?: string }
}

const lastUsage = async (KeyId: string, client = kms) =>
  (await client.getKeyLastUsage({ KeyId })).KeyLastUsage

test('of a key that was never used there is nothing but since when that is known: since it was made', async () => {
  const { id } = await newKey(kms)
  const { KeyMetadata } = await kms.describeKey({ KeyId: id })
  const { $metadata: _, ...answer } = await kms.getKeyLastUsage({ KeyId: id })
  assert.deepEqual(answer, {
    KeyId: id,
    KeyLastUsage: {},
    KeyCreationDate: KeyMetadata?.CreationDate,
    TrackingStartDate: KeyMetadata?.CreationDate,
  })
})

test('the last use is told at once, for every operation that counts, with the ids of its record', async () => {
  const { id: KeyId } = await newKey(kms)
  const { id: other } = await newKey(kms)
  const signing = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  const agreeing = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
  const mac = await newKey(kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })
  const rsa = await newKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
  const kem = await newKey(kms, { KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' })

  const told = new Map<string, { requestId: string | undefined; eventId: string | undefined }>()
  const requireLast = async (key: string, operation: string, { $metadata: { requestId } }: Answered) => {
    const use = await lastUsage(key)
    assert.equal(use?.Operation, operation)
    assert.equal(use?.KmsRequestId, requestId)
    assert.ok(Math.abs((use?.Timestamp?.getTime() ?? 0) - Date.now()) < 60_000)
    told.set(operation, { requestId, eventId: use?.CloudTrailEventId })
  }

  const encrypted = await kms.encrypt({ KeyId, Plaintext })
  await requireLast(KeyId, 'Encrypt', encrypted)
  const { CiphertextBlob } = encrypted
  await requireLast(KeyId, 'Decrypt', await kms.decrypt({ CiphertextBlob }))
  await requireLast(KeyId, 'GenerateDataKey', await kms.generateDataKey({ KeyId, KeySpec: 'AES_256' }))
  await requireLast(
    KeyId,
    'GenerateDataKeyWithoutPlaintext',
    await kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256' }),
  )
  const KeyPairSpec = 'ECC_NIST_P256'
  await requireLast(KeyId, 'GenerateDataKeyPair', await kms.generateDataKeyPair({ KeyId, KeyPairSpec }))
  await requireLast(
    KeyId,
    'GenerateDataKeyPairWithoutPlaintext',
    await kms.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec }),
  )
  const moved = await kms.reEncrypt({ CiphertextBlob, DestinationKeyId: other })
  await requireLast(KeyId, 'ReEncrypt', moved)
  await requireLast(other, 'ReEncrypt', moved)

  const SigningAlgorithm = 'ECDSA_SHA_256'
  const signed = await kms.sign({ KeyId: signing.id, Message, SigningAlgorithm })
  await requireLast(signing.id, 'Sign', signed)
  const { Signature } = signed
  await requireLast(
    signing.id,
    'Verify',
    await kms.verify({ KeyId: signing.id, Message, Signature, SigningAlgorithm }),
  )
  const { PublicKey } = await kms.getPublicKey({ KeyId: agreeing.id })
  assert.deepEqual(await lastUsage(agreeing.id), {})
  await requireLast(
    agreeing.id,
    'DeriveSharedSecret',
    await kms.deriveSharedSecret({ KeyId: agreeing.id, KeyAgreementAlgorithm: 'ECDH', PublicKey }),
  )
  const MacAlgorithm = 'HMAC_SHA_256'
  const made = await kms.generateMac({ KeyId: mac.id, Message, MacAlgorithm })
  await requireLast(mac.id, 'GenerateMac', made)
  await requireLast(
    mac.id,
    'VerifyMac',
    await kms.verifyMac({ KeyId: mac.id, Message, MacAlgorithm, Mac: made.Mac }),
  )
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  const toRsa = await kms.encrypt({ KeyId: rsa.id, Plaintext, EncryptionAlgorithm })
  await requireLast(rsa.id, 'Encrypt', toRsa)
  await requireLast(
    rsa.id,
    'Decrypt',
    await kms.decrypt({ KeyId: rsa.id, CiphertextBlob: toRsa.CiphertextBlob, EncryptionAlgorithm }),
  )
  const EncapsulationAlgorithm = 'ML_KEM'
  const encapsulated = await kms.encapsulate({ KeyId: kem.id, EncapsulationAlgorithm })
  await requireLast(kem.id, 'Encapsulate', encapsulated)
  await requireLast(
    kem.id,
    'Decapsulate',
    await kms.decapsulate({
      KeyId: kem.id,
      EncapsulationAlgorithm,
      SharedSecretCiphertextBlob: encapsulated.SharedSecretCiphertextBlob,
    }),
  )

  assert.equal(told.size, 14)
  const { records } = await journalOf(server)
  const eventIds = new Map((records as RecordIds[]).map((record) => [record.requestID, record.eventID]))
  for (const [operation, { requestId, eventId }] of told) {
    assert.equal(eventId, eventIds.get(requestId), operation)
  }
})

type RecordIds = JournalRecord & { readonly requestID?: string; readonly eventID: string }

test('what was denied, refused, failed or only tried does not count, nor does what is no cryptographic operation', async () => {
  const { id: KeyId } = await newKey(kms)
  const { id: other } = await newKey(kms)
  const mac = await newKey(kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })
  const { CiphertextBlob } = await kms.encrypt({ KeyId: other, Plaintext })
  const stranger = await userClient('stranger')
  await assertRefused(stranger.encrypt({ KeyId, Plaintext }), 'AccessDeniedException', /./)
  await assertRefused(kms.encrypt({ KeyId, Plaintext, DryRun: true }), 'DryRunOperationException', /./)
  await assertRefused(kms.decrypt({ KeyId, CiphertextBlob }), 'IncorrectKeyException', /./)
  const forged = { KeyId: mac.id, Message, MacAlgorithm: 'HMAC_SHA_256', Mac: Buffer.alloc(32) } as const
  await assertRefused(kms.verifyMac(forged), 'KMSInvalidMacException', /^/)
  await kms.disableKey({ KeyId })
  await assertRefused(kms.encrypt({ KeyId, Plaintext }), 'DisabledException', /./)
  await kms.enableKey({ KeyId })
  await kms.describeKey({ KeyId })
  await kms.getKeyPolicy({ KeyId })
  assert.deepEqual(await lastUsage(KeyId), {})
  assert.deepEqual(await lastUsage(mac.id), {})
})

test('the key must be named by its id or ARN, and whoever asks must be allowed to', async () => {
  const { id, arn } = await newKey(kms)
  await kms.createAlias({ AliasName: 'alias/used', TargetKeyId: id })
  assert.equal((await kms.getKeyLastUsage({ KeyId: arn })).KeyId, id)
  await assertRefused(kms.getKeyLastUsage({ KeyId: 'alias/used' }), 'NotFoundException', /./)
  const stranger = await userClient('curious')
  await assertRefused(stranger.getKeyLastUsage({ KeyId: id }), 'AccessDeniedException', /kms:GetKeyLastUsage/)
})

test('the uses of a multi-Region key are known for each Region apart', async () => {
  const { id: KeyId } = await newKey(kms, { MultiRegion: true })
  await kms.encrypt({ KeyId, Plaintext })
  await kms.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  const replica = kmsClient(server, { region: 'eu-west-1' })
  const { KeyLastUsage } = await replica.getKeyLastUsage({ KeyId })
  assert.deepEqual(KeyLastUsage, {})
  assert.equal((await lastUsage(KeyId))?.Operation, 'Encrypt')
})

const keptThirtyDays = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:*', Resource: '*' },
    {
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['kms:DisableKey', 'kms:ScheduleKeyDeletion'],
      Resource: '*',
      Condition: { NumericLessThan: { 'kms:TrailingDaysWithoutKeyUsage': '30' } },
    },
  ],
}

test('a condition on the days without use refuses to take a key out of use that was used, or made, of late', async () => {
  const own = await startServer()
  const client = kmsClient(own)
  const { id: used } = await newKey(client)
  const { id: unused } = await newKey(client)
  const { id: usedLater } = await newKey(client)
  const { CiphertextBlob } = await client.encrypt({ KeyId: used, Plaintext })
  for (const KeyId of [used, unused, usedLater]) {
    await client.putKeyPolicy({ KeyId, PolicyName: 'default', Policy: JSON.stringify(keptThirtyDays) })
    await assertRefused(client.disableKey({ KeyId }), 'AccessDeniedException', /explicit deny/)
    await assertRefused(client.scheduleKeyDeletion({ KeyId }), 'AccessDeniedException', /explicit deny/)
  }
  await own.stop()

  const clockAheadMs = 31 * DAY_MS
  const { credentials, dataDir } = own
  const env = { KEYWRIGHT_CLOCK_JUMP_WAIT_MS: '0' }
  const later = await startServer({ dataDir, env, nodeArgs: clockAhead(clockAheadMs) })
  try {
    const then = kmsClient(later, { credentials, clockAheadMs })
    await then.encrypt({ KeyId: usedLater, Plaintext })
    await assertRefused(then.disableKey({ KeyId: usedLater }), 'AccessDeniedException', /explicit deny/)
    await then.disableKey({ KeyId: used })
    await then.scheduleKeyDeletion({ KeyId: unused })
    await then.enableKey({ KeyId: used })
    await then.decrypt({ CiphertextBlob })
    await assertRefused(then.scheduleKeyDeletion({ KeyId: used }), 'AccessDeniedException', /explicit deny/)
  } finally {
    await later.stop()
  }
})

test('kill -9 right after an answer: the next start knows of the use', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  for (let round = 0; round < 3; round += 1) {
    const killed = await startServer({ dataDir })
    const client = kmsClient(killed)
    const { id } = await newKey(client)
    const { CiphertextBlob } = await client.encrypt({ KeyId: id, Plaintext })
    const { $metadata } = await client.decrypt({ CiphertextBlob })
    await killed.kill()
    const next = await startServer({ dataDir })
    const use = await lastUsage(id, kmsClient(next))
    await next.stop()
    assert.equal(use?.Operation, 'Decrypt')
    assert.equal(use?.KmsRequestId, $metadata.requestId)
  }
})

test('who needs a key that is pending deletion is heard: by metric, log and an event in the journal', async () => {
  const own = await startServer()
  try {
    const client = kmsClient(own)
    const { id: KeyId, arn } = await newKey(client)
    const { CiphertextBlob } = await client.encrypt({ KeyId, Plaintext })
    const { DeletionDate } = await client.scheduleKeyDeletion({ KeyId })
    const counted = async () => {
      const text = await (await fetch(`${own.url}/-/metrics`)).text()
      return /^keywright_pending_deletion_uses_total (\d+)$/m.exec(text)?.[1]
    }
    assert.equal(await counted(), '0')
    for (let request = 0; request < 3; request += 1) {
      await assertRefused(
        client.decrypt({ CiphertextBlob }),
        'KMSInvalidStateException',
        `${arn} is pending deletion.`,
      )
    }
    // Neither what only looks at the key nor who may not use it is a use.
    await client.describeKey({ KeyId })
    await assertRefused(client.tagResource({ KeyId, Tags: [] }), 'KMSInvalidStateException', /./)
    const stranger = await userClient('stranger', own)
    await assertRefused(stranger.encrypt({ KeyId, Plaintext }), 'AccessDeniedException', /./)
    assert.equal(await counted(), '3')
    const log = await own.logged(/a key that is pending deletion is still needed/)
    assert.match(log, new RegExp(KeyId))

    const { records } = await journalOf(own)
    const refused = records.find(({ eventName, errorCode }) => eventName === 'Decrypt' && errorCode)
    const events = records.filter(({ eventName }) => eventName === 'PendingDeletionKeyUse')
    assert.deepEqual(
      events.map(({ additionalEventData, resources }) => [additionalEventData, resources]),
      [
        [
          {
            keyState: 'PendingDeletion',
            deletionDate: DeletionDate?.toISOString(),
            refusedOperation: 'Decrypt',
            refusedEventID: (refused as RecordIds).eventID,
            refusedAccountId: arn.split(':')[4],
            refusedBefore: 0,
          },
          [{ accountId: arn.split(':')[4], type: 'AWS::KMS::Key', ARN: arn }],
        ],
      ],
    )
    await client.cancelKeyDeletion({ KeyId })
    await assertRefused(client.decrypt({ CiphertextBlob }), 'DisabledException', /./)
    assert.equal(await counted(), '3')
  } finally {
    await own.stop()
  }
})

test('keywright keys stale tells older material that is in use from that which nobody opens, and what is not known', async () => {
  const own = await startServer()
  const { credentials, dataDir } = own
  const client = kmsClient(own)
  const rotated = await newKey(client)
  const idle = await newKey(client)
  const busy = await newKey(client)
  const old = await client.encrypt({ KeyId: rotated.id, Plaintext })
  await client.rotateKeyOnDemand({ KeyId: rotated.id })
  const older = await client.encrypt({ KeyId: rotated.id, Plaintext })
  await client.rotateKeyOnDemand({ KeyId: rotated.id })
  const { KeyMaterialId: opened } = await client.decrypt({ CiphertextBlob: older.CiphertextBlob })
  const first = await stale(dataDir, '--days', '30')
  assert.deepEqual(
    first.found.map(({ arn, verdict }) => [arn, verdict]),
    [[rotated.arn, 'in use']],
  )
  assert.deepEqual(
    first.found[0]?.olderMaterial.map(({ verdict, keyMaterialId }) => [verdict, keyMaterialId === opened]),
    [
      ['unknown', false],
      ['in use', true],
    ],
  )
  await own.stop()

  const clockAheadMs = 40 * DAY_MS
  const later = await startServer({ dataDir, nodeArgs: clockAhead(clockAheadMs) })
  try {
    const then = kmsClient(later, { credentials, clockAheadMs })
    await then.encrypt({ KeyId: busy.id, Plaintext })
    const { KeyMaterialId: stillUsed } = await then.decrypt({ CiphertextBlob: old.CiphertextBlob })
    const { found, keys } = await stale(dataDir, '--days', '30')
    assert.equal(keys, 3)
    assert.deepEqual(
      new Map(found.map(({ arn, verdict }) => [arn, verdict])),
      new Map([
        [rotated.arn, 'in use'],
        [idle.arn, 'unused'],
      ]),
    )
    const ofRotated = found.find(({ arn }) => arn === rotated.arn)
    assert.deepEqual(
      new Map(ofRotated?.olderMaterial.map(({ keyMaterialId, verdict }) => [keyMaterialId, verdict])),
      new Map([
        [stillUsed, 'in use'],
        [opened, 'unused'],
      ]),
    )
    const shown = await runKeywright(['keys', 'stale', '--days', '30'], { dataDir })
    assert.match(shown.stdout, /Keys that were not used for 30 days: 1\n/)
    assert.match(shown.stdout, new RegExp(`${rotated.arn} +${stillUsed} +\\S+ +in use\n`))
    assert.match(shown.stdout, new RegExp(`${rotated.arn} +${opened} +\\S+ +not used\n`))
    const elsewhere = await stale(dataDir, '--days', '30', '--region', 'eu-west-1')
    assert.deepEqual([elsewhere.keys, elsewhere.found], [0, []])
    const misspelt = await runKeywright(['keys', 'stale', '--region', 'eu-wset-1'], { dataDir })
    assert.match(misspelt.stdout, /There are no keys here: look at the Region and the account/)
    const ofAccount = await stale(dataDir, '--days', '30', '--account', '123456789012')
    assert.equal(ofAccount.keys, 0)
  } finally {
    await later.stop()
  }
  const misused = await runKeywright(['keys', 'stale', '--days', 'many'], { dataDir })
  assert.equal(misused.code, 1)
  assert.match(misused.stderr, /days of keys stale must be a number of days from 1 to 36500/)
})

interface Stale {
  readonly keys: number
  readonly found: readonly {
    readonly arn: string
    readonly verdict: string
    readonly olderMaterial: readonly { readonly keyMaterialId: string; readonly verdict: string }[]
  }[]
}

async function stale(dataDir: string, ...options: string[]): Promise<Stale> {
  const { code, stdout, stderr } = await runKeywright(['keys', 'stale', '--json', ...options], { dataDir })
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Stale
}

test('keywright keys rebuild-uses reads the journal again, and has a record of its own', async () => {
  const { id } = await newKey(kms)
  await kms.encrypt({ KeyId: id, Plaintext })
  const before = await lastUsage(id)
  const { code, stdout, stderr } = await runKeywright(['keys', 'rebuild-uses', '--json'], server)
  assert.equal(code, 0, stderr)
  const done = JSON.parse(stdout) as { records: number; uses: number; incompleteChains: number }
  assert.ok(done.uses > 0 && done.records > done.uses)
  assert.equal(done.incompleteChains, 0)
  assert.deepEqual(await lastUsage(id), before)
  const { records } = await journalOf(server)
  assert.ok(records.some(({ eventName }) => eventName === 'RebuildKeyUses'))
})

/** A user of IAM without permissions. */
async function userClient(UserName: string, of: ServerProcess = server) {
  const iam = new IAM({
    endpoint: of.url,
    region: 'us-east-1',
    credentials: of.credentials,
    maxAttempts: 1,
  })
  await iam.createUser({ UserName })
  const { AccessKey } = await iam.createAccessKey({ UserName })
  assert.ok(AccessKey?.AccessKeyId && AccessKey.SecretAccessKey)
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey
  return kmsClient(of, { credentials: { accessKeyId, secretAccessKey } })
}
