import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import type { KMS } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { startPostgres, type PostgresServer } from './postgres.ts'
import { dataDirOfSecondNode } from './second-node.ts'

const MEMBER = '222222222222'
const Plaintext = Buffer.from('plaintext')
const denied = { name: 'AccessDeniedException' }

describe('what one node was told binds the next answer of the other', () => {
  let postgres: PostgresServer
  let env: { KEYWRIGHT_DATABASE_URL: string }
  let a: ServerProcess
  let b: ServerProcess
  let credentials: Credentials
  /** The root user, by each node. */
  let onA: KMS
  let onB: KMS

  before(async () => {
    postgres = await startPostgres()
    env = { KEYWRIGHT_DATABASE_URL: await postgres.freshDatabase() }
    a = await startServer({ env })
    ;({ credentials } = a)
    b = await startServer({ env, dataDir: dataDirOfSecondNode(a) })
    ;[onA, onB] = [kmsClient(a), kmsClient(b, { credentials })]
  })
  after(async () => {
    await Promise.all([a.stop(), b.stop()])
    await postgres.remove()
  })

  async function keywright(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runKeywright(args, { dataDir: a.dataDir, env })
    assert.equal(code, 0, stderr)
    return stdout
  }

  /** A user without policies, as a client of node B. */
  async function newUser(UserName: string): Promise<{ arn: string; onB: KMS }> {
    const iam = new IAM({ endpoint: a.url, region: 'us-east-1', credentials, maxAttempts: 1 })
    const { User } = await iam.createUser({ UserName })
    const { AccessKey } = await iam.createAccessKey({ UserName })
    assert.ok(User?.Arn && AccessKey?.AccessKeyId && AccessKey.SecretAccessKey)
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey
    return { arn: User.Arn, onB: kmsClient(b, { credentials: { accessKeyId, secretAccessKey } }) }
  }

  test('a grant works at once and ends at once, on both', async () => {
    const { id: KeyId } = await newKey(onA)
    const user = await newUser('grantee')
    for (let round = 0; round < 10; round++) {
      await assert.rejects(user.onB.encrypt({ KeyId, Plaintext }), denied)
      const { GrantId, GrantToken } = await onA.createGrant({
        KeyId,
        GranteePrincipal: user.arn,
        Operations: ['Encrypt', 'RetireGrant'],
      })
      await user.onB.encrypt({ KeyId, Plaintext, GrantTokens: [GrantToken ?? ''] })
      if (round % 2) await user.onB.retireGrant({ GrantToken })
      else await onA.revokeGrant({ KeyId, GrantId })
    }
    await assert.rejects(user.onB.encrypt({ KeyId, Plaintext }), denied)
    assert.deepEqual((await onB.listGrants({ KeyId })).Grants, [])
  })

  test('quarantine and release', async () => {
    const key = await newKey(onA)
    const user = await newUser('suspect')
    await onA.createGrant({ KeyId: key.id, GranteePrincipal: user.arn, Operations: ['Encrypt'] })
    for (const [kind, id] of [
      ['key', key.id],
      ['principal', user.arn],
    ] as const) {
      await user.onB.encrypt({ KeyId: key.id, Plaintext })
      await keywright('quarantine', kind, id, '--reason', 'incident')
      await assert.rejects(user.onB.encrypt({ KeyId: key.id, Plaintext }), denied)
      await keywright('release', kind, id)
    }
    await user.onB.encrypt({ KeyId: key.id, Plaintext })
    const many = JSON.parse(
      await keywright('quarantine', 'principal', user.arn, '--reason', 'incident', '--json'),
    ) as { grants: unknown[] }
    assert.equal(many.grants.length, 1)
  })

  test('a service control policy', async () => {
    await keywright('account', 'create', MEMBER)
    await keywright('organization', 'create')
    await keywright('organization', 'add-account', MEMBER)
    const theirs = JSON.parse(await keywright('credentials', 'create', MEMBER, '--json')) as Credentials
    const member = kmsClient(b, { credentials: theirs })
    const file = join(a.dataDir, '..', 'scp.json')
    const Statement = [{ Effect: 'Deny', Action: 'kms:ListKeys', Resource: '*' }]
    writeFileSync(file, JSON.stringify({ Version: '2012-10-17', Statement }))
    const options = ['--type', 'service-control', '--name', 'no-lists', '--document', file, '--json']
    const { policyId } = JSON.parse(await keywright('policy', 'create', ...options)) as { policyId: string }
    await member.listKeys({})
    await keywright('policy', 'attach', policyId, MEMBER)
    await assert.rejects(member.listKeys({}), denied)
    await keywright('policy', 'detach', policyId, MEMBER)
    await member.listKeys({})
  })
})
