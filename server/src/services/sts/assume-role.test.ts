import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { AwsError } from '../../aws-error.ts'
import type { Standing } from '../../identity/standing.ts'
import { stsRig, type StsRig } from './testing/sts-rig.ts'

const region = { partition: 'aws' }

interface Refusal {
  readonly code?: string
  readonly text?: string | RegExp
}

async function refuses(work: Promise<unknown>, { code = 'AccessDeniedException', text }: Refusal = {}) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof AwsError, String(error))
    assert.equal(error.code, code, error.message)
    if (typeof text === 'string') assert.equal(error.message, text)
    if (text instanceof RegExp) assert.match(error.message, text)
    return true
  })
}

const allow = (action: string | readonly string[], resource: string, more: object = {}) => ({
  name: 'given',
  document: JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: action, Resource: resource, ...more }],
  }),
})

const trusts = (principal: string, more: object = {}) => ({
  Effect: 'Allow',
  Principal: { AWS: principal },
  Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
  ...more,
})

const arnOf = (rig: StsRig, resource: string, accountId = rig.accountId) =>
  `arn:${region.partition}:iam::${accountId}:${resource}`

const assume = (rig: StsRig, who: Standing, more: Record<string, unknown> = {}) =>
  rig.call(who, 'AssumeRole', {
    RoleArn: arnOf(rig, 'role/worker'),
    RoleSessionName: 'session',
    ...more,
  })

test('a trust policy that names the user suffices in one account', async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  const role = await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))])
  const assumed = await assume(rig, await alice.standing())
  assert.deepEqual(assumed.answer['AssumedRoleUser'], {
    AssumedRoleId: `${role.principalId}:session`,
    Arn: `arn:aws:sts::${rig.accountId}:assumed-role/worker/session`,
  })
  assert.equal(assumed.answer['PackedPolicySize'], undefined)
  assert.equal(assumed.answer.Credentials.Expiration.getTime(), rig.clock.now() + 3_600_000)
  const holder = await rig.holderOf(assumed)
  assert.equal(holder.caller.arn, `arn:aws:sts::${rig.accountId}:assumed-role/worker/session`)
  assert.equal(holder.caller.principalId, `${role.principalId}:session`)
  const { answer } = await rig.call(holder, 'GetCallerIdentity', {})
  assert.deepEqual(answer, {
    UserId: `${role.principalId}:session`,
    Account: rig.accountId,
    Arn: holder.caller.arn,
  })
})

test('where the trust policy names the account, the user needs the permission too', async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  const bob = await rig.user('bob', {
    inlinePolicies: [allow('sts:AssumeRole', arnOf(rig, 'role/worker'))],
  })
  await rig.role('worker', [trusts(arnOf(rig, 'root'))])
  await refuses(assume(rig, await alice.standing()))
  assert.ok(await assume(rig, await bob.standing()))
})

test("another account's role wants both sides", async (t) => {
  const rig = await stsRig(t)
  const other = '444455556666'
  await rig.account(other)
  const permitted = { accountId: other, inlinePolicies: [allow('sts:AssumeRole', '*')] }
  const alice = await rig.user('alice', { accountId: other })
  const bob = await rig.user('bob', permitted)
  const carol = await rig.user('carol', permitted)
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice', other)), trusts(arnOf(rig, 'user/bob', other))])
  await refuses(assume(rig, await alice.standing()))
  assert.ok(await assume(rig, await bob.standing()))
  await refuses(assume(rig, await carol.standing()))
})

test('a role that is not there is refused with the words of one that trusts others', async (t) => {
  const rig = await stsRig(t)
  const bob = await rig.user('bob', { inlinePolicies: [allow('sts:*', '*')] })
  await rig.user('alice')
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))], { path: '/team/' })
  const textOf = async (RoleArn: string): Promise<string> => {
    const error: unknown = await assume(rig, await bob.standing(), { RoleArn }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof AwsError)
    assert.equal(error.code, 'AccessDeniedException')
    return error.message.replace(RoleArn, 'ROLE')
  }
  const there = await textOf(arnOf(rig, 'role/team/worker'))
  assert.match(
    there,
    /^User: arn:aws:iam::\d+:user\/bob is not authorized to perform: sts:AssumeRole on resource: ROLE/,
  )
  for (const resource of ['role/team/nobody', 'role/worker', 'role/team/WORKER']) {
    assert.equal(await textOf(arnOf(rig, resource)), there)
  }
})

test('what is no ARN of a role is refused as such', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  for (const RoleArn of [
    'arn:aws:iam::000000000000:user/worker',
    'arn:aws:iam::000000000000:role/',
    'arn:aws:iam:us-east-1:000000000000:role/worker',
    'arn:aws:sts::000000000000:role/worker',
    'arn:aws:iam::0000:role/worker12345',
    'not-an-arn-but-long-enough',
  ]) {
    await refuses(assume(rig, alice, { RoleArn }), { code: 'ValidationError', text: `${RoleArn} is invalid` })
  }
})

test('the root user assumes no role', async (t) => {
  const rig = await stsRig(t)
  await rig.role('worker', [trusts(arnOf(rig, 'root'))])
  await refuses(assume(rig, await rig.root()), {
    code: 'AccessDenied',
    text: 'Roles may not be assumed by root accounts.',
  })
})

test('a user that was made again with the same name gains nothing', async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))])
  assert.ok(await assume(rig, await alice.standing()))
  const { principals, accessKeys } = rig.opened
  await rig.change(async (tx) => {
    const key = await accessKeys.read(alice.accessKeyId)
    const stored = await principals.read(tx.db, rig.accountId, 'user', 'alice')
    assert.ok(key && stored)
    await accessKeys.remove(tx, key)
    await principals.remove(tx, stored)
  })
  const again = await rig.user('alice')
  await refuses(assume(rig, await again.standing()))
})

test('the session of a role that was made again is worth nothing', async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))])
  const assumed = await assume(rig, await alice.standing())
  assert.ok(await rig.holderOf(assumed))
  const { principals } = rig.opened
  await rig.change(async (tx) => {
    const stored = await principals.read(tx.db, rig.accountId, 'role', 'worker')
    assert.ok(stored)
    await principals.remove(tx, stored)
  })
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))])
  await assert.rejects(rig.holderOf(assumed))
})

test('an external id is compared', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  const condition = { Condition: { StringEquals: { 'sts:ExternalId': 'e-12345' } } }
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'), condition)])
  assert.ok(await assume(rig, alice, { ExternalId: 'e-12345' }))
  await refuses(assume(rig, alice, { ExternalId: 'E-12345' }))
  await refuses(assume(rig, alice))
})

test('the name of the session can be prescribed', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  const condition = { Condition: { StringLike: { 'sts:RoleSessionName': '${aws:username}' } } }
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'), condition)])
  assert.ok(await assume(rig, alice, { RoleSessionName: 'alice' }))
  await refuses(assume(rig, alice, { RoleSessionName: 'bob' }))
})

test('a session lasts as long as is asked, the role allows and a chain may', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  await rig.role('worker', [trusts(arnOf(rig, 'root')), trusts(arnOf(rig, 'user/alice'))], {
    maxSessionSeconds: 7200,
    inlinePolicies: [allow('sts:AssumeRole', '*')],
  })
  const seconds = async (who: Standing, DurationSeconds?: number) => {
    const { answer } = await assume(rig, who, { ...(DurationSeconds && { DurationSeconds }) })
    return (answer.Credentials.Expiration.getTime() - rig.clock.now()) / 1000
  }
  assert.equal(await seconds(alice), 3600)
  assert.equal(await seconds(alice, 900), 900)
  assert.equal(await seconds(alice, 7200), 7200)
  await refuses(seconds(alice, 7201), {
    code: 'ValidationError',
    text: 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
  })
  const chained = await rig.holderOf(await assume(rig, alice))
  assert.equal(await seconds(chained, 3600), 3600)
  await refuses(seconds(chained, 3601), {
    code: 'ValidationError',
    text: 'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
  })
})

test('session tags need their permission, and are the tags of the principal then', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  const Tags = [{ Key: 'team', Value: 'blue' }]
  await rig.role('untagged', [trusts(arnOf(rig, 'user/alice'), { Action: 'sts:AssumeRole' })])
  await refuses(assume(rig, alice, { RoleArn: arnOf(rig, 'role/untagged'), Tags }), {
    text: /sts:TagSession/,
  })

  const condition = { Condition: { StringEquals: { 'aws:RequestTag/team': 'blue' } } }
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'), condition)], {
    tags: [
      { key: 'Team', value: 'of the role' },
      { key: 'stage', value: 'test' },
    ],
  })
  const assumed = await assume(rig, alice, { Tags })
  assert.ok(Number(assumed.answer['PackedPolicySize']) > 0)
  const { context } = await rig.holderOf(assumed)
  assert.equal(context.get('aws:principaltag/team'), 'blue')
  assert.equal(context.get('aws:principaltag/stage'), 'test')
  await refuses(assume(rig, alice, { Tags: [{ Key: 'team', Value: 'red' }] }))
})

test('transitive tags go through the chain and cannot be replaced; others end with their session', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  const next = { inlinePolicies: [allow(['sts:AssumeRole', 'sts:TagSession'], '*')] }
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice')), trusts(arnOf(rig, 'root'))], next)
  const Tags = [
    { Key: 'Project', Value: 'moon' },
    { Key: 'shift', Value: 'night' },
  ]
  const first = await rig.holderOf(await assume(rig, alice, { Tags, TransitiveTagKeys: ['project'] }))
  const second = await rig.holderOf(await assume(rig, first, { Tags: [{ Key: 'step', Value: 'two' }] }))
  const third = await rig.holderOf(await assume(rig, second))
  for (const { context } of [second, third]) {
    assert.equal(context.get('aws:principaltag/project'), 'moon')
    assert.equal(context.get('aws:principaltag/shift'), undefined)
  }
  assert.equal(third.context.get('aws:principaltag/step'), undefined)
  await refuses(assume(rig, second, { Tags: [{ Key: 'PROJECT', Value: 'mars' }] }), {
    code: 'InvalidParameterValue',
    text: "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
  })
})

test('tags that contradict themselves are refused', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))])
  for (const request of [
    {
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'A', Value: '2' },
      ],
    },
    { Tags: [{ Key: 'aws:team', Value: '1' }] },
    { Tags: [{ Key: 'a', Value: '1' }], TransitiveTagKeys: ['b'] },
    { TransitiveTagKeys: ['b'] },
  ]) {
    await refuses(assume(rig, alice, request), { code: 'InvalidParameterValue' })
  }
})

test('a source identity is set once and stays', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  const next = { inlinePolicies: [allow(['sts:AssumeRole', 'sts:SetSourceIdentity'], '*')] }
  const condition = { Condition: { StringLike: { 'sts:SourceIdentity': 'alice*' } } }
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'), condition), trusts(arnOf(rig, 'root'))], next)
  await refuses(assume(rig, alice, { SourceIdentity: 'mallory' }))
  const assumed = await assume(rig, alice, { SourceIdentity: 'alice-7' })
  assert.equal(assumed.answer['SourceIdentity'], 'alice-7')
  const first = await rig.holderOf(assumed)
  assert.equal(first.context.get('aws:sourceidentity'), 'alice-7')
  const second = await rig.holderOf(await assume(rig, first))
  assert.equal(second.context.get('aws:sourceidentity'), 'alice-7')
  assert.ok(await assume(rig, second, { SourceIdentity: 'alice-7' }))
  await refuses(assume(rig, second, { SourceIdentity: 'alice-8' }), { code: 'AccessDenied' })
  // Who passes it on needs the permission as who sets it.
  await rig.role('strict', [trusts(arnOf(rig, 'root'), { Action: 'sts:AssumeRole' })])
  await refuses(assume(rig, second, { RoleArn: arnOf(rig, 'role/strict') }), {
    text: /sts:SetSourceIdentity/,
  })
})

test('session policies are checked, limited and carried', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))])
  const Policy = allow('kms:Decrypt', '*').document
  const PolicyArns = [{ arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }]
  const assumed = await assume(rig, alice, { Policy, PolicyArns })
  const size = Number(assumed.answer['PackedPolicySize'])
  assert.ok(size > 0 && size <= 100)
  const { sessionPolicies } = await rig.holderOf(assumed)
  assert.equal(sessionPolicies?.length, 2)

  await refuses(assume(rig, alice, { Policy: '{"Statement":[' }), { code: 'MalformedPolicyDocument' })
  const named = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }],
  })
  await refuses(assume(rig, alice, { Policy: named }), { code: 'MalformedPolicyDocument' })
  for (const arn of ['arn:aws:iam::aws:policy/NoSuchPolicy', 'arn:aws:iam::444455556666:policy/theirs']) {
    await refuses(assume(rig, alice, { PolicyArns: [{ arn }] }), { code: 'ValidationError' })
  }
})

test('tags and policies that do not fit are refused', async (t) => {
  const rig = await stsRig(t)
  const alice = await (await rig.user('alice')).standing()
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))])
  const noise = (length: number) => randomBytes(length).toString('base64').slice(0, length)
  const Tags = Array.from({ length: 50 }, () => ({ Key: noise(100), Value: noise(256) }))
  await refuses(assume(rig, alice, { Tags }), {
    code: 'PackedPolicyTooLarge',
    text: /^Packed size of session tags consumes \d{3}% of allotted space\.$/,
  })
  // What does fit makes a token that opens, however well it fills the room.
  const most = Tags.slice(0, 14).map(({ Key, Value }) => ({ Key, Value }))
  const request = {
    Tags: most,
    TransitiveTagKeys: most.map(({ Key }) => Key),
    RoleSessionName: 's'.repeat(64),
    SourceIdentity: 'i'.repeat(64),
  }
  const assumed = await assume(rig, alice, request)
  const size = Number(assumed.answer['PackedPolicySize'])
  assert.ok(size > 85, String(size))
  const { SessionToken } = assumed.answer.Credentials
  assert.ok(SessionToken.length < 10_000, String(SessionToken.length))
  assert.equal((await rig.holderOf(assumed)).caller.session?.tags.length, 14)
})

test('a principal under quarantine assumes nothing, and one in quarantine is assumed by nobody', async (t) => {
  const rig = await stsRig(t)
  const quarantine = { reason: 'stolen laptop', atMs: 0, by: 'operator' }
  const alice = await rig.user('alice', { quarantine })
  const bob = await rig.user('bob')
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice')), trusts(arnOf(rig, 'user/bob'))])
  await refuses(assume(rig, await alice.standing()))
  await refuses(rig.call(await alice.standing(), 'GetCallerIdentity', {}))
  await refuses(rig.call(await alice.standing(), 'GetSessionToken', {}))
  assert.ok(await assume(rig, await bob.standing()))
  await rig.role('closed', [trusts(arnOf(rig, 'user/bob'))], { quarantine })
  await refuses(assume(rig, await bob.standing(), { RoleArn: arnOf(rig, 'role/closed') }))
})

test('a session ends with everybody through whom it came: in quarantine it may do nothing, deleted it is gone', async (t) => {
  const rig = await stsRig(t)
  const alice = await rig.user('alice')
  await rig.role('worker', [trusts(arnOf(rig, 'user/alice'))])
  await rig.role('deeper', [trusts(arnOf(rig, 'role/worker'))])
  const worker = await rig.holderOf(await assume(rig, await alice.standing()))
  const deeper = await assume(rig, worker, { RoleArn: arnOf(rig, 'role/deeper') })
  assert.equal((await rig.holderOf(deeper)).quarantine, undefined)

  const { principals } = rig.opened
  const change = (quarantine: { reason: string; atMs: number; by: string } | undefined) =>
    rig.change(async (tx) => {
      const stored = await principals.read(tx.db, rig.accountId, 'user', 'alice')
      assert.ok(stored)
      await principals.update(tx, stored, { quarantine })
    })
  await change({ reason: 'stolen laptop', atMs: 0, by: 'operator' })
  assert.equal((await rig.holderOf(deeper)).quarantine, 'stolen laptop')
  await refuses(rig.call(await rig.holderOf(deeper), 'GetCallerIdentity', {}))
  await change(undefined)
  assert.equal((await rig.holderOf(deeper)).quarantine, undefined)

  await rig.change(async (tx) => {
    const stored = await principals.read(tx.db, rig.accountId, 'user', 'alice')
    const key = await rig.opened.accessKeys.read(alice.accessKeyId)
    assert.ok(stored && key)
    await rig.opened.accessKeys.remove(tx, key)
    await principals.remove(tx, stored)
  })
  await assert.rejects(rig.holderOf(deeper))
})
