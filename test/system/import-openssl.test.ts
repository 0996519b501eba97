import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { kmsClient } from '../kms-client.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { terminal, type Terminal } from './terminal.ts'

/** The scripts of docs/imported-material.md, as they stand there, with the AWS CLI and OpenSSL of Debian. */

const scripts = fileURLToPath(new URL('../../docs/scripts', import.meta.url))
const usedOn = (name: string) => join(scripts, name)

let server: ServerProcess
let user: Terminal
before(async () => {
  server = await startServer()
  user = terminal(server)
})
after(() => server.stop())

const openssl = (...args: string[]) => `/usr/bin/openssl ${args.join(' ')}`
const bytesIn = (name: string) => readFileSync(join(user.folder, name))

async function imported(script: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await user.run(`${usedOn(script)} ${args.join(' ')} ${server.url}`)
  assert.equal(code, 0, stderr)
  const KeyId = stdout.trim()
  const { KeyMetadata } = await kmsClient(server).describeKey({ KeyId })
  assert.equal(KeyMetadata?.KeyState, 'Enabled')
  assert.equal(KeyMetadata.Origin, 'EXTERNAL')
  return KeyId
}

test('the script for a symmetric key imports it', async () => {
  await user.run(openssl('rand', '-out', 'material.bin', '32'))
  const KeyId = await imported('import-symmetric-key.sh', 'material.bin')
  const kms = kmsClient(server)
  const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: Buffer.from('attack at dawn') })
  const { Plaintext } = await kms.decrypt({ CiphertextBlob })
  assert.equal(Buffer.from(Plaintext ?? []).toString(), 'attack at dawn')
})

test('the script for an RSA key imports the very key', async () => {
  await user.run(
    `${openssl('genrsa', '-out', 'key.pem', '3072')} && ${openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'key.pem', '-outform', 'DER', '-out', 'key.der')}`,
  )
  const KeyId = await imported('import-rsa-key.sh', 'key.der', 'RSA_3072')
  const { PublicKey } = await kmsClient(server).getPublicKey({ KeyId })
  const own = createPublicKey(createPrivateKey({ key: bytesIn('key.der'), format: 'der', type: 'pkcs8' }))
  assert.deepEqual(Buffer.from(PublicKey ?? []), own.export({ type: 'spki', format: 'der' }))
})

test('a script that is refused says why and leaves no key that could be used', async () => {
  await user.run(openssl('rand', '-out', 'short.bin', '31'))
  const { code, stdout, stderr } = await user.run(
    `${usedOn('import-symmetric-key.sh')} short.bin ${server.url}`,
  )
  assert.notEqual(code, 0)
  assert.equal(stdout, '')
  assert.match(stderr, /IncorrectKeyMaterialException/)
  assert.match(stderr, /key [0-9a-f-]{36} was made and has no material/)
})

test('what keywright import wrap makes is imported by the AWS CLI', async () => {
  await user.run(openssl('rand', '-out', 'wrapped-here.bin', '32'))
  const command = fileURLToPath(new URL('../../server/src/cli/keywright.ts', import.meta.url))
  const kms = `aws --endpoint-url ${server.url} kms`
  const { code, stdout, stderr } = await user.run(`set -eu; umask 077
    chmod 600 wrapped-here.bin
    key=$(${kms} create-key --origin EXTERNAL --query KeyMetadata.KeyId --output text)
    ${kms} get-parameters-for-import --key-id "$key" --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_2048 > parameters.json
    /usr/bin/python3 -c 'import json; p = json.load(open("parameters.json")); open("public-key.b64", "w").write(p["PublicKey"]); open("token.b64", "w").write(p["ImportToken"])'
    base64 -d token.b64 > token.bin
    '${process.execPath}' '${command}' import wrap --public-key public-key.b64 --algorithm RSAES_OAEP_SHA_256 --material wrapped-here.bin --out wrapped.bin >&2
    ${kms} import-key-material --key-id "$key" --import-token fileb://token.bin --encrypted-key-material fileb://wrapped.bin --expiration-model KEY_MATERIAL_EXPIRES --valid-to "$(date -u -d '+1 day' +%Y-%m-%dT%H:%M:%SZ)" >&2
    ${kms} describe-key --key-id "$key" --query KeyMetadata.KeyState --output text`)
  assert.equal(code, 0, stderr)
  assert.equal(stdout.trim(), 'Enabled')
})
