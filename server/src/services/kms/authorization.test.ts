import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wholeFile } from '../../testing/whole-file.ts'
import { REGION } from '../../testing/test-call.ts'
import { kmsRig, type Asker } from './testing/kms-rig.ts'
import type { Standing } from '../../identity/standing.ts'

const OTHER = '222222222222'
const missing = '12345678-1234-4234-8234-123456789012'
const Plaintext = Buffer.from('x')

const rig = await kmsRig(wholeFile())
const own = rig.opened.firstAccountId
await rig.account(OTHER)
const root = await rig.root()
const stranger = await rig.root(OTHER)

const allow = (Action: string | string[], Resource: string | string[] = '*', Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
})
const principal = (AWS: string | string[], Action: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Principal: { AWS },
  Action,
  Resource: '*',
  ...more,
})
const rootArn = (accountId: string) => `arn:aws:iam::${accountId}:root`
const administered = principal(rootArn(own), [
  'kms:CreateKey',
  'kms:PutKeyPolicy',
  'kms:GetKeyPolicy',
  'kms:DescribeKey',
])
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })

let users = 0
async function userWith(...statements: object[]): Promise<Asker> {
  return rig.user({ name: `user-${++users}`, allow: statements })
}

async function newKey(request: object = {}, as: Standing = root): Promise<{ id: string; arn: string }> {
  const { KeyMetadata } = await rig.ask(as, 'CreateKey', request)
  assert.ok(KeyMetadata?.Arn)
  return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn }
}

async function refused(running: Promise<unknown>, message: string | RegExp, code = 'AccessDeniedException') {
  await assert.rejects(running, (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message)
    if (typeof message === 'string') assert.equal(error.message, message)
    else assert.match(error.message, message)
    return true
  })
}

const denied = (who: string, action: string, on: string, why: string) =>
  `User: ${who} is not authorized to perform: kms:${action} on ${on} because ${why}`
const noIdentity = (action: string) => `no identity-based policy allows the kms:${action} action`
const noResource = (action: string) => `no resource-based policy allows the kms:${action} action`
const THREE_WAY =
  'the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access'

test('a key policy that trusts the account leaves it to identity policies', async () => {
  const key = await newKey()
  const [with_, without] = [
    await userWith(allow('kms:Encrypt', key.arn)),
    await userWith(allow('kms:ListKeys')),
  ]
  await rig.ask(await with_.standing(), 'Encrypt', { KeyId: key.id, Plaintext })
  await refused(
    rig.ask(await without.standing(), 'Encrypt', { KeyId: key.id, Plaintext }),
    denied(without.arn, 'Encrypt', `resource: ${key.arn}`, noIdentity('Encrypt')),
  )
  await refused(
    rig.ask(await with_.standing(), 'DescribeKey', { KeyId: key.id }),
    /kms:DescribeKey on resource/,
  )
})

test('nobody gets past a key policy that does not name its account, not even the root user', async () => {
  const user = await userWith(allow('kms:*'))
  const key = await newKey({ Policy: policy(administered, principal(user.arn, 'kms:Encrypt')) })
  await rig.ask(await user.standing(), 'Encrypt', { KeyId: key.id, Plaintext })
  await refused(
    rig.ask(root, 'Encrypt', { KeyId: key.id, Plaintext }),
    denied(rootArn(own), 'Encrypt', `resource: ${key.arn}`, noResource('Encrypt')),
  )
  await refused(
    rig.ask(await user.standing(), 'DisableKey', { KeyId: key.id }),
    /no resource-based policy allows/,
  )
})

test('a deny in the key policy binds who is allowed elsewhere', async () => {
  const user = await userWith(allow('kms:*'))
  const key = await newKey({
    Policy: policy(principal(rootArn(own), 'kms:*'), principal(user.arn, 'kms:Decrypt', { Effect: 'Deny' })),
  })
  const as = await user.standing()
  const { CiphertextBlob = Buffer.of() } = await rig.ask(as, 'Encrypt', { KeyId: key.id, Plaintext })
  const text = `User: ${user.arn} is not authorized to perform: kms:Decrypt on `
  const why = ' with an explicit deny in a resource-based policy'
  await refused(
    rig.ask(as, 'Decrypt', { CiphertextBlob, KeyId: key.id }),
    `${text}resource: ${key.arn}${why}`,
  )
  await refused(
    rig.ask(as, 'Decrypt', { CiphertextBlob }),
    `${text}the resource associated with this ciphertext${why}`,
  )
})

test('that a key is not there is told to those only who could use it', async () => {
  const arn = `arn:aws:kms:${REGION}:${own}:key/${missing}`
  const [may, mayNot] = [await userWith(allow('kms:*', `arn:aws:kms:*:${own}:key/*`)), await userWith()]
  for (const [operation, request] of [
    ['EnableKey', { KeyId: missing }],
    ['DescribeKey', { KeyId: arn }],
    ['DisableKey', { KeyId: missing }],
    ['GetKeyPolicy', { KeyId: arn }],
  ] as const) {
    await refused(
      rig.ask(await may.standing(), operation, request),
      `Key '${arn}' does not exist`,
      'NotFoundException',
    )
    await refused(
      rig.ask(await mayNot.standing(), operation, request),
      denied(mayNot.arn, operation, `resource: ${arn}`, noIdentity(operation)),
    )
  }
  await refused(
    rig.ask(await may.standing(), 'Encrypt', { KeyId: missing, Plaintext }),
    `Key '${arn}' does not exist`,
    'NotFoundException',
  )
  await refused(
    rig.ask(await mayNot.standing(), 'Encrypt', { KeyId: missing, Plaintext }),
    denied(mayNot.arn, 'Encrypt', `resource: ${arn}`, noIdentity('Encrypt')),
  )
  const alias = `arn:aws:kms:${REGION}:${own}:alias/missing`
  await refused(
    rig.ask(await may.standing(), 'Encrypt', { KeyId: 'alias/missing', Plaintext }),
    `Alias ${alias} is not found.`,
    'NotFoundException',
  )
  await refused(
    rig.ask(await mayNot.standing(), 'DescribeKey', { KeyId: 'alias/missing' }),
    denied(mayNot.arn, 'DescribeKey', `resource: ${alias}`, noIdentity('DescribeKey')),
  )
})

test("another account's key needs both its key policy and one's own policies", async () => {
  const key = await newKey({ Policy: policy(principal(rootArn(own), 'kms:*'), principal(OTHER, 'kms:*')) })
  await rig.ask(root, 'CreateAlias', { AliasName: 'alias/lent', TargetKeyId: key.id })
  const [may, mayNot] = [
    await rig.user({ name: 'may', accountId: OTHER, allow: [allow('kms:*', key.arn)] }),
    await rig.user({
      name: 'may-not',
      accountId: OTHER,
      allow: [allow('kms:*', `arn:aws:kms:*:${OTHER}:key/*`)],
    }),
  ]
  const as = await may.standing()
  const { CiphertextBlob = Buffer.of() } = await rig.ask(as, 'Encrypt', { KeyId: key.arn, Plaintext })
  assert.deepEqual(rig.last.resources, [key.arn])
  for (const KeyId of [key.arn, `arn:aws:kms:${REGION}:${own}:alias/lent`]) {
    await rig.ask(as, 'GenerateDataKey', { KeyId, KeySpec: 'AES_256' })
    await rig.ask(as, 'DescribeKey', { KeyId })
  }
  // A ciphertext names its key wherever it is, and so may the request that opens it.
  for (const KeyId of [undefined, key.id, key.arn]) {
    const opened = await rig.ask(as, 'Decrypt', { CiphertextBlob, ...(KeyId !== undefined && { KeyId }) })
    assert.deepEqual(opened.Plaintext, Plaintext)
  }
  await refused(
    rig.ask(as, 'Encrypt', { KeyId: key.id, Plaintext }),
    denied(
      may.arn,
      'Encrypt',
      `resource: arn:aws:kms:${REGION}:${OTHER}:key/${key.id}`,
      noIdentity('Encrypt'),
    ),
  )
  await refused(
    rig.ask(await mayNot.standing(), 'Encrypt', { KeyId: key.arn, Plaintext }),
    denied(mayNot.arn, 'Encrypt', `resource: ${key.arn}`, noIdentity('Encrypt')),
  )
  // What AWS keeps within the account stays there, whatever the key policy says.
  for (const [operation, request] of [
    ['DisableKey', { KeyId: key.arn }],
    ['GetKeyPolicy', { KeyId: key.arn }],
    ['CreateAlias', { AliasName: 'alias/taken', TargetKeyId: key.arn }],
    ['ScheduleKeyDeletion', { KeyId: key.arn }],
  ] as const) {
    await refused(
      rig.ask(stranger, operation, request),
      denied(stranger.caller.arn, operation, 'this resource', THREE_WAY),
    )
  }
})

test('a stranger hears the same of a key that is there and of one that is not, after the same reads', async () => {
  const key = await newKey()
  await rig.ask(root, 'CreateAlias', { AliasName: 'alias/hidden', TargetKeyId: key.id })
  const { keys, aliases } = rig.opened
  const arn = (name: string) => `arn:aws:kms:${REGION}:${own}:${name}`
  for (const cached of [false, true]) {
    if (cached) await rig.ask(root, 'Encrypt', { KeyId: 'alias/hidden', Plaintext })
    for (const [there, gone] of [
      [arn(`key/${key.id}`), arn(`key/${missing}`)],
      [arn('alias/hidden'), arn('alias/gone')],
    ] as const) {
      for (const operation of ['Encrypt', 'DescribeKey'] as const) {
        const answers: string[] = []
        for (const KeyId of [there, gone]) {
          const before = [keys.cache.misses, aliases.cache.misses]
          const request = operation === 'Encrypt' ? { KeyId, Plaintext } : { KeyId }
          await rig.ask(stranger, operation, request as { KeyId: string; Plaintext: Buffer }).then(
            () => assert.fail('it was answered'),
            (error: Error) => answers.push(error.message),
          )
          assert.deepEqual(rig.last.resources, [])
          // Neither was loaded for a stranger.
          assert.deepEqual([keys.cache.misses, aliases.cache.misses], before)
        }
        assert.equal(answers[0], answers[1])
        assert.equal(answers[0], denied(stranger.caller.arn, operation, 'this resource', THREE_WAY))
      }
    }
  }
})

test('conditions on the encryption context, the algorithm, the alias and the key hold', async () => {
  const user = await userWith(allow('kms:*'))
  const key = await newKey({ Tags: [{ TagKey: 'team', TagValue: 'red' }] })
  await rig.ask(root, 'CreateAlias', { AliasName: 'alias/cond', TargetKeyId: key.id })
  const as = await user.standing()
  const only = (Condition: object) =>
    rig.ask(root, 'PutKeyPolicy', {
      KeyId: key.id,
      Policy: policy(administered, principal(user.arn, 'kms:*', { Condition })),
    })
  const encrypt = (context: Record<string, string> = {}, KeyId = key.id) =>
    rig.ask(as, 'Encrypt', { KeyId, Plaintext, EncryptionContext: new Map(Object.entries(context)) })

  await only({ StringEquals: { 'kms:EncryptionContext:Tenant': 'a' } })
  await encrypt({ tenant: 'a' })
  await refused(encrypt({ tenant: 'b' }), /no resource-based policy/)
  await refused(encrypt(), /no resource-based policy/)
  await refused(encrypt({ tenant: 'a', Tenant: 'a' }), /no resource-based policy/)

  await only({ 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['tenant', 'purpose'] } })
  await encrypt({ tenant: 'x', purpose: 'y' })
  await refused(encrypt({ tenant: 'x', more: 'y' }), /no resource-based policy/)

  await only({ StringEquals: { 'kms:RequestAlias': 'alias/cond' } })
  await encrypt({}, 'alias/cond')
  await encrypt({}, `arn:aws:kms:${REGION}:${own}:alias/cond`)
  await refused(encrypt({}, key.id), /no resource-based policy/)

  await only({ StringEquals: { 'aws:ResourceTag/Team': 'red', 'kms:KeySpec': 'SYMMETRIC_DEFAULT' } })
  await encrypt()
  await only({ StringEquals: { 'aws:ResourceTag/Team': 'blue' } })
  await refused(encrypt(), /no resource-based policy/)

  await only({ StringEquals: { 'kms:EncryptionAlgorithm': 'RSAES_OAEP_SHA_256' } })
  await refused(encrypt(), /no resource-based policy/)
  await only({ StringEquals: { 'kms:CallerAccount': own, 'kms:EncryptionAlgorithm': 'SYMMETRIC_DEFAULT' } })
  await encrypt()
  await rig.ask(as, 'GenerateDataKey', { KeyId: key.id, KeySpec: 'AES_128' })

  await only({ NumericGreaterThanEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '20' } })
  await refused(
    rig.ask(as, 'ScheduleKeyDeletion', { KeyId: key.id, PendingWindowInDays: 19 }),
    /no resource-based policy/,
  )
  await rig.ask(as, 'ScheduleKeyDeletion', { KeyId: key.id })
})

test('a tag or alias that comes or goes changes at once who may use a key by it', async () => {
  const user = await userWith(
    allow(['kms:Encrypt'], '*', { StringEquals: { 'aws:ResourceTag/env': 'dev' } }),
    allow(['kms:GenerateDataKey'], '*', {
      'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/dev/*' },
    }),
  )
  const as = await user.standing()
  const [key, other] = [await newKey(), await newKey()]
  const encrypt = () => rig.ask(as, 'Encrypt', { KeyId: key.id, Plaintext })
  const dataKey = (KeyId = key.id) => rig.ask(as, 'GenerateDataKey', { KeyId, KeySpec: 'AES_256' })
  await refused(encrypt(), /no identity-based policy/)
  await rig.ask(root, 'TagResource', { KeyId: key.id, Tags: [{ TagKey: 'env', TagValue: 'dev' }] })
  await encrypt()
  const { grounds } = rig.last
  await rig.ask(root, 'UntagResource', { KeyId: key.id, TagKeys: ['env'] })
  assert.ok(
    grounds.some(({ valid }) => !valid),
    'an answer that was under way is decided again',
  )
  await refused(encrypt(), /no identity-based policy/)

  await refused(dataKey(), /no identity-based policy/)
  await rig.ask(root, 'CreateAlias', { AliasName: 'alias/dev/app', TargetKeyId: key.id })
  await dataKey()
  const before = rig.last.grounds
  await rig.ask(root, 'UpdateAlias', { AliasName: 'alias/dev/app', TargetKeyId: other.id })
  assert.ok(before.some(({ valid }) => !valid))
  await refused(dataKey(), /no identity-based policy/)
  await dataKey(other.id)
  await rig.ask(root, 'DeleteAlias', { AliasName: 'alias/dev/app' })
  await refused(dataKey(other.id), /no identity-based policy/)
})

test("an alias row that is taken out of the database does not lift a deny on the key's alias", async () => {
  const user = await userWith(allow('kms:*'), {
    Effect: 'Deny',
    Action: 'kms:Encrypt',
    Resource: '*',
    Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/production' } },
  })
  const key = await newKey()
  await rig.ask(root, 'CreateAlias', { AliasName: 'alias/production', TargetKeyId: key.id })
  const encrypt = async () => rig.ask(await user.standing(), 'Encrypt', { KeyId: key.id, Plaintext })
  await refused(encrypt(), /explicit deny in an identity-based policy/)
  await rig.change(async (tx) => {
    await tx.db.deleteFrom('aliases').where('name', '=', 'alias/production').execute()
    tx.changed('key', `${REGION}/${key.id}`)
    tx.changed('alias', `${own}/${REGION}/alias/production`)
  })
  await refused(encrypt(), /explicit deny in an identity-based policy/)
})

test('an alias whose key was taken out of the database is not handed to anybody', async () => {
  const [gone, key] = [await newKey(), await newKey()]
  await rig.ask(root, 'CreateAlias', { AliasName: 'alias/orphan', TargetKeyId: gone.id })
  await rig.change(async (tx) => {
    await tx.db.deleteFrom('kms_keys').where('key_id', '=', gone.id).execute()
    tx.changed('key', `${REGION}/${gone.id}`)
  })
  const notThere = /alias\/orphan names a key that is not there/
  await assert.rejects(
    rig.ask(root, 'UpdateAlias', { AliasName: 'alias/orphan', TargetKeyId: key.id }),
    notThere,
  )
  await assert.rejects(rig.ask(root, 'DeleteAlias', { AliasName: 'alias/orphan' }), notThere)
  await refused(
    rig.ask(root, 'Encrypt', { KeyId: 'alias/orphan', Plaintext }),
    /alias\/orphan is not found/,
    'NotFoundException',
  )
})

test('aliases need the permission on themselves and on their keys', async () => {
  const [one, two] = [await newKey(), await newKey()]
  const aliasArn = `arn:aws:kms:${REGION}:${own}:alias/shared`
  const as = async (...resources: string[]) =>
    (await userWith(allow(['kms:CreateAlias', 'kms:UpdateAlias', 'kms:DeleteAlias'], resources))).standing()
  const create = { AliasName: 'alias/shared', TargetKeyId: one.id }
  const move = { AliasName: 'alias/shared', TargetKeyId: two.id }
  await refused(
    rig.ask(await as(one.arn), 'CreateAlias', create),
    /kms:CreateAlias on resource: .*:alias\/shared /,
  )
  await refused(rig.ask(await as(aliasArn), 'CreateAlias', create), new RegExp(`on resource: ${one.arn} `))
  await rig.ask(await as(aliasArn, one.arn), 'CreateAlias', create)

  await refused(rig.ask(await as(one.arn, two.arn), 'UpdateAlias', move), /on resource: .*:alias\/shared /)
  await refused(
    rig.ask(await as(aliasArn, two.arn), 'UpdateAlias', move),
    new RegExp(`on resource: ${one.arn} `),
  )
  await refused(
    rig.ask(await as(aliasArn, one.arn), 'UpdateAlias', move),
    new RegExp(`on resource: ${two.arn} `),
  )
  await rig.ask(await as(aliasArn, one.arn, two.arn), 'UpdateAlias', move)

  const remove = { AliasName: 'alias/shared' }
  await refused(rig.ask(await as(two.arn), 'DeleteAlias', remove), /on resource: .*:alias\/shared /)
  await refused(
    rig.ask(await as(aliasArn, one.arn), 'DeleteAlias', remove),
    new RegExp(`on resource: ${two.arn} `),
  )
  await rig.ask(await as(aliasArn, two.arn), 'DeleteAlias', remove)
})

test('ReEncrypt is two actions, each with the context of its side', async () => {
  const [from, to] = [await newKey(), await newKey()]
  const when = (Action: string, Resource: string, conditions: object) =>
    allow(Action, Resource, { StringEquals: conditions })
  const user = await userWith(
    when('kms:ReEncryptFrom', from.arn, {
      'kms:EncryptionContext:side': 'old',
      'kms:ReEncryptOnSameKey': 'false',
    }),
    when('kms:ReEncryptTo', to.arn, { 'kms:EncryptionContext:side': 'new' }),
    when('kms:ReEncryptTo', from.arn, { 'kms:EncryptionContext:side': 'new' }),
  )
  await rig.ask(root, 'CreateAlias', { AliasName: 'alias/from', TargetKeyId: from.id })
  const old = new Map([['side', 'old']])
  const { CiphertextBlob = Buffer.of() } = await rig.ask(root, 'Encrypt', {
    KeyId: from.id,
    Plaintext,
    EncryptionContext: old,
  })
  const reEncrypt = async (DestinationKeyId: string, side: string) =>
    rig.ask(await user.standing(), 'ReEncrypt', {
      CiphertextBlob,
      SourceEncryptionContext: old,
      DestinationKeyId,
      DestinationEncryptionContext: new Map([['side', side]]),
    })
  await reEncrypt(to.id, 'new')
  assert.deepEqual(rig.last.resources, [from.arn, to.arn])
  await refused(reEncrypt(to.id, 'old'), /perform: kms:ReEncryptTo/)
  for (const same of [from.id, from.arn, 'alias/from'])
    await refused(reEncrypt(same, 'new'), /perform: kms:ReEncryptFrom/)
})

test('operations on the account are on every resource, and identity policies alone decide', async () => {
  const [may, mayNot] = [
    await userWith(allow(['kms:ListKeys', 'kms:ListAliases', 'kms:GenerateRandom', 'kms:CreateKey'])),
    await userWith(allow('kms:*', `arn:aws:kms:*:${own}:key/*`)),
  ]
  const key = await newKey({
    Policy: policy(principal(rootArn(own), 'kms:*'), principal(may.arn, 'kms:*', { Effect: 'Deny' })),
  })
  for (const [operation, request] of [
    ['ListKeys', {}],
    ['ListAliases', {}],
    ['ListAliases', { KeyId: key.id }],
    ['GenerateRandom', { NumberOfBytes: 8 }],
    ['CreateKey', {}],
  ] as const) {
    await rig.ask(await may.standing(), operation, request)
    await refused(
      rig.ask(await mayNot.standing(), operation, request),
      denied(mayNot.arn, operation, 'resource: *', noIdentity(operation)),
    )
  }
})

test('CreateKey is held to what it asks for, and its tags need TagResource', async () => {
  const only = async (Condition: object, ...more: object[]) =>
    (await userWith(allow('kms:CreateKey', '*', Condition), ...more)).standing()
  const red = [{ TagKey: 'team', TagValue: 'red' }]
  const tagging = allow('kms:TagResource')
  const byTag = { StringEquals: { 'aws:RequestTag/team': 'red' } }
  await newKey({ Tags: red }, await only(byTag, tagging))
  await refused(newKey({}, await only(byTag, tagging)), /kms:CreateKey on resource: \*/)
  const untagging = await only(byTag)
  await refused(
    newKey({ Tags: red }, untagging),
    `User: ${untagging.caller.arn} is not authorized to perform: kms:TagResource because ${noIdentity('TagResource')}`,
  )
  await newKey(
    {},
    await only({ StringEquals: { 'kms:KeySpec': 'SYMMETRIC_DEFAULT', 'kms:KeyOrigin': 'AWS_KMS' } }),
  )
  await refused(newKey({}, await only({ StringEquals: { 'kms:KeyUsage': 'SIGN_VERIFY' } })), /kms:CreateKey/)
  await refused(
    newKey(
      { BypassPolicyLockoutSafetyCheck: true },
      await only({ Bool: { 'kms:BypassPolicyLockoutSafetyCheck': 'false' } }),
    ),
    /kms:CreateKey/,
  )
})

test('tags of a request have their condition keys', async () => {
  const key = await newKey()
  const user = await userWith(
    allow('kms:TagResource', '*', { StringEquals: { 'aws:RequestTag/env': ['dev', 'test'] } }),
    allow('kms:UntagResource', '*', { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['env'] } }),
  )
  const as = await user.standing()
  const tag = (TagKey: string, TagValue: string) =>
    rig.ask(as, 'TagResource', { KeyId: key.id, Tags: [{ TagKey, TagValue }] })
  await tag('env', 'dev')
  await refused(tag('env', 'prod'), /kms:TagResource/)
  await refused(tag('other', 'dev'), /kms:TagResource/)
  await rig.ask(as, 'UntagResource', { KeyId: key.id, TagKeys: ['env'] })
  await refused(
    rig.ask(as, 'UntagResource', { KeyId: key.id, TagKeys: ['env', 'owner'] }),
    /kms:UntagResource/,
  )
})

test('a dry run says so only to those who are authorized', async () => {
  const key = await newKey()
  const [may, mayNot] = [await userWith(allow('kms:*')), await userWith()]
  const dry = { KeyId: key.id, Plaintext, DryRun: true }
  await refused(
    rig.ask(await may.standing(), 'Encrypt', dry),
    /would have succeeded/,
    'DryRunOperationException',
  )
  await refused(rig.ask(await mayNot.standing(), 'Encrypt', dry), /no identity-based policy/)
})

test('a key under quarantine is out of reach of everybody, whatever allows it', async () => {
  const user = await userWith(allow('kms:*'))
  const key = await newKey({ Policy: policy(principal(rootArn(own), 'kms:*'), principal(user.arn, 'kms:*')) })
  const { CiphertextBlob = Buffer.of() } = await rig.ask(root, 'Encrypt', { KeyId: key.id, Plaintext })
  const { grounds } = rig.last
  const quarantine = (reason: string | undefined) =>
    rig.change(async (tx) => {
      const stored = await rig.opened.keys.read(tx.db, REGION, key.id)
      assert.ok(stored)
      await rig.opened.keys.change(tx, stored, {
        quarantine: reason === undefined ? null : { reason, atMs: rig.clock.now(), by: 'tester' },
      })
    })
  await quarantine('it leaked')
  assert.ok(grounds.some(({ valid }) => !valid))
  for (const as of [root, await user.standing()]) {
    for (const run of [
      () => rig.ask(as, 'Encrypt', { KeyId: key.id, Plaintext }),
      () => rig.ask(as, 'Decrypt', { CiphertextBlob }),
      () => rig.ask(as, 'DescribeKey', { KeyId: key.id }),
      () => rig.ask(as, 'PutKeyPolicy', { KeyId: key.id, Policy: policy(principal(rootArn(own), 'kms:*')) }),
      () => rig.ask(as, 'ScheduleKeyDeletion', { KeyId: key.id }),
    ]) {
      await refused(
        run(),
        /^User: .* is not authorized to perform: kms:\w+ on (?!.*leaked).* with an explicit deny in a resource-based policy$/,
      )
    }
  }
  await quarantine(undefined)
  await rig.ask(root, 'Decrypt', { CiphertextBlob })
})

test('what was decided rests on the key, and nothing waits once all is cached', async () => {
  const key = await newKey()
  await rig.ask(root, 'CreateAlias', { AliasName: 'alias/warm', TargetKeyId: key.id })
  const [user, role, granted] = [
    await userWith(allow('kms:*')),
    await rig.role({ name: 'warm', allow: [allow('kms:Encrypt')] }),
    await userWith(),
  ]
  await rig.ask(root, 'CreateGrant', {
    KeyId: key.id,
    GranteePrincipal: granted.arn,
    Operations: ['Encrypt'],
  })
  for (const as of [root, await user.standing(), await role.standing(), await granted.standing()]) {
    for (const KeyId of [key.id, key.arn, 'alias/warm']) {
      await rig.ask(as, 'Encrypt', { KeyId, Plaintext })
      const entry = rig.opened.keys.find(REGION, key.id)
      assert.ok(entry && rig.last.grounds.includes(entry))
      const loaded = rig.access(as).forUse(KeyId, 'kms:Encrypt')
      assert.ok(!(loaded instanceof Promise))
      assert.equal(loaded, entry.value)
    }
  }
})

test('what a grant lets in is noted, and what is granted to an account its principals need too', async () => {
  const key = await newKey()
  const [may, mayNot] = [
    await rig.user({ name: 'granted', accountId: OTHER, allow: [allow('kms:Decrypt', key.arn)] }),
    await rig.user({ name: 'not-granted', accountId: OTHER }),
  ]
  const { CiphertextBlob = Buffer.of() } = await rig.ask(root, 'Encrypt', { KeyId: key.id, Plaintext })
  const decrypt = async (as: Standing) => rig.ask(as, 'Decrypt', { CiphertextBlob, KeyId: key.arn })
  await refused(decrypt(await may.standing()), /the resource does not exist in this Region/)
  const { GrantId } = await rig.ask(root, 'CreateGrant', {
    KeyId: key.id,
    GranteePrincipal: rootArn(OTHER),
    Operations: ['Decrypt'],
  })
  for (const as of [stranger, await may.standing()]) {
    await decrypt(as)
    assert.deepEqual(rig.last.notes['grantId'], GrantId)
    assert.deepEqual(rig.last.resources, [key.arn])
  }
  await refused(decrypt(await mayNot.standing()), /^User: .*:user\/not-granted is not authorized/)
  await refused(rig.ask(stranger, 'Encrypt', { KeyId: key.arn, Plaintext }), /kms:Encrypt/)
})

test('an account that is not there is a stranger like any other', async () => {
  const arn = `arn:aws:kms:${REGION}:999999999999:`
  const user = await userWith(allow('kms:*'))
  for (const KeyId of [`${arn}key/${missing}`, `${arn}alias/any`]) {
    for (const as of [root, await user.standing()]) {
      await refused(
        rig.ask(as, 'Encrypt', { KeyId, Plaintext }),
        denied(as.caller.arn, 'Encrypt', 'this resource', THREE_WAY),
      )
      await refused(rig.ask(as, 'DescribeKey', { KeyId }), /kms:DescribeKey on this resource/)
    }
  }
})

test('a service of its own accord has what key policies and grants give it, for the resource that it names', async () => {
  const name = 'backup.us-east-1.amazonaws.com'
  const sourceArn = `arn:aws:backup:${REGION}:${own}:vault/one`
  const as = (source?: string) =>
    rig.opened.standings.ofService({ names: [name], accountId: own, sourceAccount: own, sourceArn: source })
  const key = await newKey({
    Policy: policy(principal(rootArn(own), 'kms:*'), {
      Effect: 'Allow',
      Principal: { Service: name },
      Action: 'kms:Encrypt',
      Resource: '*',
      Condition: { ArnEquals: { 'aws:SourceArn': sourceArn } },
    }),
  })
  const { CiphertextBlob = Buffer.of() } = await rig.ask(await as(sourceArn), 'Encrypt', {
    KeyId: key.arn,
    Plaintext,
  })
  await refused(
    rig.ask(await as(`${sourceArn}-other`), 'Encrypt', { KeyId: key.arn, Plaintext }),
    /not authorized/,
  )
  await refused(rig.ask(await as(), 'Encrypt', { KeyId: key.arn, Plaintext }), /not authorized/)
  await refused(rig.ask(await as(sourceArn), 'Decrypt', { CiphertextBlob }), /not authorized/)
  await refused(rig.ask(await as(sourceArn), 'ListKeys', {}), /not authorized/)
})

test('a session that a service was lent has its conditions', async () => {
  const via = 's3.us-east-1.amazonaws.com'
  const user = await userWith(allow('kms:*', '*', { StringEquals: { 'kms:ViaService': via } }))
  const key = await newKey()
  const encrypt = (as: Standing) => rig.ask(as, 'Encrypt', { KeyId: key.id, Plaintext })
  const forwarded = { services: [via], certificateFingerprint: 'ab' }
  await encrypt(await user.standing({ forwarded }))
  await refused(encrypt(await user.standing()), /no identity-based policy/)
  await refused(
    encrypt(await user.standing({ forwarded: { ...forwarded, services: ['ec2.us-east-1.amazonaws.com'] } })),
    /no identity-based policy/,
  )
})
