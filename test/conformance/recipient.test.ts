import assert from 'node:assert/strict'
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import type { KMS, RecipientInfo } from '@aws-sdk/client-kms'
import {
  attestationDocument,
  issue,
  membersOf,
  nitroChain,
  payloadOf,
  pcr,
  pcrMap,
  signed,
  zeros,
  type Members,
} from '../../server/src/crypto/attestation/testing/attestation-documents.ts'
import { newEnclave } from '../../server/src/crypto/attestation/testing/enclave.ts'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer, temporaryFolder } from '../server-process.ts'
import { send } from '../signed-request.ts'

const MINUTE_MS = 60_000
const chain = await nitroChain(Date.now())
const enclave = newEnclave()
const rootFile = join(temporaryFolder(), 'root.pem')
writeFileSync(rootFile, chain[0].pem)
const server = await startServer({ args: ['--attestation-roots', `aws,${rootFile}`] })
after(() => server.stop())
const kms = kmsClient(server)
const key = await newKey(kms)

/** A Recipient with a document of now, but for what is asked for. */
function recipient(more: Members = {}, by = chain, aheadMs = 0): RecipientInfo {
  const members = { public_key: enclave.publicKey, ...more }
  return recipientOf(attestationDocument(by, Date.now() + aheadMs, members))
}

function recipientOf(AttestationDocument: Uint8Array): RecipientInfo {
  return { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument }
}

async function sealedSecret(plaintext: Uint8Array, KeyId = key.id): Promise<Uint8Array> {
  return (await kms.encrypt({ KeyId, Plaintext: plaintext })).CiphertextBlob ?? new Uint8Array()
}

test('Decrypt gives the plaintext to the enclave alone', async () => {
  const secret = randomBytes(4096)
  const CiphertextBlob = await sealedSecret(secret)
  const answer = await kms.decrypt({ CiphertextBlob, Recipient: recipient() })
  assert.equal(answer.Plaintext, undefined)
  assert.deepEqual(enclave.open(answer.CiphertextForRecipient), secret)
  assert.equal(answer.KeyId, key.arn)
  assert.equal(answer.EncryptionAlgorithm, 'SYMMETRIC_DEFAULT')
  assert.match(answer.KeyMaterialId ?? '', /^[0-9a-f]{64}$/)
})

test('Decrypt with an RSA key gives the plaintext to the enclave alone', async () => {
  const { id: KeyId } = await newKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  const secret = randomBytes(64)
  const { CiphertextBlob } = await kms.encrypt({ KeyId, EncryptionAlgorithm, Plaintext: secret })
  const answer = await kms.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob, Recipient: recipient() })
  assert.equal(answer.Plaintext, undefined)
  assert.deepEqual(enclave.open(answer.CiphertextForRecipient), secret)
})

test('GenerateDataKey gives the data key to the enclave alone, and sealed under the KMS key', async () => {
  const answer = await kms.generateDataKey({ KeyId: key.id, KeySpec: 'AES_256', Recipient: recipient() })
  assert.equal(answer.Plaintext, undefined)
  const opened = enclave.open(answer.CiphertextForRecipient)
  assert.equal(opened.length, 32)
  const { Plaintext } = await kms.decrypt({ CiphertextBlob: answer.CiphertextBlob })
  assert.deepEqual(Buffer.from(Plaintext ?? []), opened)
})

test('GenerateDataKeyPair gives the private key to the enclave alone, and sealed under the KMS key', async () => {
  for (const KeyPairSpec of ['ECC_NIST_P256', 'RSA_2048'] as const) {
    const answer = await kms.generateDataKeyPair({ KeyId: key.id, KeyPairSpec, Recipient: recipient() })
    assert.equal(answer.PrivateKeyPlaintext, undefined)
    const opened = enclave.open(answer.CiphertextForRecipient)
    const privateKey = createPrivateKey({ key: opened, format: 'der', type: 'pkcs8' })
    const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    assert.deepEqual(Buffer.from(answer.PublicKey ?? []), publicKey)
    const { Plaintext } = await kms.decrypt({ CiphertextBlob: answer.PrivateKeyCiphertextBlob })
    assert.deepEqual(Buffer.from(Plaintext ?? []), opened)
  }
})

test('GenerateRandom gives its bytes to the enclave alone', async () => {
  const answer = await kms.generateRandom({ NumberOfBytes: 1024, Recipient: recipient() })
  assert.equal(answer.Plaintext, undefined)
  const opened = enclave.open(answer.CiphertextForRecipient)
  assert.equal(opened.length, 1024)
  assert.ok(new Set(opened).size > 100)
})

test('DeriveSharedSecret gives the secret to the enclave alone', async () => {
  const { id: KeyId } = await newKey(kms, { KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' })
  const peer = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const answer = await kms.deriveSharedSecret({
    KeyId,
    KeyAgreementAlgorithm: 'ECDH',
    PublicKey: peer.publicKey.export({ format: 'der', type: 'spki' }),
    Recipient: recipient(),
  })
  assert.equal(answer.SharedSecret, undefined)
  const ours = Buffer.from((await kms.getPublicKey({ KeyId })).PublicKey ?? [])
  const publicKey = createPublicKey({ key: ours, format: 'der', type: 'spki' })
  const secret = diffieHellman({ privateKey: peer.privateKey, publicKey })
  assert.deepEqual(enclave.open(answer.CiphertextForRecipient), secret)
})

test('an attested answer has no plaintext member at all', async () => {
  const CiphertextBlob = Buffer.from(await sealedSecret(randomBytes(32))).toString('base64')
  const { KeyEncryptionAlgorithm, AttestationDocument } = recipient()
  const Recipient = {
    KeyEncryptionAlgorithm,
    AttestationDocument: Buffer.from(AttestationDocument ?? []).toString('base64'),
  }
  for (const [operation, body] of [
    ['Decrypt', { CiphertextBlob }],
    ['GenerateDataKey', { KeyId: key.id, KeySpec: 'AES_256' }],
    ['GenerateDataKeyPair', { KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256' }],
    ['GenerateRandom', { NumberOfBytes: 32 }],
  ] as const) {
    const answer = await send(server, { operation, body: { ...body, Recipient } })
    assert.equal(answer.status, 200, answer.body)
    assert.match(answer.body, /"CiphertextForRecipient":"/)
    assert.doesNotMatch(answer.body, /plaintext/i)
  }
})

test('one document serves several requests, for different enclaves and keys of 2048 to 4096 bits', async () => {
  const one = recipient()
  for (const Recipient of [one, one]) {
    const { CiphertextForRecipient } = await kms.generateRandom({ NumberOfBytes: 16, Recipient })
    assert.equal(enclave.open(CiphertextForRecipient).length, 16)
  }
  const other = newEnclave(4096)
  const { CiphertextForRecipient } = await kms.generateRandom({
    NumberOfBytes: 16,
    Recipient: recipient({ public_key: other.publicKey }),
  })
  assert.equal(other.open(CiphertextForRecipient).length, 16)
  assert.throws(() => enclave.open(CiphertextForRecipient))
})

test('a document that is tampered with, foreign, too old, from the future or of an expired signer is refused', async () => {
  const nowMs = Date.now()
  const good = Buffer.from(recipient().AttestationDocument ?? [])
  const foreign = await nitroChain(nowMs)
  const [top, region, zone, instance] = chain as readonly (typeof chain)[0][]
  const expired = await issue(nowMs, {
    name: 'CN=enclave',
    issuer: instance as (typeof chain)[0],
    authority: false,
    validToMs: nowMs - MINUTE_MS,
  })
  const expiredChain = [top, region, zone, instance, expired] as never
  const flipped = (at: number) => {
    const changed = Buffer.from(good)
    changed[at] = (changed[at] ?? 0) ^ 1
    return recipientOf(changed)
  }
  for (const [Recipient, reason] of [
    [flipped(0), /too large/],
    [flipped(good.indexOf('i-0123')), /its signature is not that of its certificate/],
    [flipped(good.indexOf(pcr(0))), /its signature is not that of its certificate/],
    [flipped(good.length - 1), /its signature is not that of its certificate/],
    [recipientOf(good.subarray(0, -1)), /it ends too early/],
    [recipientOf(Buffer.alloc(262_144, 0x81)), /one of its arrays is too short/],
    [recipient({}, foreign), /its root certificate is not one that is trusted here/],
    [
      recipient({ cabundle: chain.slice(0, 4).map(({ der }) => der) }, foreign),
      /not issued by the one above it/,
    ],
    [recipient({}, chain, -6 * MINUTE_MS), /it is more than five minutes old/],
    [recipient({}, chain, 2 * MINUTE_MS), /it is from the future/],
    [recipient({}, expiredChain), /one of its certificates is not valid at this time/],
    [recipient({ public_key: null }), /it has no public key/],
    [recipient({ public_key: newEnclave(1024).publicKey }), /not an RSA key of 2048 to 4096 bits/],
    [recipient({ pcrs: undefined }), /it has no pcrs/],
    [
      recipientOf(
        signed(chain, payloadOf(membersOf(chain, nowMs)), { protectedHeader: Buffer.from([0xa0]) }),
      ),
      /header/,
    ],
  ] as const) {
    // Whether the key is there shows in nothing.
    for (const KeyId of [key.id, '00000000-0000-4000-8000-000000000000']) {
      await assertRefused(
        kms.generateDataKey({ KeyId, KeySpec: 'AES_256', Recipient }),
        'ValidationException',
        new RegExp(`^The attestation document is not valid: .*${reason.source}`),
      )
    }
  }
})

test('every operation refuses a bad document, also in a dry run, and answers nothing in the clear', async () => {
  const Recipient = recipientOf(Buffer.from('document'))
  const { id: agreeing } = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
  const PublicKey = Buffer.from((await kms.getPublicKey({ KeyId: agreeing })).PublicKey ?? [])
  const CiphertextBlob = await sealedSecret(randomBytes(16))
  for (const DryRun of [false, true]) {
    for (const call of [
      () => kms.decrypt({ CiphertextBlob, Recipient, DryRun }),
      () => kms.generateDataKey({ KeyId: key.id, KeySpec: 'AES_256', Recipient, DryRun }),
      () => kms.generateDataKeyPair({ KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256', Recipient, DryRun }),
      () =>
        kms.deriveSharedSecret({
          KeyId: agreeing,
          KeyAgreementAlgorithm: 'ECDH',
          PublicKey,
          Recipient,
          DryRun,
        }),
      () => kms.generateRandom({ NumberOfBytes: 32, Recipient }),
    ]) {
      await assertRefused(call(), 'ValidationException', /^The attestation document is not valid: /)
    }
  }
})

test('a Recipient without its document or its algorithm is refused, and never answered in the clear', async () => {
  const { KeyEncryptionAlgorithm, AttestationDocument } = recipient()
  for (const Recipient of [{}, { KeyEncryptionAlgorithm }, { AttestationDocument }]) {
    await assertRefused(
      kms.generateRandom({ NumberOfBytes: 32, Recipient }),
      'ValidationException',
      'Recipient must have both an AttestationDocument and a KeyEncryptionAlgorithm.',
    )
  }
  await assertRefused(
    kms.generateRandom({
      NumberOfBytes: 32,
      Recipient: { AttestationDocument, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_1' as never },
    }),
    'ValidationException',
    /'recipient\.keyEncryptionAlgorithm' failed to satisfy constraint/,
  )
  await assertRefused(
    kms.generateRandom({ NumberOfBytes: 32, Recipient: recipientOf(Buffer.alloc(262_145)) }),
    'ValidationException',
    /'recipient\.attestationDocument' failed to satisfy constraint: .* 262144/,
  )
})

test('a dry run with a good document would have succeeded', async () => {
  await assertRefused(
    kms.generateDataKey({ KeyId: key.id, KeySpec: 'AES_256', Recipient: recipient(), DryRun: true }),
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
  )
})

const clientOptions = { endpoint: server.url, region: 'us-east-1', credentials: server.credentials }
const iam = new IAM(clientOptions)
const policyOf = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })

/** A user that no identity policy allows anything, but for `allow`. */
async function newUser(UserName: string, allow?: object): Promise<{ arn: string; kms: KMS }> {
  const { User } = await iam.createUser({ UserName })
  if (allow !== undefined) {
    await iam.putUserPolicy({ UserName, PolicyName: 'own', PolicyDocument: policyOf(allow) })
  }
  const { AccessKey } = await iam.createAccessKey({ UserName })
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {}
  return { arn: User?.Arn ?? '', kms: kmsClient(server, { credentials: { accessKeyId, secretAccessKey } }) }
}

const administration = { Effect: 'Allow', Principal: { AWS: '000000000000' }, Action: 'kms:*', Resource: '*' }

/** A key that the user may use under a condition. */
async function keyFor(user: { arn: string }, Condition: object, Effect = 'Allow'): Promise<string> {
  const statement = {
    Effect,
    Principal: { AWS: user.arn },
    Action: 'kms:GenerateDataKey',
    Resource: '*',
    Condition,
  }
  const always = { ...statement, Effect: 'Allow', Condition: undefined }
  const statements = Effect === 'Deny' ? [always, statement] : [statement]
  return (await newKey(kms, { Policy: policyOf(administration, ...statements) })).id
}

async function mayUse(user: { kms: KMS }, KeyId: string, Recipient?: RecipientInfo): Promise<boolean> {
  try {
    await user.kms.generateDataKey({ KeyId, KeySpec: 'AES_256', Recipient })
    return true
  } catch (error) {
    assert.equal((error as Error).name, 'AccessDeniedException', String(error))
    return false
  }
}

test('a key policy allows by image and registers of an enclave, in either case of letters', async () => {
  const user = await newUser('enclave-parent')
  const hex = (bytes: Buffer) => bytes.toString('hex')
  for (const condition of [
    { 'kms:RecipientAttestation:ImageSha384': hex(pcr(0)) },
    { 'kms:RecipientAttestation:ImageSha384': hex(pcr(0)).toUpperCase() },
    { 'kms:RecipientAttestation:PCR0': hex(pcr(0)) },
    { 'kms:RecipientAttestation:PCR0': hex(pcr(0)), 'kms:RecipientAttestation:PCR3': hex(pcr(3)) },
    { 'kms:recipientattestation:pcr4': hex(pcr(4)) },
    { 'kms:RecipientAttestation:PCR8': hex(zeros) },
  ]) {
    const keyId = await keyFor(user, { StringEqualsIgnoreCase: condition })
    assert.equal(await mayUse(user, keyId, recipient()), true, JSON.stringify(condition))
    assert.equal(await mayUse(user, keyId), false)
    const others = pcrMap([1, 2, 3, 4, 5, 6, 7, 8, 9].map((index) => pcr(index)))
    assert.equal(await mayUse(user, keyId, recipient({ pcrs: others })), false)
    const tpm = {
      pcrs: undefined,
      nitrotpm_pcrs: pcrMap(Array.from({ length: 9 }, (_, index) => pcr(index))),
    }
    assert.equal(await mayUse(user, keyId, recipient(tpm)), false)
  }
  const exact = await keyFor(user, {
    StringEquals: { 'kms:RecipientAttestation:PCR0': hex(pcr(0)).toUpperCase() },
  })
  assert.equal(await mayUse(user, exact, recipient()), false)
  const absent = await keyFor(user, { StringEquals: { 'kms:RecipientAttestation:PCR16': hex(zeros) } })
  assert.equal(await mayUse(user, absent, recipient()), false)
})

test('a key policy allows by registers of NitroTPM', async () => {
  const user = await newUser('tpm-instance')
  const keyId = await keyFor(user, {
    StringEqualsIgnoreCase: {
      'kms:RecipientAttestation:NitroTPMPCR4': pcr(4).toString('hex'),
      'kms:RecipientAttestation:NitroTPMPCR23': pcr(23).toString('hex'),
    },
  })
  const registers = (first: number) => ({
    pcrs: undefined,
    nitrotpm_pcrs: pcrMap(Array.from({ length: 24 }, (_, index) => pcr(first + index))),
  })
  assert.equal(await mayUse(user, keyId, recipient(registers(0))), true)
  assert.equal(await mayUse(user, keyId, recipient(registers(1))), false)
  assert.equal(await mayUse(user, keyId, recipient()), false)
  assert.equal(await mayUse(user, keyId), false)
})

test('a key policy denies whoever is no enclave, or another one', async () => {
  const user = await newUser('denied-parent')
  const image = { 'kms:RecipientAttestation:ImageSha384': pcr(0).toString('hex') }
  const attested = await keyFor(user, { Null: { 'kms:RecipientAttestation:ImageSha384': 'true' } }, 'Deny')
  const alike = await keyFor(user, { StringNotEqualsIgnoreCase: image }, 'Deny')
  for (const keyId of [attested, alike]) {
    assert.equal(await mayUse(user, keyId, recipient()), true)
    assert.equal(await mayUse(user, keyId), false)
  }
  const another = recipient({ pcrs: pcrMap([pcr(1)]) })
  assert.equal(await mayUse(user, attested, another), true)
  assert.equal(await mayUse(user, alike, another), false)
})

test('the key policy of the page on attestation lets one enclave image open, and nobody else', async () => {
  const page = readFileSync(new URL('../../docs/attestation.md', import.meta.url), 'utf8')
  const [, policy = ''] = /^```json\n([\s\S]*?)^```$/m.exec(page) ?? []
  const user = await newUser('documented-parent')
  const shown = { role: 'arn:aws:iam::000000000000:role/enclave-parent', image: /"[0-9a-f]{96}"/ }
  assert.ok(policy.includes(shown.role) && shown.image.test(policy))
  const Policy = policy
    .replace(shown.role, user.arn)
    .replace(shown.image, JSON.stringify(pcr(0).toString('hex')))
  const { id: KeyId } = await newKey(kms, { Policy })
  const secret = randomBytes(32)
  const CiphertextBlob = await sealedSecret(secret, KeyId)
  const answer = await user.kms.decrypt({ CiphertextBlob, Recipient: recipient() })
  assert.deepEqual(enclave.open(answer.CiphertextForRecipient), secret)
  const another = recipient({ pcrs: pcrMap([pcr(1)]) })
  for (const call of [
    () => user.kms.decrypt({ CiphertextBlob }),
    () => user.kms.decrypt({ CiphertextBlob, Recipient: another }),
    () => kms.decrypt({ CiphertextBlob, Recipient: recipient() }),
  ]) {
    await assertRefused(call(), 'AccessDeniedException', /kms:Decrypt/)
  }
})

test('an identity policy allows GenerateRandom to an enclave alone', async () => {
  const user = await newUser('random-parent', {
    Effect: 'Allow',
    Action: 'kms:GenerateRandom',
    Resource: '*',
    Condition: { StringEquals: { 'kms:RecipientAttestation:PCR0': pcr(0).toString('hex') } },
  })
  const answer = await user.kms.generateRandom({ NumberOfBytes: 16, Recipient: recipient() })
  assert.equal(enclave.open(answer.CiphertextForRecipient).length, 16)
  await assertRefused(
    user.kms.generateRandom({ NumberOfBytes: 16 }),
    'AccessDeniedException',
    /kms:GenerateRandom on resource: \* because no identity-based policy allows/,
  )
})

test('a grant serves an enclave as it serves anybody', async () => {
  const user = await newUser('granted-parent')
  await kms.createGrant({ KeyId: key.id, GranteePrincipal: user.arn, Operations: ['Decrypt'] })
  const secret = randomBytes(32)
  const CiphertextBlob = await sealedSecret(secret)
  const answer = await user.kms.decrypt({ CiphertextBlob, Recipient: recipient() })
  assert.equal(answer.Plaintext, undefined)
  assert.deepEqual(enclave.open(answer.CiphertextForRecipient), secret)
})

test('the record says which enclave asked, as CloudTrail does, whether it was answered or not', async () => {
  const user = await newUser('recorded-parent')
  const keyId = await keyFor(user, { StringEquals: { 'kms:RecipientAttestation:PCR0': 'ff' } })
  assert.equal(await mayUse(user, keyId, recipient()), false)
  const tpm = { pcrs: undefined, nitrotpm_pcrs: pcrMap(Array.from({ length: 24 }, (_, index) => pcr(index))) }
  await kms.generateDataKeyPair({ KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256', Recipient: recipient() })
  await kms.generateRandom({ NumberOfBytes: 8, Recipient: recipient({ module_id: 'i-1-tpm0', ...tpm }) })

  const { records } = await journalOf(server)
  const base64 = (bytes: Buffer) => bytes.toString('base64')
  const expected = {
    attestationDocumentModuleId: 'i-0123456789abcdef0-enc0123456789abcdef',
    attestationDocumentEnclaveImageDigest: base64(pcr(0)),
    attestationDocumentEnclavePCR1: base64(pcr(1)),
    attestationDocumentEnclavePCR2: base64(pcr(2)),
    attestationDocumentEnclavePCR3: base64(pcr(3)),
    attestationDocumentEnclavePCR4: base64(pcr(4)),
    attestationDocumentEnclavePCR8: base64(zeros),
  }
  const last = (eventName: string) => records.findLast((record) => record.eventName === eventName)
  const refused = records.findLast(
    (record) => record.errorCode === 'AccessDenied' || record.errorCode === 'AccessDeniedException',
  )
  assert.deepEqual(refused?.additionalEventData?.['recipient'], expected)
  const pair = last('GenerateDataKeyPair')
  assert.deepEqual(pair?.additionalEventData?.['recipient'], expected)
  assert.deepEqual(Object.keys(pair?.requestParameters ?? {}).toSorted(), ['keyId', 'keyPairSpec'])
  assert.deepEqual(last('GenerateRandom')?.additionalEventData?.['recipient'], {
    attestationDocumentModuleId: 'i-1-tpm0',
    ...Object.fromEntries(
      [4, 7, 8, 9, 16, 23].map((index) => [`attestationDocumentNitroTPMPCR${index}`, base64(pcr(index))]),
    ),
  })
})

test('what an enclave was given is in no record and no log', async () => {
  const secret = randomBytes(32)
  const { CiphertextForRecipient } = await kms.decrypt({
    CiphertextBlob: await sealedSecret(secret),
    Recipient: recipient(),
  })
  const pair = await kms.generateDataKeyPair({
    KeyId: key.id,
    KeyPairSpec: 'ECC_NIST_P256',
    Recipient: recipient(),
  })
  const { text } = await journalOf(server)
  const said = text + server.stdout() + server.stderr()
  for (const plaintext of [enclave.open(CiphertextForRecipient), enclave.open(pair.CiphertextForRecipient)]) {
    for (const encoding of ['base64', 'hex', 'latin1'] as const) {
      assert.ok(!said.includes(plaintext.toString(encoding)))
    }
  }
})

test('a server that trusts no root says so, and answers nothing', async (t) => {
  const without = await startServer({ args: ['--attestation-roots', ''] })
  t.after(() => without.stop())
  await assertRefused(
    kmsClient(without).generateRandom({ NumberOfBytes: 16, Recipient: recipient() }),
    'UnsupportedOperationException',
    'The Recipient parameter is not supported: no root certificate of attestation documents is configured.',
  )
})

test('a server that was told nothing trusts AWS’s root and no other', async (t) => {
  const plain = await startServer()
  t.after(() => plain.stop())
  await assertRefused(
    kmsClient(plain).generateRandom({ NumberOfBytes: 16, Recipient: recipient() }),
    'ValidationException',
    'The attestation document is not valid: its root certificate is not one that is trusted here.',
  )
})

test('a file without root certificates stops the start', async () => {
  const file = join(temporaryFolder(), 'none.pem')
  writeFileSync(file, 'nothing')
  await assert.rejects(startServer({ args: ['--attestation-roots', file] }), /attestationRoots: .*none\.pem/)
})
