import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import type { ImportKeyMaterialCommandInput, KMS } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { replicated as replicate } from '../multi-region-set.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'
import { wrapMaterial } from '../wrap-material.ts'

const server = await startServer()
after(() => server.stop())
const home = kmsClient(server)
const away = kmsClient(server, { region: 'eu-west-1' })
const third = kmsClient(server, { region: 'ap-south-1' })
const regionOf = new Map([
  [away, 'eu-west-1'],
  [third, 'ap-south-1'],
])

const Plaintext = Buffer.from('kept')
const next = { ImportType: 'NEW_KEY_MATERIAL' } as const

async function bring(
  kms: KMS,
  KeyId: string,
  material: Uint8Array,
  more: Partial<ImportKeyMaterialCommandInput> = {},
): Promise<string | undefined> {
  const WrappingAlgorithm = 'RSAES_OAEP_SHA_256'
  const asked = { KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' } as const
  const { ImportToken, PublicKey } = await kms.getParametersForImport(asked)
  const EncryptedKeyMaterial = wrapMaterial(PublicKey ?? Buffer.of(), WrappingAlgorithm, material)
  const ExpirationModel = more.ValidTo === undefined ? 'KEY_MATERIAL_DOES_NOT_EXPIRE' : 'KEY_MATERIAL_EXPIRES'
  const request = { KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel, ...more } as const
  return (await kms.importKeyMaterial(request)).KeyMaterialId
}

const stateOf = async (kms: KMS, KeyId: string) => (await kms.describeKey({ KeyId })).KeyMetadata?.KeyState

const replicated = (KeyId: string, to: KMS) => replicate(home, to, { KeyId, ReplicaRegion: regionOf.get(to) })

async function listed(kms: KMS, KeyId: string) {
  const { Rotations = [] } = await kms.listKeyRotations({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })
  return Rotations.map(({ KeyMaterialState, ImportState }) => `${KeyMaterialState} ${ImportState}`)
}

test('a replica waits for the same material, and has it under the same id', async () => {
  const { id: KeyId } = await newKey(home, { Origin: 'EXTERNAL', MultiRegion: true })
  const material = randomBytes(32)
  const materialId = await bring(home, KeyId, material, { KeyMaterialDescription: 'of the safe' })
  await replicated(KeyId, away)
  assert.equal(await stateOf(away, KeyId), 'PendingImport')
  assert.deepEqual(await listed(away, KeyId), ['CURRENT PENDING_IMPORT'])
  await assertRefused(away.encrypt({ KeyId, Plaintext }), 'KMSInvalidStateException', /is pending import\.$/)
  await assertRefused(bring(away, KeyId, randomBytes(32)), 'IncorrectKeyMaterialException', /./)
  await assertRefused(
    bring(away, KeyId, material, next),
    'UnsupportedOperationException',
    /is not a multi-region primary key\.$/,
  )
  await assertRefused(
    bring(away, KeyId, material, { KeyMaterialDescription: 'another' }),
    'UnsupportedOperationException',
    /^KeyMaterialDescription is not supported/,
  )

  assert.equal(await bring(away, KeyId, material), materialId)
  assert.equal(await stateOf(away, KeyId), 'Enabled')
  const { CiphertextBlob } = await home.encrypt({ KeyId, Plaintext })
  const opened = await away.decrypt({ CiphertextBlob })
  assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Plaintext)
  assert.equal(opened.KeyMaterialId, materialId)
  const { Rotations } = await away.listKeyRotations({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })
  assert.equal(Rotations?.[0]?.KeyMaterialDescription, 'of the safe')
})

test('a token of one Region is of no use in another', async () => {
  const { id: KeyId } = await newKey(home, { Origin: 'EXTERNAL', MultiRegion: true })
  const material = randomBytes(32)
  await bring(home, KeyId, material)
  await replicated(KeyId, away)
  const asked = { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const
  const { ImportToken, PublicKey } = await home.getParametersForImport(asked)
  const EncryptedKeyMaterial = wrapMaterial(PublicKey ?? Buffer.of(), 'RSAES_OAEP_SHA_256', material)
  await assertRefused(
    away.importKeyMaterial({
      KeyId,
      ImportToken,
      EncryptedKeyMaterial,
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    }),
    'InvalidImportTokenException',
    /./,
  )
})

test('new material seals only after every replica holds it', async () => {
  const { id: KeyId, arn } = await newKey(home, { Origin: 'EXTERNAL', MultiRegion: true })
  const [first, second] = [randomBytes(32), randomBytes(32)]
  await bring(home, KeyId, first)
  await replicated(KeyId, away)
  await replicated(KeyId, third)
  await bring(away, KeyId, first)
  await bring(third, KeyId, first)
  const old = await home.encrypt({ KeyId, Plaintext })

  const secondId = await bring(home, KeyId, second, next)
  const waiting = 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
  assert.deepEqual(await listed(home, KeyId), ['CURRENT IMPORTED', `${waiting} IMPORTED`])
  assert.deepEqual(await listed(away, KeyId), ['CURRENT IMPORTED', `${waiting} PENDING_IMPORT`])
  const nothing = `No available key material pending rotation for the key: ${arn}.`
  await assertRefused(home.rotateKeyOnDemand({ KeyId }), 'KMSInvalidStateException', nothing)
  await bring(away, KeyId, second)
  assert.deepEqual(await listed(home, KeyId), ['CURRENT IMPORTED', `${waiting} IMPORTED`])
  await assertRefused(home.rotateKeyOnDemand({ KeyId }), 'KMSInvalidStateException', nothing)
  assert.equal(await bring(third, KeyId, second), secondId)
  for (const kms of [home, away, third]) {
    assert.deepEqual(await listed(kms, KeyId), ['CURRENT IMPORTED', 'PENDING_ROTATION IMPORTED'])
    assert.equal(await stateOf(kms, KeyId), 'Enabled')
  }

  // What one of them loses, all wait for again.
  await away.deleteImportedKeyMaterial({ KeyId, KeyMaterialId: secondId })
  assert.equal(await stateOf(away, KeyId), 'Enabled')
  assert.deepEqual(await listed(home, KeyId), ['CURRENT IMPORTED', `${waiting} IMPORTED`])
  await assertRefused(home.rotateKeyOnDemand({ KeyId }), 'KMSInvalidStateException', nothing)
  await bring(away, KeyId, second)

  await assertRefused(away.rotateKeyOnDemand({ KeyId }), 'UnsupportedOperationException', /primary key\.$/)
  await home.rotateKeyOnDemand({ KeyId })
  for (const kms of [home, away, third]) {
    assert.deepEqual(await listed(kms, KeyId), ['NON_CURRENT IMPORTED', 'CURRENT IMPORTED'])
    assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.CurrentKeyMaterialId, secondId)
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext })
    assert.equal((await home.decrypt({ CiphertextBlob })).KeyMaterialId, secondId)
    assert.deepEqual(
      Buffer.from((await kms.decrypt({ CiphertextBlob: old.CiphertextBlob })).Plaintext ?? []),
      Plaintext,
    )
  }
})

test('a replica that joins while material waits has the set wait for it; one that is told too', async () => {
  const { id: KeyId } = await newKey(home, { Origin: 'EXTERNAL', MultiRegion: true })
  const [first, second] = [randomBytes(32), randomBytes(32)]
  await bring(home, KeyId, first)
  await bring(home, KeyId, second, next)
  assert.deepEqual(await listed(home, KeyId), ['CURRENT IMPORTED', 'PENDING_ROTATION IMPORTED'])
  await replicated(KeyId, away)
  const waiting = 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
  assert.deepEqual(await listed(home, KeyId), ['CURRENT IMPORTED', `${waiting} IMPORTED`])
  assert.deepEqual(await listed(away, KeyId), ['CURRENT PENDING_IMPORT', `${waiting} PENDING_IMPORT`])
  await assertRefused(home.rotateKeyOnDemand({ KeyId }), 'KMSInvalidStateException', /./)
  await bring(away, KeyId, second)
  assert.equal(await stateOf(away, KeyId), 'PendingImport')
  await bring(away, KeyId, first)
  assert.equal(await stateOf(away, KeyId), 'Enabled')
  await home.rotateKeyOnDemand({ KeyId })
  assert.deepEqual(await listed(away, KeyId), ['NON_CURRENT IMPORTED', 'CURRENT IMPORTED'])
})

test('what waits is forgotten in all Regions when the primary key loses it; what is current is lost in one', async () => {
  const { id: KeyId } = await newKey(home, { Origin: 'EXTERNAL', MultiRegion: true })
  const [first, second] = [randomBytes(32), randomBytes(32)]
  await bring(home, KeyId, first)
  await replicated(KeyId, away)
  await bring(away, KeyId, first)
  const KeyMaterialId = await bring(home, KeyId, second, next)
  await bring(away, KeyId, second)
  await home.deleteImportedKeyMaterial({ KeyId, KeyMaterialId })
  for (const kms of [home, away]) assert.deepEqual(await listed(kms, KeyId), ['CURRENT IMPORTED'])
  await assertRefused(bring(away, KeyId, second), 'IncorrectKeyMaterialException', /./)

  await home.deleteImportedKeyMaterial({ KeyId })
  assert.equal(await stateOf(home, KeyId), 'PendingImport')
  assert.equal(await stateOf(away, KeyId), 'Enabled')
  await away.encrypt({ KeyId, Plaintext })
  await bring(home, KeyId, first)
  assert.equal(await stateOf(home, KeyId), 'Enabled')
})

test('each Region has an expiry of its own', async () => {
  const { id: KeyId } = await newKey(home, { Origin: 'EXTERNAL', MultiRegion: true })
  const material = randomBytes(32)
  const ValidTo = new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000)
  await bring(home, KeyId, material)
  await replicated(KeyId, away)
  await bring(away, KeyId, material, { ValidTo })
  assert.equal((await home.describeKey({ KeyId })).KeyMetadata?.ValidTo, undefined)
  assert.deepEqual((await away.describeKey({ KeyId })).KeyMetadata?.ValidTo, ValidTo)
})

test('the replica of a key pair shows the public key before it has the private one, and then signs with it', async () => {
  const { id: KeyId } = await newKey(home, {
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
    Origin: 'EXTERNAL',
    MultiRegion: true,
  })
  const key = { type: 'pkcs8', format: 'der' } as const
  const material = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export(key)
  await bring(home, KeyId, material)
  await replicated(KeyId, away)
  const own = createPublicKey(createPrivateKey({ key: material, ...key })).export({
    type: 'spki',
    format: 'der',
  })
  assert.deepEqual(Buffer.from((await away.getPublicKey({ KeyId })).PublicKey ?? []), own)
  const signed = { KeyId, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' } as const
  await assertRefused(away.sign(signed), 'KMSInvalidStateException', /pending import/)
  const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export(key)
  await assertRefused(bring(away, KeyId, other), 'IncorrectKeyMaterialException', /./)
  await bring(away, KeyId, material)
  const { Signature } = await away.sign(signed)
  assert.equal((await home.verify({ ...signed, Signature })).SignatureValid, true)
})
