import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import {
  attestationDocument,
  nitroChain,
} from '../../server/src/crypto/attestation/testing/attestation-documents.ts'
import { newEnclave } from '../../server/src/crypto/attestation/testing/enclave.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, temporaryFolder } from '../server-process.ts'

const openssl = async (...args: string[]) =>
  promisify(execFile)('/usr/bin/openssl', args, { encoding: 'buffer' })
const folder = temporaryFolder()
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const chain = await nitroChain(Date.now())
const enclave = newEnclave()
file('enclave.key', enclave.privateKey.export({ format: 'pem', type: 'pkcs8' }))
const server = await startServer({ args: ['--attestation-roots', file('root.pem', chain[0].pem)] })
after(() => server.stop())
const kms = kmsClient(server)

async function answerFor(secret: Uint8Array): Promise<string> {
  const { id: KeyId } = await newKey(kms)
  const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: secret })
  const { CiphertextForRecipient } = await kms.decrypt({
    CiphertextBlob,
    Recipient: {
      KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
      AttestationDocument: attestationDocument(chain, Date.now(), { public_key: enclave.publicKey }),
    },
  })
  return file('answer.ber', CiphertextForRecipient ?? Buffer.alloc(0))
}

test('OpenSSL opens what an enclave is answered, by the command of the page on attestation', async () => {
  const page = readFileSync(new URL('../../docs/attestation.md', import.meta.url), 'utf8')
  const [command = ''] = /^openssl cms -decrypt .*$/m.exec(page) ?? []
  const [program = '', ...args] = command.split(' ')
  for (const length of [1, 16, 4096]) {
    const secret = randomBytes(length)
    await answerFor(secret)
    const { stdout } = await promisify(execFile)(`/usr/bin/${program}`, args, {
      encoding: 'buffer',
      cwd: folder,
    })
    assert.deepEqual(stdout, secret)
  }
})

test('OpenSSL shows in it what it shows in an answer of AWS KMS', async () => {
  const answer = await answerFor(randomBytes(28))
  const shown = await openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', answer)
  const text = shown.stdout.toString('utf8')
  assert.match(text, /^ *contentType: pkcs7-envelopedData/m)
  assert.equal(text.match(/^ *version: 2$/gm)?.length, 2)
  assert.match(text, /d\.subjectKeyIdentifier:/)
  assert.match(text, /algorithm: rsaesOaep/)
  assert.match(text, /contentType: pkcs7-data/)
  assert.match(text, /algorithm: aes-256-cbc/)
  const { stdout } = await openssl('asn1parse', '-inform', 'DER', '-in', answer)
  const parsed = stdout.toString('utf8')
  assert.equal(parsed.match(/:sha256$/gm)?.length, 2)
  assert.match(parsed, /:mgf1$/m)
  assert.equal(parsed.match(/l=inf /g)?.length, 5)
})

test('OpenSSL opens nothing with another key', async () => {
  const other = file('other.key', newEnclave().privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const secret = randomBytes(16)
  const answer = await answerFor(secret)
  // It goes on with a random key, whose padding may look right once in 256 times.
  const opened = await openssl(
    'cms',
    '-decrypt',
    '-inform',
    'DER',
    '-in',
    answer,
    '-inkey',
    other,
    '-binary',
  ).then(
    ({ stdout }) => stdout,
    () => undefined,
  )
  assert.notDeepEqual(opened, secret)
})
