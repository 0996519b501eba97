import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '../identity/caller.ts'
import { anonymous } from '../identity/anonymous.ts'
import type { SessionFacts } from '../identity/session.ts'
import type { Standing } from '../identity/standing.ts'
import { identityThrough, recordIdentity, webIdentity } from './record-identity.ts'

const accountId = '111122223333'
const issued: SessionFacts = {
  issuedAtMs: Date.UTC(2026, 10, 22, 10),
  expiresAtMs: Date.UTC(2026, 10, 22, 11),
  mfaAtMs: undefined,
  role: { roleId: 'AROAEXAMPLE', sessionName: 'deploy' },
  parentAccessKeyId: undefined,
  tags: [],
  transitiveTagKeys: [],
  sourceIdentity: 'alice',
  chained: false,
  policy: undefined,
  policyArns: [],
  webIdentity: undefined,
  assumedBy: [],
  forwarded: undefined,
}

function standing(caller: Partial<Caller>, principal?: Standing['principal']): Standing {
  return {
    ...anonymous,
    ...(principal && { principal }),
    caller: { type: 'IAMUser', accountId, arn: '', principalId: '', accessKeyId: 'AKIA', ...caller },
  }
}

// As JSON, since that is what the record is: members without a value are left out.
const written = (value: object) => JSON.parse(JSON.stringify(value)) as unknown

test('a user is recorded with its name', () => {
  const user = standing({
    arn: `arn:aws:iam::${accountId}:user/Alice`,
    principalId: 'AIDAEXAMPLE',
    userName: 'Alice',
  })
  assert.deepEqual(written(recordIdentity(user)), {
    type: 'IAMUser',
    principalId: 'AIDAEXAMPLE',
    arn: `arn:aws:iam::${accountId}:user/Alice`,
    accountId,
    accessKeyId: 'AKIA',
    userName: 'Alice',
  })
  assert.equal(recordIdentity(user), recordIdentity(user))
})

test('a role session is recorded with its issuer, and how its caller had proved itself', () => {
  const arn = `arn:aws:sts::${accountId}:assumed-role/Deploy/deploy`
  const session = standing(
    { type: 'AssumedRole', arn, principalId: 'AROAEXAMPLE:deploy', accessKeyId: 'ASIA', session: issued },
    {
      type: 'assumed-role',
      accountId,
      arn,
      roleArn: `arn:aws:iam::${accountId}:role/team/Deploy`,
      roleId: 'AROAEXAMPLE',
      sessionName: 'deploy',
    },
  )
  assert.deepEqual(written(recordIdentity(session)), {
    type: 'AssumedRole',
    principalId: 'AROAEXAMPLE:deploy',
    arn,
    accountId,
    accessKeyId: 'ASIA',
    sessionContext: {
      sessionIssuer: {
        type: 'Role',
        principalId: 'AROAEXAMPLE',
        arn: `arn:aws:iam::${accountId}:role/team/Deploy`,
        accountId,
        userName: 'Deploy',
      },
      attributes: { creationDate: '2026-11-22T10:00:00Z', mfaAuthenticated: 'false' },
      sourceIdentity: 'alice',
    },
  })
})

test('a service is recorded by its name, also where it acts for a user', () => {
  const service = standing({ type: 'AWSService', accountId: '', principalId: 's3.amazonaws.com' })
  assert.deepEqual(recordIdentity(service), { type: 'AWSService', invokedBy: 's3.amazonaws.com' })
  const forwarded = { services: ['s3.us-east-1.amazonaws.com'], certificateFingerprint: 'f' }
  const user = standing({ principalId: 'AIDA', session: { ...issued, role: undefined, forwarded } })
  assert.equal(
    (written(recordIdentity(user)) as { invokedBy: string }).invokedBy,
    's3.us-east-1.amazonaws.com',
  )
  assert.deepEqual(written(identityThrough(standing({ principalId: 'AIDA' }), 's3.amazonaws.com')), {
    type: 'IAMUser',
    principalId: 'AIDA',
    accountId,
    accessKeyId: 'AKIA',
    invokedBy: 's3.amazonaws.com',
  })
})

test('whoever came with a web identity is recorded by provider and subject', () => {
  const provider = `arn:aws:iam::${accountId}:oidc-provider/accounts.example.com`
  const { caller } = standing({ arn: provider, principalId: `${provider}:app:sub-1`, userName: 'sub-1' })
  assert.deepEqual(webIdentity(caller), {
    type: 'WebIdentityUser',
    principalId: `${provider}:app:sub-1`,
    userName: 'sub-1',
    identityProvider: provider,
  })
})
