import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { IAM } from '@aws-sdk/client-iam'
import { paginateListAliases, paginateListGrants, type KMS } from '@aws-sdk/client-kms'
import { assertRefusedWith, iamClient, policyOf, stsClient } from '../identity-clients.ts'
import { kmsClient } from '../kms-client.ts'
import { settled } from '../multi-region-set.ts'
import { startServer, type ServerProcess } from '../server-process.ts'

/**
 * What Terraform's AWS provider calls for its resources, in its order: create, read, read again for a plan that must be
 * empty, update, delete, with the waits that it has between them.
 */

const ACCOUNT = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${ACCOUNT}:${resource}`

let server: ServerProcess
let kms: KMS
let iam: IAM
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  kms = kmsClient(server)
  iam = iamClient(server)
})
after(() => server.stop())

/** The provider compares policies as JSON, so that a plan is empty whatever blanks there are. */
function normalized(policy: string | undefined): unknown {
  return JSON.parse(policy ?? '')
}

const rootStatement = {
  Sid: 'Enable IAM User Permissions',
  Effect: 'Allow',
  Principal: { AWS: arn('root') },
  Action: 'kms:*',
  Resource: '*',
}
const useStatement = (AWS: string) => ({
  Sid: 'AllowAppRoleToUseKey',
  Effect: 'Allow',
  Principal: { AWS },
  Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
  Resource: '*',
})
/** As the provider writes it, with blanks. */
const text = (policy: object) => JSON.stringify(policy, null, 2)
const trustOf = (Principal: object) =>
  text(policyOf({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }))

test('the provider starts with who it is, and with the account it is in', async () => {
  const { Account, Arn } = await stsClient(server).getCallerIdentity({})
  assert.deepEqual([Account, Arn], [ACCOUNT, arn('root')])
  assert.deepEqual((await iam.listAccountAliases({})).AccountAliases, [])
})

describe('aws_kms_key and aws_kms_alias', () => {
  let KeyId: string
  let roleArn: string
  before(async () => {
    const { Role } = await iam.createRole({
      RoleName: 'my-app',
      AssumeRolePolicyDocument: trustOf({ AWS: arn('root') }),
    })
    roleArn = Role?.Arn ?? ''
  })

  /** The wait for a policy: equal five times running. */
  async function waitForPolicy(policy: object): Promise<void> {
    for (let time = 0; time < 5; time++) {
      const { Policy } = await kms.getKeyPolicy({ KeyId, PolicyName: 'default' })
      assert.deepEqual(normalized(Policy), policy)
    }
  }
  async function waitForTags(tags: Record<string, string>): Promise<void> {
    const { Tags = [] } = await kms.listResourceTags({ KeyId })
    assert.deepEqual(Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey, TagValue])), tags)
  }
  /** The wait for a state: fifteen times, and any older answer would cost two seconds each. */
  async function waitForEnabled(enabled: boolean): Promise<void> {
    for (let time = 0; time < 15; time++) {
      const { KeyMetadata } = await kms.describeKey({ KeyId })
      assert.equal(KeyMetadata?.Enabled, enabled)
    }
  }
  async function read() {
    const { KeyMetadata } = await kms.describeKey({ KeyId })
    const { Policy } = await kms.getKeyPolicy({ KeyId, PolicyName: 'default' })
    const { Tags } = await kms.listResourceTags({ KeyId })
    const { KeyRotationEnabled } = await kms.getKeyRotationStatus({ KeyId })
    return { KeyMetadata, policy: normalized(Policy), Tags, KeyRotationEnabled }
  }

  test('a key is created with a policy and tags, waited for, and its plan is empty', async () => {
    const policy = policyOf(rootStatement, useStatement(roleArn))
    // A principal that IAM does not have yet: the provider tries again for two minutes.
    await assertRefusedWith(
      kms.createKey({ Policy: text(policyOf(rootStatement, useStatement(arn('role/not-yet')))) }),
      'MalformedPolicyDocumentException',
      400,
    )
    const { KeyMetadata } = await kms.createKey({
      Description: 'KMS key for my-app data encryption',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyUsage: 'ENCRYPT_DECRYPT',
      BypassPolicyLockoutSafetyCheck: false,
      MultiRegion: false,
      Policy: text(policy),
      Tags: [{ TagKey: 'Name', TagValue: 'my-app' }],
    })
    KeyId = KeyMetadata?.KeyId ?? ''
    await waitForPolicy(policy)
    await waitForTags({ Name: 'my-app' })
    const first = await read()
    assert.equal(first.KeyMetadata?.Description, 'KMS key for my-app data encryption')
    assert.equal(first.KeyRotationEnabled, false)
    assert.deepEqual(await read(), first)
  })

  test('the default policy is read as one that a configuration without a policy keeps', async () => {
    const { KeyMetadata } = await kms.createKey({})
    const { Policy } = await kms.getKeyPolicy({ KeyId: KeyMetadata?.KeyId, PolicyName: 'default' })
    assert.deepEqual(normalized(Policy), {
      Version: '2012-10-17',
      Id: 'key-default-1',
      Statement: [{ ...rootStatement, Sid: 'Enable IAM User Permissions' }],
    })
  })

  test('what changes is updated and read at once', async () => {
    await kms.updateKeyDescription({ KeyId, Description: 'changed' })
    const policy = policyOf(rootStatement)
    await kms.putKeyPolicy({
      KeyId,
      PolicyName: 'default',
      Policy: text(policy),
      BypassPolicyLockoutSafetyCheck: false,
    })
    await waitForPolicy(policy)
    await kms.disableKey({ KeyId })
    await waitForEnabled(false)
    await kms.enableKey({ KeyId })
    await waitForEnabled(true)
    await kms.untagResource({ KeyId, TagKeys: ['Name'] })
    await kms.tagResource({ KeyId, Tags: [{ TagKey: 'Stage', TagValue: 'test' }] })
    await waitForTags({ Stage: 'test' })
    const first = await read()
    assert.equal(first.KeyMetadata?.Description, 'changed')
    assert.deepEqual(await read(), first)
  })

  test('an alias is created, found in the list, moved to another key and deleted', async () => {
    const AliasName = 'alias/my-app-key'
    const find = async () => {
      for await (const { Aliases = [] } of paginateListAliases({ client: kms }, {})) {
        const found = Aliases.find((alias) => alias.AliasName === AliasName)
        if (found !== undefined) return found
      }
      return undefined
    }
    await kms.createAlias({ AliasName, TargetKeyId: KeyId })
    const found = await find()
    assert.deepEqual(
      [found?.TargetKeyId, found?.AliasArn],
      [KeyId, `arn:aws:kms:us-east-1:${ACCOUNT}:${AliasName}`],
    )
    assert.deepEqual(await find(), found)
    const { KeyMetadata } = await kms.createKey({})
    await kms.updateAlias({ AliasName, TargetKeyId: KeyMetadata?.KeyId })
    assert.equal((await find())?.TargetKeyId, KeyMetadata?.KeyId)
    await kms.deleteAlias({ AliasName })
    assert.equal(await find(), undefined)
    // An alias that is gone already is deleted, for the provider.
    await assertRefusedWith(kms.deleteAlias({ AliasName }), 'NotFoundException', 400)
  })

  test('a key is deleted: it is pending deletion at once, and a second deletion says so', async () => {
    await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 10 })
    assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState, 'PendingDeletion')
    await assertRefusedWith(
      kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 10 }),
      'KMSInvalidStateException',
      400,
      /is pending deletion/,
    )
    // A key that is not there is gone from the state.
    const missing = '11111111-2222-3333-4444-555555555555'
    await assertRefusedWith(kms.describeKey({ KeyId: missing }), 'NotFoundException', 400)
  })

  test('enable_key_rotation and rotation_period_in_days are set after the creation, read and taken back', async () => {
    const { KeyMetadata } = await kms.createKey({})
    const rotated = { KeyId: KeyMetadata?.KeyId ?? '' }
    await kms.enableKeyRotation({ ...rotated, RotationPeriodInDays: 180 })
    const on = await kms.getKeyRotationStatus(rotated)
    assert.deepEqual([on.KeyRotationEnabled, on.RotationPeriodInDays], [true, 180])
    await kms.enableKeyRotation({ ...rotated, RotationPeriodInDays: 365 })
    assert.equal((await kms.getKeyRotationStatus(rotated)).RotationPeriodInDays, 365)
    await kms.disableKeyRotation(rotated)
    const off = await kms.getKeyRotationStatus(rotated)
    assert.deepEqual([off.KeyRotationEnabled, off.RotationPeriodInDays], [false, undefined])
  })
})

describe('aws_kms_replica_key', () => {
  test('a replica is made from the Region of its primary key, read in its own until it can be used, and deleted there', async () => {
    const west = kmsClient(server, { region: 'us-west-2' })
    const { KeyMetadata: primary } = await kms.createKey({ MultiRegion: true })
    const KeyId = primary?.KeyId ?? ''
    const { ReplicaKeyMetadata } = await kms.replicateKey({
      KeyId,
      ReplicaRegion: 'us-west-2',
      Description: 'replica',
      BypassPolicyLockoutSafetyCheck: false,
      Tags: [{ TagKey: 'Name', TagValue: 'replica' }],
    })
    assert.equal(ReplicaKeyMetadata?.KeyId, KeyId)
    const read = await settled(west, KeyId)
    assert.equal(read.KeyState, 'Enabled')
    assert.equal(read.MultiRegionConfiguration?.PrimaryKey?.Arn, primary?.Arn)
    assert.match((await west.getKeyPolicy({ KeyId, PolicyName: 'default' })).Policy ?? '', /kms:\*/)
    assert.equal((await west.getKeyRotationStatus({ KeyId })).KeyRotationEnabled, false)
    assert.equal((await west.listResourceTags({ KeyId })).Tags?.length, 1)
    await west.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 30 })
    assert.equal((await west.describeKey({ KeyId })).KeyMetadata?.KeyState, 'PendingDeletion')
    assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState, 'Enabled')
    west.destroy()
  })
})

describe('aws_kms_grant', () => {
  test('a grant is created for a role that is new, read with its ARNs, read again, and revoked or retired', async () => {
    const { KeyMetadata } = await kms.createKey({})
    const KeyId = KeyMetadata?.KeyId ?? ''
    const { Role } = await iam.createRole({
      RoleName: 'grantee',
      AssumeRolePolicyDocument: trustOf({ AWS: arn('root') }),
    })
    const asked = {
      KeyId,
      Name: 'my-grant',
      GranteePrincipal: Role?.Arn,
      RetiringPrincipal: Role?.Arn,
      Operations: ['Encrypt', 'Decrypt', 'GenerateDataKey'] as ('Encrypt' | 'Decrypt' | 'GenerateDataKey')[],
      Constraints: { EncryptionContextEquals: { Department: 'Finance' } },
    }
    // Until IAM has a principal the provider tries again on exactly this error.
    await assertRefusedWith(
      kms.createGrant({ ...asked, GranteePrincipal: arn('role/not-yet') }),
      'InvalidArnException',
      400,
    )
    const read = async (GrantId: string | undefined) => {
      for await (const { Grants = [] } of paginateListGrants({ client: kms }, { KeyId, Limit: 100 })) {
        const found = Grants.find((grant) => grant.GrantId === GrantId)
        if (found !== undefined) return found
      }
      return undefined
    }
    const { GrantId, GrantToken } = await kms.createGrant(asked)
    assert.ok(GrantToken)
    const found = await read(GrantId)
    assert.deepEqual(
      [found?.GranteePrincipal, found?.RetiringPrincipal, found?.Name, found?.Constraints],
      [Role?.Arn, Role?.Arn, 'my-grant', asked.Constraints],
    )
    assert.deepEqual(found?.Operations?.toSorted(), asked.Operations.toSorted())
    assert.deepEqual(await read(GrantId), found)

    await kms.revokeGrant({ KeyId: KeyMetadata?.Arn, GrantId })
    assert.equal(await read(GrantId), undefined)
    await assertRefusedWith(kms.revokeGrant({ KeyId, GrantId }), 'NotFoundException', 400)

    const second = await kms.createGrant(asked)
    assert.notEqual(second.GrantId, GrantId)
    // retire_on_delete
    await kms.retireGrant({ KeyId: KeyMetadata?.Arn, GrantId: second.GrantId })
    assert.equal(await read(second.GrantId), undefined)
    await iam.deleteRole({ RoleName: 'grantee' })
  })
})
