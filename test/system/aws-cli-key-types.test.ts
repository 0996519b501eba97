import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runKeywright, startServer, type ServerProcess } from '../server-process.ts'
import { terminal, type Terminal } from './terminal.ts'

/**
 * Asymmetric and HMAC keys with Debian's AWS CLI, which is of 2022: what came later (key agreement, Ed25519, ML-DSA, ML-KEM) is
 * tested with the AWS SDK for JavaScript. What it answers is checked with OpenSSL's command.
 */

interface Answer {
  readonly [member: string]: string
}
interface Described {
  readonly KeyMetadata: { readonly KeyId: string; readonly Arn: string; readonly [member: string]: unknown }
}

const account = '123456789012'
const arnOf = (keyId: string) => `arn:aws:kms:us-east-1:${account}:key/${keyId}`

let server: ServerProcess
let user: Terminal
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
  user = terminal(server, { endpoint: server.url })
})
after(() => server.stop())

/** A blob of an answer as a file of the user's. */
function keep(file: string, base64: string | undefined): void {
  writeFileSync(join(user.folder, file), Buffer.from(base64 ?? '', 'base64'))
}
const bytesOf = (file: string) => readFileSync(join(user.folder, file))
const newKey = async (alias: string, options: string) => {
  const { KeyMetadata } = await user.json<Described>(`aws kms create-key ${options}`)
  await user.text(`aws kms create-alias --alias-name ${alias} --target-key-id ${KeyMetadata.KeyId}`)
  return KeyMetadata
}

describe('the AWS CLI with the asymmetric commands of the study notes', () => {
  let signing: Described['KeyMetadata']

  const described = (id: string, more: object) => ({
    AWSAccountId: account,
    KeyId: id,
    Arn: arnOf(id),
    Enabled: true,
    KeyState: 'Enabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: 'RSA_2048',
    KeySpec: 'RSA_2048',
    MultiRegion: false,
    ...more,
  })
  const signingAlgorithms = [
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
  ]

  test('create-key makes a key for signing, whose metadata name its algorithms', async () => {
    const { KeyMetadata } = await user.json<Described>(`
aws kms create-key \\
  --description "Digital signing key" \\
  --key-usage SIGN_VERIFY \\
  --key-spec RSA_2048`)
    signing = KeyMetadata
    const { CreationDate, ...rest } = KeyMetadata
    assert.ok(Math.abs(Date.parse(CreationDate as string) - Date.now()) < 60_000)
    assert.deepEqual(
      rest,
      described(signing.KeyId, {
        Description: 'Digital signing key',
        KeyUsage: 'SIGN_VERIFY',
        SigningAlgorithms: signingAlgorithms,
      }),
    )
    assert.deepEqual(await user.json(`aws kms describe-key --key-id ${signing.KeyId}`), { KeyMetadata })
  })

  test('create-key makes a key for encryption from the same spec', async () => {
    const { KeyMetadata } = await user.json<Described>(`
aws kms create-key \\
  --description "Asymmetric encryption key" \\
  --key-usage ENCRYPT_DECRYPT \\
  --key-spec RSA_2048`)
    const { CreationDate: _, ...rest } = KeyMetadata
    assert.deepEqual(
      rest,
      described(KeyMetadata.KeyId, {
        Description: 'Asymmetric encryption key',
        KeyUsage: 'ENCRYPT_DECRYPT',
        EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
      }),
    )
  })

  test('get-public-key refuses an alias that nobody made; once it is made, OpenSSL reads the key', async () => {
    const command = `
aws kms get-public-key \\
  --key-id alias/signing-key`
    // The notes never make the alias that they go on with.
    assert.deepEqual(await user.refusal(command), {
      code: 'NotFoundException',
      operation: 'GetPublicKey',
      message: `Alias arn:aws:kms:us-east-1:${account}:alias/signing-key is not found.`,
    })
    await user.text(`aws kms create-alias --alias-name alias/signing-key --target-key-id ${signing.KeyId}`)
    const { PublicKey = '', ...rest } = await user.json<Answer>(command)
    assert.deepEqual(rest, {
      KeyId: signing.Arn,
      CustomerMasterKeySpec: 'RSA_2048',
      KeySpec: 'RSA_2048',
      KeyUsage: 'SIGN_VERIFY',
      SigningAlgorithms: signingAlgorithms,
    })
    keep('public.der', PublicKey)
    const shown = await user.text('openssl pkey -pubin -inform DER -in public.der -noout -text')
    assert.match(shown, /^Public-Key: \(2048 bit\)[\s\S]*Exponent: 65537 \(0x10001\)$/)
  })

  test('sign and verify keep a text and its signature together, and OpenSSL agrees', async () => {
    const signed = await user.json<Answer>(`
aws kms sign \\
  --key-id alias/signing-key \\
  --message "Hello, World!" \\
  --message-type RAW \\
  --signing-algorithm RSASSA_PKCS1_V1_5_SHA_256`)
    const { Signature = '', ...rest } = signed
    assert.deepEqual(rest, { KeyId: signing.Arn, SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' })
    keep('signature.bin', Signature)
    assert.equal(bytesOf('signature.bin').length, 256)

    const verify = (message: string) => `
aws kms verify \\
  --key-id alias/signing-key \\
  --message "${message}" \\
  --message-type RAW \\
  --signature fileb://signature.bin \\
  --signing-algorithm RSASSA_PKCS1_V1_5_SHA_256`
    assert.deepEqual(await user.json(verify('Hello, World!')), {
      KeyId: signing.Arn,
      SignatureValid: true,
      SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
    })
    // A signature that is not valid is never an answer, always a refusal; AWS gives it no text.
    assert.deepEqual(await user.refusal(verify('Hello, world!')), {
      code: 'KMSInvalidSignatureException',
      operation: 'Verify',
      message: '',
    })
    const openssl = 'openssl dgst -sha256 -verify public.der -keyform DER -signature signature.bin'
    assert.equal(await user.text(`printf %s 'Hello, World!' | ${openssl}`), 'Verified OK')
  })

  test('with the defaults of version 2 of the CLI the notes’ text is no base64, and the CLI says so itself', async () => {
    const { code, stderr } = await user.run(
      'aws --cli-binary-format base64 kms sign --key-id alias/signing-key --message "Hello, World!" --signing-algorithm RSASSA_PSS_SHA_256',
    )
    assert.equal(code, 255)
    assert.match(stderr, /Invalid base64/)
  })
})

describe('signatures that the AWS CLI brings and OpenSSL verifies', () => {
  for (const [spec, algorithm, digest, ...options] of [
    ['RSA_3072', 'RSASSA_PSS_SHA_384', 'sha384', 'rsa_padding_mode:pss', 'rsa_pss_saltlen:digest'],
    ['RSA_4096', 'RSASSA_PSS_SHA_512', 'sha512', 'rsa_padding_mode:pss', 'rsa_pss_saltlen:digest'],
    ['ECC_NIST_P256', 'ECDSA_SHA_256', 'sha256'],
    ['ECC_NIST_P384', 'ECDSA_SHA_384', 'sha384'],
    ['ECC_NIST_P521', 'ECDSA_SHA_512', 'sha512'],
    ['ECC_SECG_P256K1', 'ECDSA_SHA_256', 'sha256'],
  ] as const) {
    test(`${algorithm} of ${spec}: of a message, and of a digest that OpenSSL made of a larger file`, async () => {
      const alias = `alias/${spec}`
      await newKey(alias, `--key-spec ${spec} --key-usage SIGN_VERIFY`)
      const common = `--key-id ${alias} --signing-algorithm ${algorithm}`
      const text = '--output text --query'
      const openssl = [
        `openssl dgst -${digest} -verify public.der -keyform DER`,
        ...options.map((option) => `-sigopt ${option}`),
        '-signature signature',
      ].join(' ')
      const shown = await user.text(`
        aws kms get-public-key --key-id ${alias} ${text} PublicKey | base64 --decode > public.der
        seq 1 700 > message
        aws kms sign ${common} --message fileb://message ${text} Signature | base64 --decode > signature
        ${openssl} message

        seq 1 100000 > release
        openssl dgst -${digest} -binary release > digest
        aws kms sign ${common} --message fileb://digest --message-type DIGEST ${text} Signature | base64 --decode > signature
        ${openssl} release
        aws kms verify ${common} --message fileb://digest --message-type DIGEST --signature fileb://signature ${text} SignatureValid`)
      assert.deepEqual(shown.split('\n'), ['Verified OK', 'Verified OK', 'True'])
      assert.ok(
        bytesOf('release').length > 4096,
        'no message, but a digest, is the way for a file of this size',
      )
    })
  }

  test('a file that is no message and a digest that is no digest are refused in AWS’s words', async () => {
    const common = '--key-id alias/ECC_NIST_P384 --signing-algorithm ECDSA_SHA_384'
    assert.equal(
      await user.refusedWith(`aws kms sign ${common} --message fileb://release`),
      "ValidationException: 1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096",
    )
    assert.equal(
      await user.refusedWith(`aws kms sign ${common} --message fileb://message --message-type DIGEST`),
      'ValidationException: Digest is invalid length for algorithm ECDSA_SHA_384.',
    )
    assert.equal(
      await user.refusedWith(
        'aws kms sign --key-id alias/ECC_NIST_P384 --signing-algorithm ECDSA_SHA_256 --message hello',
      ),
      'InvalidKeyUsageException: Algorithm ECDSA_SHA_256 is incompatible with key spec ECC_NIST_P384.',
    )
  })

  test('a certificate of an authority whose key never leaves: OpenSSL drafts it, Sign signs it, OpenSSL verifies it', async () => {
    const key = '--key-id alias/ECC_NIST_P256'
    await user.text(`
      aws kms get-public-key ${key} --output text --query PublicKey | base64 --decode \\
        | openssl pkey -pubin -inform DER -out authority.pem
      openssl ecparam -name prime256v1 -genkey -noout -out throwaway.pem
      openssl req -new -key throwaway.pem -subj '/CN=Example CA' -out request.pem
      openssl x509 -req -in request.pem -force_pubkey authority.pem -signkey throwaway.pem -sha256 -days 30 \\
        -outform DER -out draft.der 2>/dev/null
      openssl asn1parse -inform DER -in draft.der -strparse 4 -noout -out to-be-signed
      openssl dgst -sha256 -binary to-be-signed > digest
      aws kms sign ${key} --signing-algorithm ECDSA_SHA_256 --message-type DIGEST --message fileb://digest \\
        --output text --query Signature | base64 --decode > signature`)
    // Certificate of RFC 5280: what is signed, ecdsa-with-SHA256, and the signature as a bit string without unused bits.
    const algorithm = Buffer.from('300a06082a8648ce3d040302', 'hex')
    const signature = der(0x03, Buffer.concat([Buffer.of(0), bytesOf('signature')]))
    const certificate = der(0x30, Buffer.concat([bytesOf('to-be-signed'), algorithm, signature]))
    writeFileSync(join(user.folder, 'authority.der'), certificate)
    const verified = await user.text(`
      openssl x509 -inform DER -in authority.der -out authority.crt
      openssl verify -check_ss_sig -CAfile authority.crt authority.crt`)
    assert.equal(verified, 'authority.crt: OK')
  })
})

/** One element of DER; its content is shorter than 64 KiB. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const header = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...header), content])
}

describe('HMAC keys with the AWS CLI', () => {
  test('generate-mac and verify-mac agree; another message, a truncated MAC and another key do not', async () => {
    const { Arn } = await newKey('alias/mac', '--key-spec HMAC_256 --key-usage GENERATE_VERIFY_MAC')
    await newKey('alias/other-mac', '--key-spec HMAC_256 --key-usage GENERATE_VERIFY_MAC')
    const made = await user.json<Answer>(
      'aws kms generate-mac --key-id alias/mac --message "Hello, World!" --mac-algorithm HMAC_SHA_256',
    )
    assert.deepEqual({ ...made, Mac: '' }, { Mac: '', MacAlgorithm: 'HMAC_SHA_256', KeyId: Arn })
    keep('mac', made['Mac'])
    assert.equal(bytesOf('mac').length, 32)
    const verify = (key: string, message: string, mac = 'mac') =>
      `aws kms verify-mac --key-id ${key} --message "${message}" --mac fileb://${mac} --mac-algorithm HMAC_SHA_256`
    assert.deepEqual(await user.json(verify('alias/mac', 'Hello, World!')), {
      KeyId: Arn,
      MacValid: true,
      MacAlgorithm: 'HMAC_SHA_256',
    })
    await user.text('head --bytes 16 mac > half-a-mac')
    for (const command of [
      verify('alias/mac', 'Hello, world!'),
      verify('alias/mac', 'Hello, World!', 'half-a-mac'),
      verify('alias/other-mac', 'Hello, World!'),
    ]) {
      assert.deepEqual(await user.refusal(command), {
        code: 'KMSInvalidMacException',
        operation: 'VerifyMac',
        message: '',
      })
    }
  })
})

describe('data key pairs with the AWS CLI', () => {
  for (const [spec, shown] of [
    ['RSA_2048', /2048 bit/],
    ['ECC_NIST_P521', /P-521/],
    ['ECC_SECG_P256K1', /secp256k1/],
  ] as const) {
    test(`generate-data-key-pair of ${spec} gives a pair that OpenSSL signs and verifies with, and decrypt opens it`, async () => {
      const { Arn } = await newKey(`alias/pairs-${spec}`, '')
      const common = `--key-id alias/pairs-${spec} --key-pair-spec ${spec} --encryption-context purpose=demo`
      const pair = await user.json<Answer>(`aws kms generate-data-key-pair ${common}`)
      const { PrivateKeyCiphertextBlob, PrivateKeyPlaintext, PublicKey, ...rest } = pair
      assert.deepEqual(rest, { KeyId: Arn, KeyPairSpec: spec })
      keep('private.der', PrivateKeyPlaintext)
      keep('public.der', PublicKey)
      keep('sealed', PrivateKeyCiphertextBlob)
      const checked = await user.text(`
        openssl pkey -inform DER -in private.der -noout -check
        openssl pkey -inform DER -in private.der -pubout -outform DER | cmp - public.der
        seq 1 100 > message
        openssl dgst -sha512 -sign private.der -keyform DER -out signature message
        openssl dgst -sha512 -verify public.der -keyform DER -signature signature message
        aws kms decrypt --ciphertext-blob fileb://sealed --encryption-context purpose=demo --output text --query Plaintext \\
          | base64 --decode | cmp - private.der`)
      assert.deepEqual(checked.split('\n'), ['Key is valid', 'Verified OK'])
      assert.match(await user.text('openssl pkey -pubin -inform DER -in public.der -noout -text'), shown)

      const sealed = await user.json<Answer>(`aws kms generate-data-key-pair-without-plaintext ${common}`)
      assert.deepEqual(Object.keys(sealed).sort(), [
        'KeyId',
        'KeyPairSpec',
        'PrivateKeyCiphertextBlob',
        'PublicKey',
      ])
      assert.notEqual(sealed['PublicKey'], PublicKey)
      keep('public.der', sealed['PublicKey'])
      keep('sealed', sealed['PrivateKeyCiphertextBlob'])
      await user.text(`
        aws kms decrypt --ciphertext-blob fileb://sealed --encryption-context purpose=demo --output text --query Plaintext \\
          | base64 --decode | openssl pkey -inform DER -pubout -outform DER | cmp - public.der`)
      assert.equal(
        (await user.refusal('aws kms decrypt --ciphertext-blob fileb://sealed')).code,
        'InvalidCiphertextException',
      )
    })
  }
})

describe('RSA encryption with the AWS CLI', () => {
  const blob = '--output text --query CiphertextBlob | base64 --decode'
  const plaintext = '--output text --query Plaintext | base64 --decode'
  const oaep = 'RSAES_OAEP_SHA_256'

  test('encrypt and decrypt with the algorithm that was recorded, and with no other', async () => {
    const { Arn } = await newKey('alias/rsa', '--key-spec RSA_2048 --key-usage ENCRYPT_DECRYPT')
    const sealed = await user.json<Answer>(
      `aws kms encrypt --key-id alias/rsa --plaintext 'attack at dawn' --encryption-algorithm ${oaep}`,
    )
    assert.deepEqual(
      { ...sealed, CiphertextBlob: '' },
      { CiphertextBlob: '', KeyId: Arn, EncryptionAlgorithm: oaep },
    )
    keep('encrypted', sealed['CiphertextBlob'])
    assert.equal(bytesOf('encrypted').length, 256)
    const decrypt = 'aws kms decrypt --ciphertext-blob fileb://encrypted'
    assert.equal(
      await user.text(`${decrypt} --key-id alias/rsa --encryption-algorithm ${oaep} ${plaintext}`),
      'attack at dawn',
    )
    // The ciphertext names neither its key nor its algorithm: both have to be said, as at AWS.
    assert.equal(
      await user.refusedWith(`${decrypt} --key-id alias/rsa --encryption-algorithm RSAES_OAEP_SHA_1`),
      'InvalidCiphertextException: ',
    )
    assert.equal(
      await user.refusedWith(`${decrypt} --key-id alias/rsa`),
      'InvalidKeyUsageException: Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
    )
    assert.equal(
      await user.refusedWith(`aws kms encrypt --key-id alias/rsa --plaintext 'attack at dawn'`),
      'InvalidKeyUsageException: Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
    )
    assert.equal((await user.refusal(decrypt)).code, 'InvalidCiphertextException')
  })

  test('what was encrypted outside, under the public key, is decrypted inside', async () => {
    const outside = (padding: string) =>
      `printf %s 'from outside' | openssl pkeyutl -encrypt -pubin -inkey public.pem -pkeyopt rsa_padding_mode:oaep ${padding} > encrypted`
    await user.text(`
      aws kms get-public-key --key-id alias/rsa --output text --query PublicKey | base64 --decode \\
        | openssl pkey -pubin -inform DER -out public.pem`)
    for (const [algorithm, padding] of [
      ['RSAES_OAEP_SHA_1', '-pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1'],
      [oaep, '-pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256'],
    ]) {
      const shown = await user.text(`
        ${outside(padding ?? '')}
        aws kms decrypt --key-id alias/rsa --encryption-algorithm ${algorithm} --ciphertext-blob fileb://encrypted ${plaintext}`)
      assert.equal(shown, 'from outside')
    }
  })

  test('the longest plaintext is encrypted, one byte more is refused with the number', async () => {
    const shown = await user.text(`
      head --bytes 190 /dev/urandom > longest
      aws kms encrypt --key-id alias/rsa --plaintext fileb://longest --encryption-algorithm ${oaep} ${blob} > encrypted
      aws kms decrypt --key-id alias/rsa --ciphertext-blob fileb://encrypted --encryption-algorithm ${oaep} ${plaintext} \\
        | cmp - longest && echo same
      head --bytes 191 /dev/urandom > longer`)
    assert.equal(shown, 'same')
    assert.equal(
      await user.refusedWith(
        `aws kms encrypt --key-id alias/rsa --plaintext fileb://longer --encryption-algorithm ${oaep}`,
      ),
      `ValidationException: Algorithm ${oaep} and key spec RSA_2048 cannot encrypt data larger than 190 bytes.`,
    )
  })

  test('re-encrypt moves a ciphertext from an RSA key to a symmetric one and back', async () => {
    const { Arn } = await newKey('alias/symmetric', '')
    const moved = await user.json<Answer>(`
      aws kms encrypt --key-id alias/rsa --plaintext 'attack at dawn' --encryption-algorithm ${oaep} ${blob} > encrypted
      aws kms re-encrypt --ciphertext-blob fileb://encrypted --source-key-id alias/rsa --source-encryption-algorithm ${oaep} \\
        --destination-key-id alias/symmetric --destination-encryption-context purpose=demo`)
    assert.deepEqual(
      [moved['KeyId'], moved['SourceEncryptionAlgorithm'], moved['DestinationEncryptionAlgorithm']],
      [Arn, oaep, 'SYMMETRIC_DEFAULT'],
    )
    keep('moved', moved['CiphertextBlob'])
    const shown = await user.text(`
      aws kms decrypt --ciphertext-blob fileb://moved --encryption-context purpose=demo ${plaintext}
      echo
      aws kms re-encrypt --ciphertext-blob fileb://moved --source-encryption-context purpose=demo \\
        --destination-key-id alias/rsa --destination-encryption-algorithm RSAES_OAEP_SHA_1 ${blob} > back
      aws kms decrypt --key-id alias/rsa --ciphertext-blob fileb://back --encryption-algorithm RSAES_OAEP_SHA_1 ${plaintext}`)
    assert.equal(shown, 'attack at dawn\nattack at dawn')
    assert.equal(bytesOf('back').length, 256)
    // Without the names of key and algorithm nothing says what the ciphertext is.
    assert.equal(
      (
        await user.refusal(
          'aws kms re-encrypt --ciphertext-blob fileb://encrypted --destination-key-id alias/symmetric',
        )
      ).code,
      'InvalidCiphertextException',
    )
  })
})

describe('what the AWS CLI shows of a mistake with such keys', () => {
  const create = (options: string) => user.refusedWith(`aws kms create-key ${options}`)

  test('create-key wants a usage, and one that fits', async () => {
    assert.equal(
      await create('--key-spec RSA_2048'),
      'ValidationException: You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    )
    assert.equal(
      await create('--key-spec ECC_NIST_P256 --key-usage ENCRYPT_DECRYPT'),
      'ValidationException: KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec ECC_NIST_P256',
    )
    assert.equal(
      await create('--key-usage SIGN_VERIFY'),
      'ValidationException: KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT',
    )
    assert.match(
      await create('--key-spec RSA_1024 --key-usage SIGN_VERIFY'),
      /^ValidationException: 1 validation error detected: Value 'RSA_1024' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: \[/,
    )
  })

  test('the deprecated --customer-master-key-spec makes the same keys, and is told with every key that it has a word for', async () => {
    const { KeyMetadata } = await user.json<Described>(
      'aws kms create-key --customer-master-key-spec ECC_NIST_P384 --key-usage SIGN_VERIFY',
    )
    assert.deepEqual(
      [KeyMetadata['KeySpec'], KeyMetadata['CustomerMasterKeySpec'], KeyMetadata['SigningAlgorithms']],
      ['ECC_NIST_P384', 'ECC_NIST_P384', ['ECDSA_SHA_384']],
    )
  })

  test('a key is for one usage only, and says which', async () => {
    const refusals = {
      'sign --key-id alias/rsa --message x --signing-algorithm RSASSA_PSS_SHA_256': [
        'rsa',
        'ENCRYPT_DECRYPT',
        'Sign',
      ],
      'encrypt --key-id alias/signing-key --plaintext x --encryption-algorithm RSAES_OAEP_SHA_256': [
        'signing-key',
        'SIGN_VERIFY',
        'Encrypt',
      ],
      'generate-mac --key-id alias/symmetric --message x --mac-algorithm HMAC_SHA_256': [
        'symmetric',
        'ENCRYPT_DECRYPT',
        'GenerateMac',
      ],
    }
    for (const [command, [alias, usage, operation]] of Object.entries(refusals)) {
      const { KeyMetadata } = await user.json<Described>(`aws kms describe-key --key-id alias/${alias}`)
      assert.equal(
        await user.refusedWith(`aws kms ${command}`),
        `InvalidKeyUsageException: ${KeyMetadata.Arn} key usage is ${usage} which is not valid for ${operation}.`,
      )
    }
  })

  test('a disabled key signs nothing and still shows its public key; one that is pending deletion shows neither', async () => {
    const { KeyId, Arn } = await newKey('alias/ending', '--key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY')
    const sign = 'aws kms sign --key-id alias/ending --message x --signing-algorithm ECDSA_SHA_256'
    const publicKey = 'aws kms get-public-key --key-id alias/ending'
    const { PublicKey } = await user.json<Answer>(publicKey)
    await user.text(`aws kms disable-key --key-id ${KeyId}`)
    assert.equal(await user.refusedWith(sign), `DisabledException: ${Arn} is disabled.`)
    assert.equal((await user.json<Answer>(publicKey))['PublicKey'], PublicKey)
    await user.text(`aws kms schedule-key-deletion --key-id ${KeyId} --pending-window-in-days 7`)
    const pending = `KMSInvalidStateException: ${Arn} is pending deletion.`
    assert.deepEqual([await user.refusedWith(sign), await user.refusedWith(publicKey)], [pending, pending])
  })

  test('neither message nor MAC, private key nor plaintext is in the journal, and the journal verifies', async () => {
    const { stdout } = await runKeywright(['audit', 'tail', '--json', '--limit', '1000'], server)
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { eventName: string; errorCode?: string; requestParameters: object })
    const sign = records.find(({ eventName }) => eventName === 'Sign')
    assert.deepEqual(sign?.requestParameters, {
      keyId: 'alias/signing-key',
      messageType: 'RAW',
      signingAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
    })
    for (const secret of ['Hello, World!', 'attack at dawn', 'from outside']) {
      for (const text of [secret, Buffer.from(secret).toString('base64')]) {
        assert.ok(!stdout.includes(text), `${text} is in the journal`)
      }
    }
    assert.equal((await runKeywright(['audit', 'verify'], server)).code, 0)
  })
})
