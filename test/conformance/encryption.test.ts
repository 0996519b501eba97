import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const key = await newKey(kms)
const other = await newKey(kms)

const secret = Buffer.from('the quick brown fox')
const dryRunText = 'The request would have succeeded, but the DryRun option is set.'
const incorrectKeyText = 'The key ID in the request does not identify a CMK that can perform this operation.'

async function seal(
  plaintext: Uint8Array,
  EncryptionContext?: Record<string, string>,
  KeyId = key.id,
): Promise<Uint8Array> {
  const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: plaintext, EncryptionContext })
  assert.ok(CiphertextBlob !== undefined)
  return CiphertextBlob
}

async function open(CiphertextBlob: Uint8Array, EncryptionContext?: Record<string, string>): Promise<Buffer> {
  return Buffer.from((await kms.decrypt({ CiphertextBlob, EncryptionContext })).Plaintext ?? [])
}

test('Encrypt and Decrypt say which key and algorithm they used, and give the plaintext back', async () => {
  const sealed = await kms.encrypt({ KeyId: key.id, Plaintext: secret })
  assert.equal(sealed.KeyId, key.arn)
  assert.equal(sealed.EncryptionAlgorithm, 'SYMMETRIC_DEFAULT')
  const opened = await kms.decrypt({ CiphertextBlob: sealed.CiphertextBlob })
  assert.equal(opened.KeyId, key.arn)
  assert.equal(opened.EncryptionAlgorithm, 'SYMMETRIC_DEFAULT')
  assert.match(opened.KeyMaterialId ?? '', /^[0-9a-f]{64}$/)
  assert.deepEqual(Buffer.from(opened.Plaintext ?? []), secret)
  const named = await kms.decrypt({
    CiphertextBlob: sealed.CiphertextBlob,
    KeyId: key.arn,
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  })
  assert.deepEqual(Buffer.from(named.Plaintext ?? []), secret)
})

test('plaintexts of 1 to 4096 bytes are sealed; an empty one and one byte more are refused without being repeated', async () => {
  for (const length of [1, 2, 16, 4095, 4096]) {
    const plaintext = Buffer.alloc(length, 0xa5)
    assert.deepEqual(await open(await seal(plaintext)), plaintext)
  }
  await assertRefused(
    seal(Buffer.alloc(4097)),
    'ValidationException',
    "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: " +
      'Member must have length less than or equal to 4096',
  )
  await assertRefused(
    seal(Buffer.alloc(0)),
    'ValidationException',
    "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: " +
      'Member must have length greater than or equal to 1',
  )
})

test('the same plaintext never makes the same ciphertext', async () => {
  const sealed = await Promise.all(Array.from({ length: 20 }, () => seal(secret)))
  assert.equal(new Set(sealed.map((blob) => Buffer.from(blob).toString('hex'))).size, 20)
})

const contexts: Record<string, Record<string, string>> = {
  'one pair': { purpose: 'test' },
  'pairs in any order': { b: '2', a: '1', c: '3' },
  'an empty name and an empty value': { '': '' },
  'names that JavaScript objects have': JSON.parse(
    '{"__proto__":"1","constructor":"2","toString":"3","hasOwnProperty":"4"}',
  ) as Record<string, string>,
  'more than ASCII': { ключ: '鍵', '\u{1F511}': 'é', 'e\u0301': '\u0000\u007f' },
  'numbers as names': { '10': 'ten', '9': 'nine' },
}
for (const [what, context] of Object.entries(contexts)) {
  test(`an encryption context with ${what} opens what it sealed, in another order too`, async () => {
    const sealed = await seal(secret, context)
    assert.deepEqual(await open(sealed, context), secret)
    // Numeric names always come first in an object, so this says it in JSON itself.
    const reversed = Object.entries(context)
      .toReversed()
      .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
    const answer = await send(server, {
      operation: 'Decrypt',
      body: `{"CiphertextBlob":"${Buffer.from(sealed).toString('base64')}","EncryptionContext":{${reversed.join(',')}}}`,
    })
    assert.equal(answer.status, 200, answer.body)
    assert.equal((JSON.parse(answer.body) as { Plaintext: string }).Plaintext, secret.toString('base64'))
    await assertRefused(open(sealed), 'InvalidCiphertextException', '')
    await assertRefused(open(sealed, { ...context, more: '1' }), 'InvalidCiphertextException', '')
  })
}

test('an empty encryption context is the same as none', async () => {
  assert.deepEqual(await open(await seal(secret, {})), secret)
  assert.deepEqual(await open(await seal(secret), {}), secret)
})

test('every other encryption context fails alike', async () => {
  const sealed = await seal(secret, { Purpose: 'Test', café: 'é' })
  for (const wrong of [
    undefined,
    {},
    { Purpose: 'Test' },
    { café: 'é' },
    { purpose: 'Test', café: 'é' },
    { Purpose: 'test', café: 'é' },
    { Purpose: 'Test', café: 'e\u0301' },
    { Purpose: 'Test', 'cafe\u0301': 'é' },
    { Purpose: 'Test ', café: 'é' },
    { PurposeTest: '', café: 'é' },
    { Purpose: 'Test', café: 'é', __proto__x: '' },
  ]) {
    await assertRefused(open(sealed, wrong), 'InvalidCiphertextException', '')
  }
})

test('every failing decryption gives the same answer, whatever is wrong', async () => {
  const sealed = Buffer.from(await seal(secret, { a: 'b' }))
  const flipped = (at: number) => {
    const copy = Buffer.from(sealed)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  const broken: Record<string, Buffer> = {
    'one byte': Buffer.from([1]),
    'as many bytes as there may be': Buffer.alloc(6144, 0xff),
    'a text': Buffer.from('not a ciphertext'),
    'one byte less': sealed.subarray(0, -1),
    'one byte more': Buffer.concat([sealed, Buffer.from([0])]),
    'half of it': sealed.subarray(0, sealed.length / 2),
    'another version': flipped(0),
    'another suite': flipped(1),
    'another tag': flipped(sealed.length - 1),
    'another body': flipped(sealed.length - 17),
  }
  const bodies = new Set<string>()
  for (const [what, blob] of Object.entries(broken)) {
    const CiphertextBlob = blob.toString('base64')
    const answer = await send(server, {
      operation: 'Decrypt',
      body: { CiphertextBlob, EncryptionContext: { a: 'b' } },
    })
    assert.equal(answer.status, 400, what)
    assert.equal(answer.error, 'InvalidCiphertextException', what)
    bodies.add(answer.body)
  }
  const wrongContext = await send(server, {
    operation: 'Decrypt',
    body: { CiphertextBlob: sealed.toString('base64') },
  })
  bodies.add(wrongContext.body)
  assert.equal(bodies.size, 1, [...bodies].join('\n'))
})

test('a ciphertext of a key that is not the caller’s is denied in the three-way text, whether there is such a key or not', async () => {
  const sealed = Buffer.from(await seal(secret))
  // The first byte of the key id; see docs/ciphertext.md.
  sealed[3] = (sealed[3] ?? 0) ^ 1
  const tail =
    'on the resource associated with this ciphertext because the resource does not exist in this Region, ' +
    'no resource-based policies allow access, or a resource-based policy explicitly denies access'
  const user = 'User: arn:aws:iam::000000000000:root is not authorized to perform:'
  await assertRefused(
    kms.decrypt({ CiphertextBlob: sealed }),
    'AccessDeniedException',
    `${user} kms:Decrypt ${tail}`,
  )
  await assertRefused(
    kms.reEncrypt({ CiphertextBlob: sealed, DestinationKeyId: key.id }),
    'AccessDeniedException',
    `${user} kms:ReEncryptFrom ${tail}`,
  )
})

test('a ciphertext is bounded at 6144 bytes and must be there', async () => {
  await assertRefused(
    kms.decrypt({ CiphertextBlob: Buffer.alloc(6145) }),
    'ValidationException',
    "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: " +
      'Member must have length less than or equal to 6144',
  )
  await assertRefused(
    kms.decrypt({ CiphertextBlob: undefined }),
    'ValidationException',
    "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
  )
})

test('Decrypt with another key than the one that sealed is IncorrectKeyException', async () => {
  const sealed = await seal(secret)
  for (const KeyId of [other.id, other.arn]) {
    await assertRefused(
      kms.decrypt({ CiphertextBlob: sealed, KeyId }),
      'IncorrectKeyException',
      incorrectKeyText,
    )
    await assertRefused(
      kms.reEncrypt({ CiphertextBlob: sealed, SourceKeyId: KeyId, DestinationKeyId: key.id }),
      'IncorrectKeyException',
      incorrectKeyText,
    )
  }
})

test('an algorithm of another kind of key is refused', async () => {
  const text = 'Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.'
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  await assertRefused(
    kms.encrypt({ KeyId: key.id, Plaintext: secret, EncryptionAlgorithm }),
    'InvalidKeyUsageException',
    text,
  )
  await assertRefused(
    kms.decrypt({ CiphertextBlob: await seal(secret), EncryptionAlgorithm }),
    'InvalidKeyUsageException',
    text,
  )
  await assertRefused(
    kms.reEncrypt({
      CiphertextBlob: await seal(secret),
      DestinationKeyId: other.id,
      DestinationEncryptionAlgorithm: EncryptionAlgorithm,
    }),
    'InvalidKeyUsageException',
    text,
  )
})

test('ReEncrypt moves a ciphertext to another key and context without showing what is in it', async () => {
  const sealed = await seal(secret, { from: '1' })
  const moved = await kms.reEncrypt({
    CiphertextBlob: sealed,
    SourceEncryptionContext: { from: '1' },
    DestinationKeyId: other.id,
    DestinationEncryptionContext: { to: '2' },
  })
  const { CiphertextBlob, $metadata: _, SourceKeyMaterialId, DestinationKeyMaterialId, ...rest } = moved
  assert.deepEqual(rest, {
    SourceKeyId: key.arn,
    KeyId: other.arn,
    SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  })
  assert.match(SourceKeyMaterialId ?? '', /^[0-9a-f]{64}$/)
  assert.match(DestinationKeyMaterialId ?? '', /^[0-9a-f]{64}$/)
  assert.notEqual(SourceKeyMaterialId, DestinationKeyMaterialId)
  assert.ok(CiphertextBlob !== undefined)
  assert.deepEqual(await open(CiphertextBlob, { to: '2' }), secret)
  await assertRefused(open(CiphertextBlob, { from: '1' }), 'InvalidCiphertextException', '')
  // To the same key, without contexts, named by the source too.
  const again = await kms.reEncrypt({
    CiphertextBlob: await seal(secret),
    SourceKeyId: key.arn,
    DestinationKeyId: key.id,
  })
  assert.deepEqual(await open(again.CiphertextBlob ?? Buffer.alloc(0)), secret)
  await assertRefused(
    kms.reEncrypt({ CiphertextBlob: sealed, DestinationKeyId: other.id }),
    'InvalidCiphertextException',
    '',
  )
})

test('GenerateDataKey gives a key twice: in the clear and sealed', async () => {
  for (const [request, length] of [
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
  ] as const) {
    const EncryptionContext = { for: 'data' }
    const made = await kms.generateDataKey({ KeyId: key.id, EncryptionContext, ...request })
    assert.equal(made.Plaintext?.length, length)
    assert.equal(made.KeyId, key.arn)
    assert.match(made.KeyMaterialId ?? '', /^[0-9a-f]{64}$/)
    assert.deepEqual(
      await open(made.CiphertextBlob ?? Buffer.alloc(0), EncryptionContext),
      Buffer.from(made.Plaintext ?? []),
    )

    const sealed = await kms.generateDataKeyWithoutPlaintext({ KeyId: key.id, EncryptionContext, ...request })
    assert.ok(!('Plaintext' in sealed))
    assert.equal(sealed.KeyId, key.arn)
    assert.equal((await open(sealed.CiphertextBlob ?? Buffer.alloc(0), EncryptionContext)).length, length)
  }
})

test('a data key needs one length, within bounds', async () => {
  for (const call of [
    (request: object) => kms.generateDataKey({ KeyId: key.id, ...request }),
    (request: object) => kms.generateDataKeyWithoutPlaintext({ KeyId: key.id, ...request }),
  ]) {
    await assertRefused(call({}), 'ValidationException', 'Please specify either number of bytes or key spec.')
    await assertRefused(
      call({ KeySpec: 'AES_256', NumberOfBytes: 32 }),
      'ValidationException',
      'Please specify either number of bytes or key spec.',
    )
    await assertRefused(
      call({ NumberOfBytes: 0 }),
      'ValidationException',
      "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: " +
        'Member must have value greater than or equal to 1',
    )
    await assertRefused(
      call({ NumberOfBytes: 1025 }),
      'ValidationException',
      "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: " +
        'Member must have value less than or equal to 1024',
    )
    await assertRefused(
      call({ KeySpec: 'AES_512' }),
      'ValidationException',
      /^1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: \[AES_(256, AES_128|128, AES_256)\]$/,
    )
  }
})

test('GenerateRandom gives as many bytes as asked, each time others', async () => {
  for (const NumberOfBytes of [1, 32, 1024]) {
    const { Plaintext } = await kms.generateRandom({ NumberOfBytes })
    assert.equal(Plaintext?.length, NumberOfBytes)
  }
  const [one, two] = [
    await kms.generateRandom({ NumberOfBytes: 32 }),
    await kms.generateRandom({ NumberOfBytes: 32 }),
  ]
  assert.notDeepEqual(one.Plaintext, two.Plaintext)
  await assertRefused(kms.generateRandom({}), 'ValidationException', 'NumberOfBytes is required.')
  await assertRefused(
    kms.generateRandom({ NumberOfBytes: 1025 }),
    'ValidationException',
    /less than or equal to 1024$/,
  )
  await assertRefused(
    kms.generateRandom({ NumberOfBytes: 0 }),
    'ValidationException',
    /greater than or equal to 1$/,
  )
})

test('a dry run says that it would have succeeded, and does nothing', async () => {
  const sealed = await seal(secret)
  const DryRun = true
  const calls = [
    kms.encrypt({ KeyId: key.id, Plaintext: secret, DryRun }),
    kms.decrypt({ CiphertextBlob: sealed, DryRun }),
    kms.decrypt({ CiphertextBlob: sealed, KeyId: key.id, DryRun }),
    kms.reEncrypt({ CiphertextBlob: sealed, DestinationKeyId: other.id, DryRun }),
    kms.generateDataKey({ KeyId: key.id, KeySpec: 'AES_256', DryRun }),
    kms.generateDataKeyWithoutPlaintext({ KeyId: key.id, KeySpec: 'AES_256', DryRun }),
    kms.decrypt({ KeyId: key.id, CiphertextBlob: undefined, DryRun, DryRunModifiers: ['IGNORE_CIPHERTEXT'] }),
    kms.decrypt({
      KeyId: key.id,
      CiphertextBlob: Buffer.from('x'),
      DryRun,
      DryRunModifiers: ['IGNORE_CIPHERTEXT'],
    }),
    kms.reEncrypt({
      CiphertextBlob: undefined,
      SourceKeyId: key.id,
      DestinationKeyId: other.id,
      DryRun,
      DryRunModifiers: ['IGNORE_CIPHERTEXT'],
    }),
  ]
  // All at once: their answers come in any order.
  await Promise.all(calls.map((call) => assertRefused(call, 'DryRunOperationException', dryRunText)))
  // `false` is as good as nothing.
  await kms.encrypt({ KeyId: key.id, Plaintext: secret, DryRun: false })
})

test('without the ciphertext a dry run needs the key, and without a dry run nothing can be left out', async () => {
  const DryRunModifiers = ['IGNORE_CIPHERTEXT' as const]
  await assertRefused(
    kms.decrypt({ CiphertextBlob: undefined, DryRun: true, DryRunModifiers }),
    'ValidationException',
    /keyId/,
  )
  await assertRefused(
    kms.reEncrypt({ CiphertextBlob: undefined, DestinationKeyId: key.id, DryRun: true, DryRunModifiers }),
    'ValidationException',
    /sourceKeyId/,
  )
  await assertRefused(
    kms.decrypt({ CiphertextBlob: undefined, KeyId: key.id, DryRunModifiers }),
    'ValidationException',
    /./,
  )
})

test('grant tokens that are none are refused, and so are more than ten or longer ones', async () => {
  const invalid = 'InvalidGrantTokenException'
  for (const GrantTokens of [['a'], ['x'.repeat(8192)], Array.from({ length: 10 }, (_, i) => String(i))]) {
    await assertRefused(kms.encrypt({ KeyId: key.id, Plaintext: secret, GrantTokens }), invalid, /./)
    await assertRefused(kms.describeKey({ KeyId: key.id, GrantTokens }), invalid, /./)
    await assertRefused(kms.generateDataKey({ KeyId: key.id, KeySpec: 'AES_256', GrantTokens }), invalid, /./)
  }
  const { CiphertextBlob } = await kms.encrypt({ KeyId: key.id, Plaintext: secret, GrantTokens: [] })
  await assertRefused(kms.decrypt({ CiphertextBlob, GrantTokens: ['a'] }), invalid, /./)
  await assertRefused(
    kms.encrypt({ KeyId: key.id, Plaintext: secret, GrantTokens: Array.from({ length: 11 }, () => 'a') }),
    'ValidationException',
    /at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10$/,
  )
  await assertRefused(
    kms.encrypt({ KeyId: key.id, Plaintext: secret, GrantTokens: ['x'.repeat(8193)] }),
    'ValidationException',
    /at 'grantTokens.*' failed to satisfy constraint/,
  )
})

test('ill-formed Unicode in an encryption context is refused, not silently made into something else', async () => {
  for (const pair of ['"a":"\\ud800"', '"\\udc00":"a"']) {
    const answer = await send(server, {
      operation: 'Encrypt',
      body: `{"KeyId":"${key.id}","Plaintext":"eA==","EncryptionContext":{${pair}}}`,
    })
    assert.equal(answer.status, 400)
    assert.equal(answer.error, 'ValidationException', answer.body)
  }
})
