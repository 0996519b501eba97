import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer } from '../server-process.ts'
import type { Credentials } from '../server-process.ts'
import { send } from '../signed-request.ts'
import type { RawRequest } from '../signed-request.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const enabled = await newKey(kms)
const disabled = await newKey(kms)
const { CiphertextBlob = new Uint8Array() } = await kms.encrypt({
  KeyId: disabled.id,
  Plaintext: Buffer.from('x'),
})
await kms.disableKey({ KeyId: disabled.id })
const { CiphertextBlob: good = new Uint8Array() } = await kms.encrypt({
  KeyId: enabled.id,
  Plaintext: Buffer.from('x'),
})

/** The same key, but nothing that opens. */
function spoilt(blob: Uint8Array): string {
  const copy = Buffer.from(blob)
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1
  return copy.toString('base64')
}

const signing = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
const oldSigning = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
await kms.disableKey({ KeyId: oldSigning.id })
const signed = { Message: 'eA==', SigningAlgorithm: 'ECDSA_SHA_256' }

const wrongSignature: Partial<RawRequest> = {
  authorization: (value) => value.replace(/Signature=.*/, `Signature=${'0'.repeat(64)}`),
}
const Plaintext = 'eA=='
const { accountId, credentials: stranger } = await secondAccount()

async function secondAccount(): Promise<{ accountId: string; credentials: Credentials }> {
  const { dataDir } = server
  const account = JSON.parse((await runKeywright(['account', 'create', '--json'], { dataDir })).stdout) as {
    accountId: string
  }
  const made = await runKeywright(['credentials', 'create', account.accountId, '--json'], { dataDir })
  return { accountId: account.accountId, credentials: JSON.parse(made.stdout) as Credentials }
}

/** Names nobody who is there, and lets nobody put another one. */
const unknownPrincipal = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: 'arn:aws:iam::000000000000:user/nobody' },
      Action: 'kms:Encrypt',
      Resource: '*',
    },
  ],
})

/** Two faults in one request: what is refused, and why. In the order of docs/architecture.md. */
const ladder: [faults: string, request: RawRequest, error: string, message: RegExp][] = [
  [
    'authentication before the operation',
    { operation: 'NoSuchOperation', body: '{', ...wrongSignature },
    'InvalidSignatureException',
    /does not match/,
  ],
  [
    'who it is before how it is signed',
    {
      operation: 'ListKeys',
      body: '{}',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) },
      ...wrongSignature,
    },
    'UnrecognizedClientException',
    /security token/,
  ],
  [
    'the time before the signature',
    { operation: 'ListKeys', body: '{}', at: new Date(Date.now() - 3_600_000), ...wrongSignature },
    'InvalidSignatureException',
    /^Signature expired/,
  ],
  [
    'the operation before JSON',
    { operation: 'NoSuchOperation', body: '{' },
    'UnknownOperationException',
    /^$/,
  ],
  [
    'JSON before shape',
    { operation: 'Encrypt', body: '{"KeyId":"","KeyId":""}' },
    'SerializationException',
    /.*/,
  ],
  [
    'a wrong type before shape',
    { operation: 'Encrypt', body: { KeyId: '', Plaintext: {} } },
    'SerializationException',
    /.*/,
  ],
  [
    'shape before the rules of the request',
    { operation: 'GenerateDataKey', body: { KeyId: '' } },
    'ValidationException',
    /at 'keyId' failed to satisfy constraint/,
  ],
  [
    'the rules of GenerateDataKey before its key identifier',
    { operation: 'GenerateDataKey', body: { KeyId: 'nonsense' } },
    'ValidationException',
    /^Please specify either number of bytes or key spec\.$/,
  ],
  [
    'the length of a digest before the key identifier',
    { operation: 'Sign', body: { ...signed, KeyId: 'nonsense', MessageType: 'DIGEST' } },
    'ValidationException',
    /^Digest is invalid length for algorithm ECDSA_SHA_256\.$/,
  ],
  [
    'what has no encryption context before the key identifier',
    {
      operation: 'Encrypt',
      body: {
        KeyId: 'nonsense',
        Plaintext,
        EncryptionContext: { a: 'b' },
        EncryptionAlgorithm: 'RSAES_OAEP_SHA_1',
      },
    },
    'ValidationException',
    /does not support an encryption context\.$/,
  ],
  [
    'the form of an alias before its key identifier',
    { operation: 'CreateAlias', body: { AliasName: 'no-prefix', TargetKeyId: 'nonsense' } },
    'ValidationException',
    /^Alias must start with the prefix/,
  ],
  [
    'the rules of tags before the key identifier',
    { operation: 'TagResource', body: { KeyId: 'nonsense', Tags: [{ TagKey: 'aws:a', TagValue: '' }] } },
    'TagException',
    /^Tags beginning with aws: are reserved$/,
  ],
  [
    'the policy before the key identifier',
    { operation: 'PutKeyPolicy', body: { KeyId: 'nonsense', Policy: 'nonsense' } },
    'MalformedPolicyDocumentException',
    /./,
  ],
  [
    'grant tokens before the key identifier',
    { operation: 'Encrypt', body: { KeyId: 'nonsense', Plaintext, GrantTokens: ['nonsense'] } },
    'InvalidGrantTokenException',
    /./,
  ],
  [
    'the marker before the key identifier',
    { operation: 'ListAliases', body: { KeyId: 'nonsense', Marker: 'nonsense' } },
    'InvalidMarkerException',
    /./,
  ],
  [
    'the Region of an identifier before the account in it',
    { operation: 'DescribeKey', body: { KeyId: `arn:aws:kms:eu-west-1:${accountId}:key/${enabled.id}` } },
    'NotFoundException',
    /^Invalid arn eu-west-1$/,
  ],
  [
    'existence before state',
    {
      operation: 'Encrypt',
      body: { KeyId: '12345678-1234-4234-8234-123456789012', Plaintext, DryRun: true },
    },
    'NotFoundException',
    /does not exist$/,
  ],
  [
    'authorization before state',
    { operation: 'Encrypt', body: { KeyId: disabled.arn, Plaintext }, credentials: stranger },
    'AccessDeniedException',
    /not authorized to perform: kms:Encrypt/,
  ],
  [
    'authorization of a ciphertext before the state of its key',
    { operation: 'Decrypt', body: { CiphertextBlob: spoilt(CiphertextBlob) }, credentials: stranger },
    'AccessDeniedException',
    /associated with this ciphertext/,
  ],
  [
    'authorization before the principals of a policy',
    {
      operation: 'PutKeyPolicy',
      body: { KeyId: enabled.arn, Policy: unknownPrincipal },
      credentials: stranger,
    },
    'AccessDeniedException',
    /not authorized to perform: kms:PutKeyPolicy/,
  ],
  [
    'the principals of a policy before whom it shuts out',
    { operation: 'PutKeyPolicy', body: { KeyId: enabled.id, Policy: unknownPrincipal } },
    'MalformedPolicyDocumentException',
    /one or more invalid principals/,
  ],
  [
    'state before the algorithm',
    {
      operation: 'Encrypt',
      body: { KeyId: disabled.id, Plaintext, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' },
    },
    'DisabledException',
    / is disabled\.$/,
  ],
  [
    'authorization before the usage of the key',
    {
      operation: 'Sign',
      body: { ...signed, KeyId: enabled.arn },
      credentials: stranger,
    },
    'AccessDeniedException',
    /not authorized to perform: kms:Sign/,
  ],
  [
    'state before the usage of the key',
    { operation: 'Sign', body: { ...signed, KeyId: disabled.id } },
    'DisabledException',
    / is disabled\.$/,
  ],
  [
    'the usage of the key before the algorithm',
    {
      operation: 'Encrypt',
      body: { KeyId: signing.id, Plaintext, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' },
    },
    'InvalidKeyUsageException',
    / key usage is SIGN_VERIFY which is not valid for Encrypt\.$/,
  ],
  [
    'the algorithm before the type of the message',
    {
      operation: 'Sign',
      body: {
        KeyId: signing.id,
        Message: 'eA==',
        SigningAlgorithm: 'ML_DSA_SHAKE_256',
        MessageType: 'DIGEST',
      },
    },
    'InvalidKeyUsageException',
    /^Algorithm ML_DSA_SHAKE_256 is incompatible with key spec ECC_NIST_P256\.$/,
  ],
  [
    'the type of the message before a dry run',
    {
      operation: 'Sign',
      body: { ...signed, KeyId: signing.id, MessageType: 'EXTERNAL_MU', DryRun: true },
    },
    'ValidationException',
    /^Message type EXTERNAL_MU is incompatible with key spec ECC_NIST_P256\.$/,
  ],
  [
    'a dry run before the signature',
    { operation: 'Verify', body: { ...signed, KeyId: signing.id, Signature: 'eA==', DryRun: true } },
    'DryRunOperationException',
    /./,
  ],
  [
    'state before the signature',
    { operation: 'Verify', body: { ...signed, KeyId: oldSigning.id, Signature: 'eA==' } },
    'DisabledException',
    / is disabled\.$/,
  ],
  [
    'state before a dry run',
    { operation: 'Encrypt', body: { KeyId: disabled.id, Plaintext, DryRun: true } },
    'DisabledException',
    / is disabled\.$/,
  ],
  [
    'the algorithm before a dry run',
    {
      operation: 'Encrypt',
      body: { KeyId: enabled.id, Plaintext, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1', DryRun: true },
    },
    'InvalidKeyUsageException',
    /^Algorithm RSAES_OAEP_SHA_1 is incompatible/,
  ],
  [
    'state before cryptography',
    { operation: 'Decrypt', body: { CiphertextBlob: spoilt(CiphertextBlob) } },
    'DisabledException',
    / is disabled\.$/,
  ],
  [
    'the state of the destination before cryptography',
    { operation: 'ReEncrypt', body: { CiphertextBlob: spoilt(good), DestinationKeyId: disabled.id } },
    'DisabledException',
    / is disabled\.$/,
  ],
  [
    'a dry run before cryptography',
    { operation: 'Decrypt', body: { CiphertextBlob: spoilt(good), DryRun: true } },
    'DryRunOperationException',
    /./,
  ],
]

for (const [faults, request, error, message] of ladder) {
  test(`refused in order: ${faults}`, async () => {
    const answer = await send(server, request)
    assert.equal(answer.error, error, answer.body)
    assert.match(answer.message, message)
    assert.equal(answer.status, 400)
  })
}

test('refused in order: size before authentication', async () => {
  const body = `{"Marker":"${'x'.repeat(2 ** 20)}"}`
  const [signed, unsigned] = await Promise.all([
    send(server, { operation: 'ListKeys', body }),
    send(server, { operation: 'ListKeys', body, ...wrongSignature }),
  ])
  assert.equal(unsigned.status, 413)
  assert.equal(unsigned.body, signed.body)
})
