import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, temporaryFolder } from '../server-process.ts'

const server = await startServer({ env: { KEYWRIGHT_REGIONS: 'cn-north-1' } })
after(() => server.stop())
const kms = kmsClient(server, { region: 'cn-north-1' })
const folder = temporaryFolder()
const file = (name: string) => join(folder, name)

/** Debian's OpenSSL, which knows the identifier as an option; what goes wrong it says on standard error. */
const openssl = (...args: string[]) =>
  execFileSync('/usr/bin/openssl', args, { encoding: 'utf8', stdio: 'pipe' })
const asAws = ['-sm3', '-sigopt', 'distid:1234567812345678']
const Message = Buffer.from('a message that two implementations have to agree on')
writeFileSync(file('message'), Message)

test("OpenSSL's command verifies SM2DSA signatures with the identifier that AWS uses, and with no other", async () => {
  const { id: KeyId } = await newKey(kms, { KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' })
  const { PublicKey } = await kms.getPublicKey({ KeyId })
  const { Signature } = await kms.sign({ KeyId, Message, SigningAlgorithm: 'SM2DSA' })
  writeFileSync(file('public.der'), PublicKey ?? '')
  writeFileSync(file('signature'), Signature ?? '')
  openssl('pkey', '-pubin', '-inform', 'DER', '-in', file('public.der'), '-out', file('public.pem'))
  const verify = (options: readonly string[]) =>
    openssl(
      'dgst',
      ...options,
      '-verify',
      file('public.pem'),
      '-signature',
      file('signature'),
      file('message'),
    )
  assert.equal(verify(asAws), 'Verified OK\n')
  assert.throws(() => verify(['-sm3', '-sigopt', 'distid:somebody']))
  assert.throws(() => verify(['-sm3']))
})

test("a data key pair signs with OpenSSL's command", async () => {
  const { id: KeyId } = await newKey(kms)
  const made = await kms.generateDataKeyPair({ KeyId, KeyPairSpec: 'SM2' })
  writeFileSync(file('private.der'), made.PrivateKeyPlaintext ?? '')
  openssl('pkey', '-inform', 'DER', '-in', file('private.der'), '-out', file('private.pem'))
  openssl('pkey', '-in', file('private.pem'), '-pubout', '-outform', 'DER', '-out', file('its-public.der'))
  assert.deepEqual(readFileSync(file('its-public.der')), Buffer.from(made.PublicKey ?? []))
  openssl('dgst', ...asAws, '-sign', file('private.pem'), '-out', file('signature'), file('message'))
  openssl('pkey', '-in', file('private.pem'), '-pubout', '-out', file('its-public.pem'))
  assert.equal(
    openssl(
      'dgst',
      ...asAws,
      '-verify',
      file('its-public.pem'),
      '-signature',
      file('signature'),
      file('message'),
    ),
    'Verified OK\n',
  )
})
