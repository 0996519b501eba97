import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { KeySpec, KeyUsageType, KMS } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from './kms-client.ts'
import { readCredentials, runKeywright, startServer, temporaryFolder } from './server-process.ts'
import { send, type RawRequest } from './signed-request.ts'
import { wrapMaterial } from './wrap-material.ts'

const folder = temporaryFolder()
const dataDir = join(folder, 'data')

/** Everything that must be found nowhere, by what it is. */
const planted = new Map<string, Buffer>()
/** Everything that was said or written, by where. */
const said = new Map<string, Buffer>()

function plant(what: string, secret: Uint8Array | string | undefined): void {
  const bytes = Buffer.from(secret ?? '')
  assert.ok(bytes.length >= 16, `${what} is too short to be searched for`)
  planted.set(what, bytes)
}

function passphraseFile(name: string): string {
  const passphrase = `passphrase-${name}-${randomBytes(12).toString('hex')}`
  plant(`the ${name} passphrase`, passphrase)
  const file = join(folder, name)
  writeFileSync(file, passphrase, { mode: 0o600 })
  return file
}

test('no plaintext, data key, private key, shared secret, MAC, message, passphrase or secret access key is in any log, journal, metric, error or database file', async () => {
  const first = passphraseFile('first')
  const second = passphraseFile('second')
  const given = randomBytes(30).toString('base64')
  const options = {
    dataDir,
    env: {
      KEYWRIGHT_ROOT_ACCESS_KEY_ID: 'AKIDGIVENBYENVIRONMENT',
      KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: given,
      KEYWRIGHT_LOG_LEVEL: 'trace',
    },
  }
  const args = (file: string) => ['--root-key-provider', 'passphrase', '--passphrase-file', file]
  plant('the secret access key that was given', given)
  const server = await startServer({ ...options, args: args(first) })
  after(() => server.stop())
  const kms = kmsClient(server)
  const { id: KeyId } = await newKey(kms)
  const other = await newKey(kms)

  // What is used as it should be.
  const plaintext = randomBytes(64)
  plant('a plaintext', plaintext)
  const sealed = await kms.encrypt({ KeyId, Plaintext: plaintext })
  await kms.decrypt({ CiphertextBlob: sealed.CiphertextBlob })
  await kms.reEncrypt({ CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: other.id })
  plant('a data key', (await kms.generateDataKey({ KeyId, KeySpec: 'AES_256' })).Plaintext)
  const hidden = await kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256' })
  plant(
    'a data key without plaintext',
    (await kms.decrypt({ CiphertextBlob: hidden.CiphertextBlob })).Plaintext,
  )
  plant('random bytes', (await kms.generateRandom({ NumberOfBytes: 32 })).Plaintext)
  await useKeyPairs(kms, KeyId)
  await importMaterial(kms)

  // What is refused, in each of the rooms that a request passes.
  const refused = randomBytes(32)
  plant('a plaintext that was refused', refused)
  const Plaintext = refused.toString('base64')
  const tooLong = Buffer.alloc(4128, refused).toString('base64')
  const token = randomBytes(24).toString('hex')
  plant('a session token', token)
  const { credentials } = server
  const encrypt = { operation: 'Encrypt', body: { KeyId, Plaintext } }
  const errors = await Promise.all([
    send(server, { ...encrypt, body: { KeyId, Plaintext: tooLong } }),
    send(server, { ...encrypt, body: { KeyId: 'nonsense', Plaintext } }),
    send(server, { ...encrypt, body: { KeyId: '', Plaintext, EncryptionAlgorithm: 'ROT13' } }),
    send(server, { ...encrypt, body: { KeyId, Plaintext: `${Plaintext}!` } }),
    send(server, { ...encrypt, body: { KeyId, Plaintext: [Plaintext] } }),
    send(server, { ...encrypt, body: `{"KeyId":"${KeyId}","Plaintext":"${Plaintext}"` }),
    send(server, { ...encrypt, body: `{"Plaintext":"${Plaintext}","Plaintext":"${Plaintext}"}` }),
    send(server, { ...encrypt, body: { KeyId, Plaintext, DryRun: true } }),
    send(server, { ...encrypt, target: 'TrentService.NoSuchOperation' }),
    send(server, { ...encrypt, credentials: { ...credentials, secretAccessKey: 'wrong'.repeat(8) } }),
    send(server, { ...encrypt, sessionToken: token }),
    send(server, { ...encrypt, sessionToken: token, unsigned: ['x-amz-security-token'] }),
    send(server, { ...encrypt, authorization: () => `Bearer ${token}` }),
    send(server, {
      ...encrypt,
      authorization: (value) => value.replace('Credential=', `Credential=${token}`),
    }),
    // The secret where the access key id belongs, as people do.
    send(server, {
      ...encrypt,
      credentials: { accessKeyId: given, secretAccessKey: credentials.accessKeyId },
    }),
    send(server, { operation: 'Decrypt', body: { CiphertextBlob: Plaintext } }),
    send(server, {
      operation: 'Decrypt',
      body: { KeyId, CiphertextBlob: Plaintext, EncryptionContext: { a: 'b' } },
    }),
    send(server, { operation: 'ReEncrypt', body: { DestinationKeyId: KeyId, CiphertextBlob: Plaintext } }),
    ...refusedMessages(KeyId, Plaintext).map((request) => send(server, request)),
  ])
  for (const [index, { status, body }] of errors.entries()) {
    assert.ok(status >= 400, `request ${index}: ${body}`)
    // Who put a secret in the wrong header is told of it in the answer to it alone (AWS does so too), never in a log.
    if (body.includes('IncompleteSignature') || body.includes('InvalidSignature')) continue
    said.set(`the error of request ${index}`, Buffer.from(body))
  }

  // What the operator does.
  const run = async (...command: string[]) => {
    const finished = await runKeywright(command, options)
    assert.equal(finished.code, 0, finished.stderr)
    said.set(`keywright ${command.slice(0, 2).join(' ')}`, Buffer.from(finished.stdout + finished.stderr))
  }
  const output = join(folder, 'new-credentials')
  await run('credentials', 'create', '--output', output)
  plant('a secret access key that was made', readCredentials(output).secretAccessKey)
  await run('credentials', 'list', '--json')
  await run('root-key', 'passphrase', '--new-passphrase-file', second)
  await run('domain-keys', 'rotate')
  const metrics = await fetch(new URL('/-/metrics', server.url))
  said.set('metrics', Buffer.from(await metrics.text()))
  said.set('health', Buffer.from(await (await fetch(new URL('/-/health', server.url))).text()))
  await kms.decrypt({ CiphertextBlob: sealed.CiphertextBlob })

  // While it runs, so that what is only in the write-ahead log is seen too; and after a wrong passphrase and a clean stop.
  readDataDir('while it ran')
  await server.kill()
  readDataDir('when it was killed')
  const wrong = await runKeywright(['serve', '--port', '0', ...args(first)], options)
  assert.notEqual(wrong.code, 0)
  said.set('a start with the wrong passphrase', Buffer.from(wrong.stdout + wrong.stderr))
  const again = await startServer({ ...options, args: args(second) })
  await kmsClient(again).decrypt({ CiphertextBlob: sealed.CiphertextBlob })
  assert.equal(await again.stop(), 0)
  // From here on the root key is in a file, whose purpose is to hold it.
  await run('root-key', 'file', ...args(second))
  const { keys } = JSON.parse(readFileSync(join(dataDir, 'root.key'), 'utf8')) as { keys: { key: string }[] }
  plant('the root key', Buffer.from(keys[0]?.key ?? '', 'base64'))
  readDataDir('at the end')
  for (const [name, process] of Object.entries({ server, again })) {
    said.set(`stdout of ${name}`, Buffer.from(process.stdout()))
    said.set(`stderr of ${name}`, Buffer.from(process.stderr()))
  }

  requireSearched()
  const found: string[] = []
  for (const [what, secret] of planted) {
    for (const [form, needle] of Object.entries(formsOf(secret))) {
      for (const [where, content] of said)
        if (content.includes(needle)) found.push(`${what} (${form}) in ${where}`)
    }
  }
  assert.deepEqual(found, [])
})

/** Material that is sent, that is refused, and that is deleted again. */
async function importMaterial(kms: KMS): Promise<void> {
  const { id: KeyId } = await newKey(kms, { Origin: 'EXTERNAL' })
  const WrappingAlgorithm = 'RSAES_OAEP_SHA_256'
  const asked = { KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' } as const
  const { ImportToken, PublicKey } = await kms.getParametersForImport(asked)
  plant('an import token', ImportToken)
  const bring = (what: string, material: Buffer) => {
    plant(what, material)
    const EncryptedKeyMaterial = wrapMaterial(PublicKey ?? Buffer.of(), WrappingAlgorithm, material)
    plant(`${what}, wrapped`, EncryptedKeyMaterial)
    const ExpirationModel = 'KEY_MATERIAL_DOES_NOT_EXPIRE'
    return kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel })
  }
  await assert.rejects(bring('imported material that was too short', randomBytes(31)))
  await bring('imported material', randomBytes(32))
  await assert.rejects(bring('imported material that was another', randomBytes(32)))
  const { KeyMaterialId } = await kms.deleteImportedKeyMaterial({ KeyId })
  assert.ok(KeyMaterialId)

  const pair = await newKey(kms, { Origin: 'EXTERNAL', KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const given = await kms.getParametersForImport({ ...asked, KeyId: pair.id })
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  plant('an imported private number', Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'))
  await kms.importKeyMaterial({
    KeyId: pair.id,
    ImportToken: given.ImportToken,
    EncryptedKeyMaterial: wrapMaterial(given.PublicKey ?? Buffer.of(), WrappingAlgorithm, pkcs8),
    ValidTo: new Date(Date.now() + 86_400_000),
  })
}

/** What keys of the other kinds are given and give that nobody else may see. */
async function useKeyPairs(kms: KMS, symmetricKeyId: string): Promise<void> {
  const keyOf = async (KeySpec: KeySpec, KeyUsage: KeyUsageType) =>
    (await newKey(kms, { KeySpec, KeyUsage })).id
  const message = (what: string) => {
    const bytes = randomBytes(64)
    plant(what, bytes)
    return bytes
  }
  const signed = { Message: message('a message that was signed'), SigningAlgorithm: 'ECDSA_SHA_256' } as const
  const signing = await keyOf('ECC_NIST_P256', 'SIGN_VERIFY')
  const { Signature } = await kms.sign({ KeyId: signing, ...signed })
  await kms.verify({ KeyId: signing, ...signed, Signature })
  await assert.rejects(
    kms.verify({ KeyId: signing, ...signed, Message: message('a message of another signature'), Signature }),
  )

  const authenticated = { Message: message('a message with a MAC'), MacAlgorithm: 'HMAC_SHA_256' } as const
  const macKey = await keyOf('HMAC_256', 'GENERATE_VERIFY_MAC')
  const { Mac } = await kms.generateMac({ KeyId: macKey, ...authenticated })
  plant('a MAC', Mac)
  await kms.verifyMac({ KeyId: macKey, ...authenticated, Mac })
  await assert.rejects(
    kms.verifyMac({ KeyId: macKey, ...authenticated, Mac: message('a MAC of another message') }),
  )

  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const derived = await kms.deriveSharedSecret({
    KeyId: await keyOf('ECC_NIST_P256', 'KEY_AGREEMENT'),
    KeyAgreementAlgorithm: 'ECDH',
    PublicKey: publicKey.export({ type: 'spki', format: 'der' }),
  })
  plant('a derived secret', derived.SharedSecret)
  const kem = {
    KeyId: await keyOf('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE'),
    EncapsulationAlgorithm: 'ML_KEM',
  } as const
  const { SharedSecret, SharedSecretCiphertextBlob } = await kms.encapsulate(kem)
  plant('an encapsulated secret', SharedSecret)
  await kms.decapsulate({ ...kem, SharedSecretCiphertextBlob })

  const rsa = {
    KeyId: await keyOf('RSA_2048', 'ENCRYPT_DECRYPT'),
    EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
  } as const
  const { CiphertextBlob } = await kms.encrypt({ ...rsa, Plaintext: message('a plaintext for RSA') })
  await kms.decrypt({ ...rsa, CiphertextBlob })
  await kms.reEncrypt({
    CiphertextBlob,
    SourceKeyId: rsa.KeyId,
    SourceEncryptionAlgorithm: rsa.EncryptionAlgorithm,
    DestinationKeyId: symmetricKeyId,
  })
  for (const KeyPairSpec of ['ECC_NIST_P256', 'RSA_2048', 'ML_KEM_512'] as const) {
    const given = await kms.generateDataKeyPair({ KeyId: symmetricKeyId, KeyPairSpec })
    plantPrivateKey(`a ${KeyPairSpec} data key pair`, given.PrivateKeyPlaintext)
    const hidden = await kms.generateDataKeyPairWithoutPlaintext({ KeyId: symmetricKeyId, KeyPairSpec })
    const opened = await kms.decrypt({ CiphertextBlob: hidden.PrivateKeyCiphertextBlob })
    plantPrivateKey(`a ${KeyPairSpec} data key pair without plaintext`, opened.Plaintext)
  }
}

/** As it was given, and what in it is secret. */
function plantPrivateKey(what: string, pkcs8: Uint8Array | undefined): void {
  plant(`${what}, PKCS #8`, pkcs8)
  const key = createPrivateKey({ key: Buffer.from(pkcs8 ?? []), format: 'der', type: 'pkcs8' })
  const secret = key.asymmetricKeyType === 'ml-kem-512' ? pkcs8?.slice(-64) : jwkSecret(key)
  plant(`${what}, the secret number`, secret)
}

function jwkSecret(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')
}

/** Requests whose message or secret is refused with them. */
function refusedMessages(KeyId: string, secret: string): RawRequest[] {
  const signing = { KeyId, Message: secret, SigningAlgorithm: 'ECDSA_SHA_256' }
  const mac = { KeyId, Message: secret, MacAlgorithm: 'HMAC_SHA_256' }
  return [
    { operation: 'Sign', body: signing },
    { operation: 'Sign', body: { ...signing, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_512' } },
    { operation: 'Verify', body: { ...signing, Signature: '' } },
    { operation: 'GenerateMac', body: mac },
    { operation: 'VerifyMac', body: { ...mac, Mac: secret } },
    {
      operation: 'Decapsulate',
      body: { KeyId, SharedSecretCiphertextBlob: secret, EncapsulationAlgorithm: 'ML_KEM' },
    },
    { operation: 'DeriveSharedSecret', body: { KeyId, PublicKey: secret, KeyAgreementAlgorithm: 'ECDH' } },
  ]
}

/** Every file but those whose purpose it is to hold a secret. */
function readDataDir(when: string): void {
  for (const entry of readdirSync(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /^(credentials|root\.key)$/.test(entry.name)) continue
    said.set(`${entry.name} ${when}`, readFileSync(join(entry.parentPath, entry.name)))
  }
}

/** The search would find nothing in nothing. */
function requireSearched(): void {
  const places = [...said.keys()].join('\n')
  for (const place of [
    /^keywright\.db.* while it ran$/m,
    /-wal while it ran$/m,
    /^\S*journal\S*|^\S+\.(jsonl|log|segment)\S* /m,
  ]) {
    assert.match(places, place)
  }
  const journal = [...said.values()].some((content) => content.includes('"eventName":"GenerateDataKey"'))
  assert.ok(journal, 'the journal was read')
  assert.match(said.get('stderr of server')?.toString() ?? '', /"operation":"Encrypt"/)
  assert.match(said.get('metrics')?.toString() ?? '', /Encrypt/)
}

/** As it is, and in the encodings that a log or a request would put it in. */
function formsOf(secret: Buffer): Record<string, Buffer> {
  const base64 = secret.toString('base64').replace(/=+$/, '')
  return {
    'as it is': secret,
    hex: Buffer.from(secret.toString('hex')),
    'upper-case hex': Buffer.from(secret.toString('hex').toUpperCase()),
    // Less its last digits: they depend on what follows.
    base64: Buffer.from(base64.slice(0, -2)),
    base64url: Buffer.from(base64.slice(0, -2).replaceAll('+', '-').replaceAll('/', '_')),
    'a list of numbers': Buffer.from([...secret].join(',')),
  }
}
