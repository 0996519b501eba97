import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, type Credentials } from '../server-process.ts'
import { send } from '../signed-request.ts'

const VICTIM = '111111111111'
const STRANGER = '222222222222'

const server = await startServer()
after(() => server.stop())
const victim = await credentialsOf(VICTIM)
const stranger = await credentialsOf(STRANGER)
const victims = kmsClient(server, { credentials: victim })
const strangers = kmsClient(server, { credentials: stranger })

const key = await newKey(victims, { Description: 'secret description' })
const own = await newKey(strangers)
await victims.createAlias({ AliasName: 'alias/treasure', TargetKeyId: key.id })
const { CiphertextBlob } = await victims.encrypt({ KeyId: key.id, Plaintext: Buffer.from('treasure') })
const blob = Buffer.from(CiphertextBlob ?? []).toString('base64')
const ownBlob = Buffer.from(
  (await strangers.encrypt({ KeyId: own.id, Plaintext: Buffer.from('x') })).CiphertextBlob ?? [],
).toString('base64')

async function credentialsOf(accountId: string): Promise<Credentials> {
  const { dataDir } = server
  assert.equal((await runKeywright(['account', 'create', accountId], { dataDir })).code, 0)
  const made = await runKeywright(['credentials', 'create', accountId, '--json'], { dataDir })
  assert.equal(made.code, 0, made.stderr)
  return JSON.parse(made.stdout) as Credentials
}

const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }],
})
const tag = { TagKey: 'a', TagValue: 'b' }

/** Each operation on a key, as a request that would succeed on one's own. Those that take aliases come first. */
const use: Readonly<Record<string, (keyId: string) => object>> = {
  Decrypt: (KeyId) => ({ KeyId, CiphertextBlob: blob }),
  DescribeKey: (KeyId) => ({ KeyId }),
  Encrypt: (KeyId) => ({ KeyId, Plaintext: 'YQ==' }),
  GenerateDataKey: (KeyId) => ({ KeyId, KeySpec: 'AES_256' }),
  GenerateDataKeyWithoutPlaintext: (KeyId) => ({ KeyId, KeySpec: 'AES_256' }),
  'ReEncrypt from': (KeyId) => ({ SourceKeyId: KeyId, CiphertextBlob: blob, DestinationKeyId: own.id }),
  'ReEncrypt to': (KeyId) => ({ CiphertextBlob: ownBlob, DestinationKeyId: KeyId }),
  'Encrypt dry': (KeyId) => ({ KeyId, Plaintext: 'YQ==', DryRun: true }),
  'Decrypt dry': (KeyId) => ({ KeyId, DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] }),
}
const manage: Readonly<Record<string, (keyId: string) => object>> = {
  CancelKeyDeletion: (KeyId) => ({ KeyId }),
  CreateAlias: (TargetKeyId) => ({ TargetKeyId, AliasName: `alias/stolen-${randomUUID()}` }),
  DisableKey: (KeyId) => ({ KeyId }),
  EnableKey: (KeyId) => ({ KeyId }),
  GetKeyPolicy: (KeyId) => ({ KeyId, PolicyName: 'default' }),
  ListAliases: (KeyId) => ({ KeyId }),
  ListKeyPolicies: (KeyId) => ({ KeyId }),
  ListResourceTags: (KeyId) => ({ KeyId }),
  PutKeyPolicy: (KeyId) => ({ KeyId, PolicyName: 'default', Policy: policy }),
  ScheduleKeyDeletion: (KeyId) => ({ KeyId, PendingWindowInDays: 7 }),
  TagResource: (KeyId) => ({ KeyId, Tags: [tag] }),
  UntagResource: (KeyId) => ({ KeyId, TagKeys: ['a'] }),
  UpdateKeyDescription: (KeyId) => ({ KeyId, Description: 'mine' }),
}

/** What the stranger is told, with the identifiers that it sent itself taken out. */
async function told(operation: string, body: object, ids: readonly string[]): Promise<string> {
  const answer = await send(server, { operation: operation.split(' ')[0] ?? '', body, credentials: stranger })
  assert.ok(answer.status >= 400, `${operation} was answered: ${answer.body}`)
  let text = `${answer.status} ${answer.body}`
  for (const id of ids) text = text.replaceAll(id, 'ID')
  return text
}

test("another account's key is refused to every operation, in the words used for a key that is not there", async () => {
  const absent = { id: randomUUID(), arn: '' }
  absent.arn = key.arn.replace(key.id, absent.id)
  for (const [operation, requestFor] of Object.entries({ ...use, ...manage })) {
    for (const form of ['arn', 'id'] as const) {
      const [foreign, missing] = [
        await told(operation, requestFor(key[form]), [key.id]),
        await told(operation, requestFor(absent[form]), [absent.id]),
      ]
      assert.equal(foreign, missing, operation)
      assert.match(foreign, form === 'arn' ? /AccessDeniedException/ : /NotFoundException/, operation)
    }
  }
})

test("another account's alias is refused in the words used for one that is not there", async () => {
  const arnOf = (name: string) => `arn:aws:kms:us-east-1:${VICTIM}:alias/${name}`
  for (const [operation, requestFor] of Object.entries(use)) {
    const foreign = await told(operation, requestFor(arnOf('treasure')), [])
    assert.equal(foreign, await told(operation, requestFor(arnOf('nothing')), []), operation)
    assert.match(foreign, /AccessDeniedException/)
    assert.match(await told(operation, requestFor('alias/treasure'), []), /NotFoundException/)
  }
  for (const body of [
    { AliasName: 'alias/treasure', TargetKeyId: own.id },
    { AliasName: 'alias/treasure', TargetKeyId: key.arn },
  ]) {
    await told('UpdateAlias', body, [])
  }
  await told('DeleteAlias', { AliasName: 'alias/treasure' }, [])
  await told('DeleteAlias', { AliasName: `arn:aws:kms:us-east-1:${VICTIM}:alias/treasure` }, [])
})

test("another account's ciphertext is refused in the words used for one of no key", async () => {
  const ofNoKey = Buffer.from(blob, 'base64')
  ofNoKey.fill(7, 3, 19)
  for (const [operation, body] of [
    ['Decrypt', (CiphertextBlob: string) => ({ CiphertextBlob })],
    ['ReEncrypt', (CiphertextBlob: string) => ({ CiphertextBlob, DestinationKeyId: own.id })],
  ] as const) {
    const foreign = await told(operation, body(blob), [])
    assert.equal(foreign, await told(operation, body(ofNoKey.toString('base64')), []))
    assert.match(foreign, /AccessDeniedException/)
  }
  // Naming one's own key does not make the ciphertext one's own.
  assert.match(await told('Decrypt', { CiphertextBlob: blob, KeyId: own.id }, []), /IncorrectKeyException/)
})

test('one account cannot write its key into the header of a ciphertext of another', async () => {
  const forged = Buffer.from(blob, 'base64')
  Buffer.from(ownBlob, 'base64').copy(forged, 2, 2, 51)
  const answer = await send(server, {
    operation: 'Decrypt',
    body: { CiphertextBlob: forged.toString('base64') },
    credentials: stranger,
  })
  assert.equal(answer.body, '{"__type":"InvalidCiphertextException"}')
})

test('a marker reaches no further than the account and Region of its request', async () => {
  for (let made = 0; made < 3; made++) await newKey(victims)
  const { NextMarker } = await victims.listKeys({ Limit: 1 })
  assert.ok(NextMarker)
  const page = await strangers.listKeys({ Marker: NextMarker })
  for (const { KeyId } of page.Keys ?? []) assert.equal(KeyId, own.id)
  const elsewhere = kmsClient(server, { credentials: victim, region: 'eu-central-1' })
  assert.deepEqual((await elsewhere.listKeys({ Marker: NextMarker })).Keys, [])
  const made = (text: string) => Buffer.from(text).toString('base64url')
  const forged = [
    '',
    '..',
    `${NextMarker}=`,
    'A'.repeat(1024),
    made('ListKeys\n'),
    made('ListKeys\n\0'),
    made('ListAliases\na'),
  ]
  for (const marker of forged) {
    const answer = await send(server, {
      operation: 'ListKeys',
      body: { Marker: marker },
      credentials: stranger,
    })
    assert.equal(answer.status, 400, marker)
  }
})

test("nothing of a key is reachable through another Region's scope", async () => {
  for (const [operation, requestFor] of Object.entries({ ...use, ...manage })) {
    for (const id of [key.id, key.arn]) {
      const name = operation.split(' ')[0] ?? ''
      if (operation === 'ReEncrypt to') continue
      const answer = await send(server, {
        operation: name,
        body: requestFor(id),
        credentials: victim,
        region: 'eu-central-1',
      })
      assert.equal(answer.error, 'NotFoundException', `${operation}: ${answer.body}`)
    }
  }
  const bare = await send(server, {
    operation: 'Decrypt',
    body: { CiphertextBlob: blob },
    credentials: victim,
    region: 'eu-central-1',
  })
  assert.equal(bare.error, 'AccessDeniedException')
})

test('after all of it the key is as its owner left it', async () => {
  const { KeyMetadata } = await victims.describeKey({ KeyId: 'alias/treasure' })
  assert.equal(KeyMetadata?.KeyId, key.id)
  assert.equal(KeyMetadata?.KeyState, 'Enabled')
  assert.equal(KeyMetadata?.Description, 'secret description')
  assert.deepEqual((await victims.listResourceTags({ KeyId: key.id })).Tags, [])
  assert.equal((await strangers.listAliases({})).Aliases?.length, 0)
  const { Plaintext } = await victims.decrypt({ CiphertextBlob })
  assert.equal(Buffer.from(Plaintext ?? []).toString(), 'treasure')
})

test('a disabled or deleted access key is refused at its next request', async () => {
  const made = await runKeywright(['credentials', 'create', STRANGER, '--json'], { dataDir: server.dataDir })
  const pair = JSON.parse(made.stdout) as Credentials
  const call = () => send(server, { operation: 'ListKeys', body: {}, credentials: pair })
  assert.equal((await call()).status, 200)
  const run = (verb: string) =>
    runKeywright(['credentials', verb, pair.accessKeyId], { dataDir: server.dataDir })
  for (const [verb, status] of [
    ['disable', 400],
    ['enable', 200],
    ['delete', 400],
  ] as const) {
    assert.equal((await run(verb)).code, 0)
    assert.equal((await call()).status, status, verb)
  }
  assert.equal((await call()).error, 'UnrecognizedClientException')
})

test('no request that begins after a key or credential was disabled is answered, however many are under way', async () => {
  const made = await runKeywright(['credentials', 'create', STRANGER, '--json'], { dataDir: server.dataDir })
  const pair = JSON.parse(made.stdout) as Credentials
  const one = kmsClient(server, { credentials: pair })
  const call = () => one.encrypt({ KeyId: own.id, Plaintext: Buffer.from('x') })
  for (const [disable, refusal] of [
    [() => strangers.disableKey({ KeyId: own.id }), 'DisabledException'],
    [
      async () => {
        await strangers.enableKey({ KeyId: own.id })
        await runKeywright(['credentials', 'disable', pair.accessKeyId], { dataDir: server.dataDir })
      },
      'UnrecognizedClientException',
    ],
  ] as const) {
    let disabled = false
    const refused: string[] = []
    const late: string[] = []
    const worker = async () => {
      // Each worker goes on until it was refused ten times after the change.
      for (let left = 10; left > 0;) {
        const begunAfter = disabled
        const outcome = await call().then(
          () => 'answered',
          (error: Error) => error.name,
        )
        if (!begunAfter) continue
        left--
        ;(outcome === 'answered' ? late : refused).push(outcome)
      }
    }
    const workers = Array.from({ length: 8 }, worker)
    await disable()
    disabled = true
    await Promise.all(workers)
    assert.deepEqual(late, [])
    assert.deepEqual([...new Set(refused)], [refusal])
  }
})
