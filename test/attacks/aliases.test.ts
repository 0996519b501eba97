import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { iamClient, newUser, policyOf } from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, type Credentials, type ServerProcess } from '../server-process.ts'

const ACCOUNT = '111122223333'
const STRANGER = '444455556666'
const Plaintext = Buffer.from('x')
const denied = { name: 'AccessDeniedException' }

let server: ServerProcess
let root: KMS
let stranger: KMS
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  root = kmsClient(server)
  const { dataDir } = server
  assert.equal((await runKeywright(['account', 'create', STRANGER], { dataDir })).code, 0)
  const made = await runKeywright(['credentials', 'create', STRANGER, '--json'], { dataDir })
  stranger = kmsClient(server, { credentials: JSON.parse(made.stdout) as Credentials })
})
after(() => server.stop())

const aliasArn = (name: string, account = ACCOUNT) => `arn:aws:kms:us-east-1:${account}:alias/${name}`
const keyArn = (id: string) => `arn:aws:kms:us-east-1:${ACCOUNT}:key/${id}`
const allow = (Action: string | string[], Resource: string | string[], Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
})

async function user(name: string, ...statements: object[]): Promise<KMS> {
  return kmsClient(server, { credentials: await newUser(iamClient(server), name, policyOf(...statements)) })
}

test('permission on an alias is no permission on the key behind it, and the other way round', async () => {
  const { id } = await newKey(root)
  await root.createAlias({ AliasName: 'alias/behind', TargetKeyId: id })
  const byAlias = await user('by-alias', allow('kms:Encrypt', aliasArn('behind')))
  const byKey = await user('by-key', allow('kms:Encrypt', keyArn(id)))
  for (const KeyId of [id, 'alias/behind', aliasArn('behind'), keyArn(id)]) {
    await assert.rejects(byAlias.encrypt({ KeyId, Plaintext }), denied, KeyId)
    await byKey.encrypt({ KeyId, Plaintext })
  }
})

test('an alias is made, moved and removed only with permission on it and on every key that it names', async () => {
  const [one, two, three] = [await newKey(root), await newKey(root), await newKey(root)]
  await root.createAlias({ AliasName: 'alias/mover', TargetKeyId: one.id })
  const move = ['kms:CreateAlias', 'kms:UpdateAlias', 'kms:DeleteAlias']
  const cases: readonly [string, string[], (kms: KMS) => Promise<unknown>][] = [
    [
      'without-new',
      [aliasArn('mover'), keyArn(one.id)],
      (kms) => kms.updateAlias({ AliasName: 'alias/mover', TargetKeyId: two.id }),
    ],
    [
      'without-old',
      [aliasArn('mover'), keyArn(two.id)],
      (kms) => kms.updateAlias({ AliasName: 'alias/mover', TargetKeyId: two.id }),
    ],
    [
      'without-alias',
      [keyArn(one.id), keyArn(two.id)],
      (kms) => kms.updateAlias({ AliasName: 'alias/mover', TargetKeyId: two.id }),
    ],
    ['delete-without-key', [aliasArn('mover')], (kms) => kms.deleteAlias({ AliasName: 'alias/mover' })],
    ['delete-without-alias', [keyArn(one.id)], (kms) => kms.deleteAlias({ AliasName: 'alias/mover' })],
    [
      'create-without-key',
      [aliasArn('fresh')],
      (kms) => kms.createAlias({ AliasName: 'alias/fresh', TargetKeyId: three.id }),
    ],
    [
      'create-without-alias',
      [keyArn(three.id)],
      (kms) => kms.createAlias({ AliasName: 'alias/fresh', TargetKeyId: three.id }),
    ],
    [
      'create-another-name',
      [aliasArn('fresh'), keyArn(three.id)],
      (kms) => kms.createAlias({ AliasName: 'alias/fresh/er', TargetKeyId: three.id }),
    ],
  ]
  for (const [name, resources, attempt] of cases) {
    await assert.rejects(attempt(await user(name, allow(move, resources))), denied, name)
  }
  assert.equal((await root.describeKey({ KeyId: 'alias/mover' })).KeyMetadata?.KeyId, one.id)
  const mover = await user('mover', allow(move, [aliasArn('mover'), keyArn(one.id), keyArn(two.id)]))
  await mover.updateAlias({ AliasName: 'alias/mover', TargetKeyId: two.id })
})

test('a key that may be used by one alias may not be used by another, nor without one', async () => {
  const { id } = await newKey(root)
  for (const name of ['app', 'application', 'APP']) {
    await root.createAlias({ AliasName: `alias/${name}`, TargetKeyId: id })
  }
  const kms = await user(
    'request-alias',
    allow('kms:*', '*', { StringEquals: { 'kms:RequestAlias': 'alias/app' } }),
  )
  await kms.encrypt({ KeyId: 'alias/app', Plaintext })
  await kms.encrypt({ KeyId: aliasArn('app'), Plaintext })
  const { CiphertextBlob } = await kms.encrypt({ KeyId: 'alias/app', Plaintext })
  for (const KeyId of [id, keyArn(id), 'alias/application', 'alias/APP', aliasArn('application')])
    await assert.rejects(kms.encrypt({ KeyId, Plaintext }), denied, KeyId)
  // A ciphertext names its key, not an alias.
  await assert.rejects(kms.decrypt({ CiphertextBlob }), denied)
  await kms.decrypt({ CiphertextBlob, KeyId: 'alias/app' })
})

test('whoever may name keys cannot let themselves in by an alias of the right name', async () => {
  const { id: secret } = await newKey(root)
  const { id: team } = await newKey(root)
  await root.createAlias({ AliasName: 'alias/team/one', TargetKeyId: team })
  const kms = await user(
    'resource-aliases',
    allow(['kms:Encrypt', 'kms:Decrypt'], '*', {
      'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/team/*' },
    }),
    allow(['kms:CreateAlias', 'kms:UpdateAlias'], aliasArn('team/*')),
    allow(['kms:CreateAlias', 'kms:UpdateAlias'], keyArn(team)),
  )
  await kms.encrypt({ KeyId: team, Plaintext })
  await assert.rejects(kms.encrypt({ KeyId: secret, Plaintext }), denied)
  await assert.rejects(kms.createAlias({ AliasName: 'alias/team/two', TargetKeyId: secret }), denied)
  await assert.rejects(kms.updateAlias({ AliasName: 'alias/team/one', TargetKeyId: secret }), denied)
  await assert.rejects(kms.encrypt({ KeyId: secret, Plaintext }), denied)
  // With the alias gone from the key, so is what it gave.
  await root.deleteAlias({ AliasName: 'alias/team/one' })
  await assert.rejects(kms.encrypt({ KeyId: team, Plaintext }), denied)
})

test('an alias that moves while it is used is authorized for the key that is used', async () => {
  const [open, closed] = [await newKey(root), await newKey(root)]
  await root.createAlias({ AliasName: 'alias/shuttle', TargetKeyId: open.id })
  const kms = await user('shuttle', allow('kms:Encrypt', keyArn(open.id)))
  let moving = true
  const used = new Set<string | undefined>()
  const refused: string[] = []
  const worker = async () => {
    while (moving) {
      await kms.encrypt({ KeyId: 'alias/shuttle', Plaintext }).then(
        ({ KeyId }) => used.add(KeyId),
        (error: Error) => refused.push(error.name),
      )
    }
  }
  const workers = Array.from({ length: 4 }, worker)
  for (let round = 0; round < 20; round++) {
    await root.updateAlias({ AliasName: 'alias/shuttle', TargetKeyId: round % 2 === 0 ? closed.id : open.id })
  }
  moving = false
  await Promise.all(workers)
  assert.ok([...used].every((arn) => arn === open.arn))
  assert.deepEqual(
    [...new Set(refused)].filter((name) => name !== 'AccessDeniedException'),
    [],
  )
  // What it names last is what counts now.
  await root.updateAlias({ AliasName: 'alias/shuttle', TargetKeyId: closed.id })
  await assert.rejects(kms.encrypt({ KeyId: 'alias/shuttle', Plaintext }), denied)
})

test("another account's alias of the same name is that account's, by whatever way it is named", async () => {
  const [mine, theirs] = [await newKey(root), await newKey(stranger)]
  await root.createAlias({ AliasName: 'alias/same', TargetKeyId: mine.id })
  await stranger.createAlias({ AliasName: 'alias/same', TargetKeyId: theirs.id })
  assert.equal((await root.encrypt({ KeyId: 'alias/same', Plaintext })).KeyId, mine.arn)
  assert.equal((await stranger.encrypt({ KeyId: 'alias/same', Plaintext })).KeyId, theirs.arn)
  await assert.rejects(stranger.encrypt({ KeyId: aliasArn('same'), Plaintext }), denied)
  for (const AliasName of ['alias/same', 'alias/../same', 'alias/same/', 'alias/%73ame']) {
    for (const TargetKeyId of [mine.id, mine.arn, aliasArn('same')]) {
      await assert.rejects(stranger.updateAlias({ AliasName, TargetKeyId }))
      await assert.rejects(stranger.createAlias({ AliasName: `${AliasName}-new`, TargetKeyId }))
    }
  }
  assert.equal((await stranger.encrypt({ KeyId: 'alias/same', Plaintext })).KeyId, theirs.arn)
  assert.equal((await root.encrypt({ KeyId: 'alias/same', Plaintext })).KeyId, mine.arn)
})

test('nobody makes, moves or removes an alias of AWS, or one that looks like it', async () => {
  const { id: TargetKeyId } = await newKey(root)
  for (const AliasName of ['alias/aws/s3', 'alias/aws/', 'alias/aws/s3/mine']) {
    await assert.rejects(root.createAlias({ AliasName, TargetKeyId }), AliasName)
    await assert.rejects(root.updateAlias({ AliasName, TargetKeyId }), AliasName)
    await assert.rejects(root.deleteAlias({ AliasName }), AliasName)
  }
})
