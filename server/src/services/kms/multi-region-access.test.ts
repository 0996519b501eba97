import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietLog } from '../../deployment/testing/deployment-fixture.ts'
import type { Standing } from '../../identity/standing.ts'
import { keySets } from '../../schedule/key-sets.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import type { OperationName, RequestOf, ResponseOf } from './shapes.ts'
import { kmsRig } from './testing/kms-rig.ts'

/** Who may make and move multi-Region keys, with the policies of AWS's Developer Guide, "Control access to multi-Region keys". */

const HOME = 'us-east-1'
const AWAY = 'eu-west-3'
const rig = await kmsRig(wholeFile())
const { opened, clock } = rig
const root = await rig.root()
const accountId = opened.firstAccountId

function ask<Name extends OperationName>(
  standing: Standing,
  region: string,
  operation: Name,
  request: RequestOf<Name>,
): Promise<ResponseOf<Name>> {
  return rig.ask(standing, operation, request, { region })
}
const settle = () =>
  keySets({ store: opened.store, keys: opened.keys, clock, log: quietLog }).runDue(clock.now(), () => false)
const denied = { code: 'AccessDeniedException' }
const allow = (Action: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...more,
})
const everywhere = allow('kms:*')

async function newKey(request: RequestOf<'CreateKey'> = {}): Promise<string> {
  const { KeyMetadata } = await ask(root, HOME, 'CreateKey', { MultiRegion: true, ...request })
  return KeyMetadata?.KeyId ?? ''
}

let users = 0
async function user(...statements: object[]): Promise<Standing> {
  users += 1
  return await (await rig.user({ name: `user${users}`, allow: statements })).standing()
}

const replicate = (standing: Standing, KeyId: string, ReplicaRegion = AWAY, more: object = {}) =>
  ask(standing, HOME, 'ReplicateKey', { KeyId, ReplicaRegion, ...more })

test('who replicates a key needs ReplicateKey on the primary key, and CreateKey in the Region of the replica', async () => {
  const key = await newKey()
  const inRegion = (region: string) => ({ Condition: { StringEquals: { 'aws:RequestedRegion': region } } })
  await assert.rejects(replicate(await user(allow('kms:ReplicateKey')), key), denied)
  await assert.rejects(replicate(await user(allow('kms:CreateKey')), key), denied)
  const createsAtHome = await user(allow('kms:ReplicateKey'), allow('kms:CreateKey', inRegion(HOME)))
  await assert.rejects(replicate(createsAtHome, key), denied)
  const createsAway = await user(
    allow('kms:ReplicateKey', inRegion(HOME)),
    allow('kms:CreateKey', inRegion(AWAY)),
  )
  await replicate(createsAway, key)
})

test('tags on a replica need TagResource, in its Region', async () => {
  const key = await newKey()
  const Tags = [{ TagKey: 'team', TagValue: 'a' }]
  const untagged = await user(allow(['kms:ReplicateKey', 'kms:CreateKey']))
  await assert.rejects(replicate(untagged, key, AWAY, { Tags }), denied)
  const there = { Resource: `arn:aws:kms:${AWAY}:${accountId}:key/*` }
  await replicate(
    await user(allow(['kms:ReplicateKey', 'kms:CreateKey']), allow('kms:TagResource', there)),
    key,
    AWAY,
    { Tags },
  )
})

test('kms:ReplicaRegion limits where a key policy lets a key be replicated', async () => {
  const { arn, standing } = await rig.role({ name: 'Administrator', allow: [allow('kms:CreateKey')] })
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: accountId }, Action: 'kms:*', Resource: '*' },
      {
        Effect: 'Allow',
        Principal: { AWS: arn },
        Action: 'kms:ReplicateKey',
        Resource: '*',
        Condition: { StringEquals: { 'kms:ReplicaRegion': ['us-east-1', AWAY, 'ap-southeast-2'] } },
      },
    ],
  })
  const key = await newKey({ Policy })
  await assert.rejects(replicate(await standing(), key, 'eu-west-1'), denied)
  await replicate(await standing(), key)
  await replicate(await standing(), key, 'ap-southeast-2')
})

test('kms:PrimaryRegion limits where a primary key may move, and both keys must allow it', async () => {
  const { arn, standing } = await rig.role({ name: 'Mover' })
  const statement = (Condition?: object) => ({
    Effect: 'Allow',
    Principal: { AWS: arn },
    Action: 'kms:UpdatePrimaryRegion',
    Resource: '*',
    ...(Condition && { Condition }),
  })
  const own = { Effect: 'Allow', Principal: { AWS: accountId }, Action: 'kms:*', Resource: '*' }
  const policy = (...statements: object[]) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [own, ...statements] })
  const only = { StringEquals: { 'kms:PrimaryRegion': ['us-west-2', AWAY] } }
  const key = await newKey({ Policy: policy(statement(only)) })
  await replicate(root, key)
  await replicate(root, key, 'eu-west-1')
  await settle()
  const move = async (PrimaryRegion: string) =>
    ask(await standing(), HOME, 'UpdatePrimaryRegion', { KeyId: key, PrimaryRegion })
  await assert.rejects(move('eu-west-1'), denied)
  // The replica's own policy does not know the role.
  await assert.rejects(move(AWAY), denied)
  await ask(root, AWAY, 'PutKeyPolicy', { KeyId: key, Policy: policy(statement(only)) })
  await move(AWAY)
  await settle()
  const { KeyMetadata } = await ask(root, AWAY, 'DescribeKey', { KeyId: key })
  assert.equal(KeyMetadata?.MultiRegionConfiguration?.MultiRegionKeyType, 'PRIMARY')
})

test('kms:MultiRegion and kms:MultiRegionKeyType tell the keys apart, those that are about to be made too', async () => {
  const multiRegion = { Condition: { Bool: { 'kms:MultiRegion': 'true' } } }
  const noMultiRegion = await user(everywhere, { ...allow('kms:*', multiRegion), Effect: 'Deny' })
  await ask(noMultiRegion, HOME, 'CreateKey', {})
  await assert.rejects(ask(noMultiRegion, HOME, 'CreateKey', { MultiRegion: true }), denied)

  const ofType = (type: string) => ({ Condition: { StringEquals: { 'kms:MultiRegionKeyType': type } } })
  const noReplicas = await user(everywhere, { ...allow('kms:*', ofType('REPLICA')), Effect: 'Deny' })
  const key = await newKey()
  await assert.rejects(replicate(noReplicas, key), denied)
  await replicate(root, key)
  await settle()
  const Plaintext = Buffer.from('x')
  await ask(noReplicas, HOME, 'Encrypt', { KeyId: key, Plaintext })
  await assert.rejects(ask(noReplicas, AWAY, 'Encrypt', { KeyId: key, Plaintext }), denied)
  const replicasOnly = await user(allow('kms:Encrypt', ofType('REPLICA')))
  await ask(replicasOnly, AWAY, 'Encrypt', { KeyId: key, Plaintext })
  await assert.rejects(ask(replicasOnly, HOME, 'Encrypt', { KeyId: key, Plaintext }), denied)
})

test('the conditions on a new key say what the replica will be', async () => {
  const key = await newKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })
  const conditions = {
    Bool: { 'kms:MultiRegion': 'true' },
    StringEquals: {
      'kms:MultiRegionKeyType': 'REPLICA',
      'kms:KeySpec': 'HMAC_256',
      'kms:KeyUsage': 'GENERATE_VERIFY_MAC',
      'kms:KeyOrigin': 'AWS_KMS',
    },
  }
  const maker = await user(allow('kms:ReplicateKey'), allow('kms:CreateKey', { Condition: conditions }))
  await replicate(maker, key)
  const other = await newKey()
  await assert.rejects(replicate(maker, other), denied)
})

test('who may only replicate cannot make a replica that it has no control over, unless it says so', async () => {
  const key = await newKey()
  const maker = await user(allow(['kms:ReplicateKey', 'kms:CreateKey']))
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: accountId }, Action: 'kms:*', Resource: '*' }],
  })
  await assert.rejects(replicate(maker, key, AWAY, { Policy }), { code: 'MalformedPolicyDocumentException' })
  await replicate(maker, key, AWAY, { Policy, BypassPolicyLockoutSafetyCheck: true })
  assert.equal((await ask(root, AWAY, 'GetKeyPolicy', { KeyId: key })).Policy, Policy)
})

test('nobody replicates or moves the key of another account', async () => {
  const stranger = '111122223333'
  await rig.account(stranger)
  const key = await newKey({
    Policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { AWS: [accountId, stranger] }, Action: 'kms:*', Resource: '*' },
      ],
    }),
  })
  const standing = await rig.root(stranger)
  const KeyId = `arn:aws:kms:${HOME}:${accountId}:key/${key}`
  await assert.rejects(replicate(standing, KeyId), denied)
  await assert.rejects(ask(standing, HOME, 'UpdatePrimaryRegion', { KeyId, PrimaryRegion: AWAY }), denied)
})
