import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicy } from '../../policy/document.ts'
import { awsManagedKeyPolicy } from './aws-managed-key.ts'

const statements = (service: string) =>
  (
    JSON.parse(awsManagedKeyPolicy(service, '111122223333', 'eu-west-1')) as {
      Statement: Record<string, unknown>[]
    }
  ).Statement

test('the policy of an AWS managed key opens it by way of its service, in its account and Region', () => {
  parsePolicy(awsManagedKeyPolicy('s3', '111122223333', 'eu-west-1'), 'resource')
  const [use, look] = statements('s3')
  assert.deepEqual(use?.['Condition'], {
    StringEquals: { 'kms:CallerAccount': '111122223333', 'kms:ViaService': 's3.eu-west-1.amazonaws.com' },
  })
  assert.deepEqual(look?.['Principal'], { AWS: 'arn:aws:iam::111122223333:root' })
  assert.deepEqual(look?.['Action'], ['kms:Describe*', 'kms:Get*', 'kms:List*'])
})

test('in a China Region it names the account and the service as they are called there', () => {
  const policy = JSON.parse(awsManagedKeyPolicy('s3', '111122223333', 'cn-north-1')) as {
    Statement: [{ Condition: object }, { Principal: object }]
  }
  const [use, look] = policy.Statement
  assert.deepEqual(use.Condition, {
    StringEquals: {
      'kms:CallerAccount': '111122223333',
      'kms:ViaService': 's3.cn-north-1.amazonaws.com.cn',
    },
  })
  assert.deepEqual(look.Principal, { AWS: 'arn:aws-cn:iam::111122223333:root' })
})

test('only services that keep keys in use may make grants on theirs', () => {
  const actions = (service: string) => statements(service).flatMap(({ Action }) => Action as string[])
  assert.ok(!actions('s3').includes('kms:CreateGrant'))
  assert.ok(actions('ebs').includes('kms:CreateGrant'))
  assert.ok(actions('ebs').includes('kms:RevokeGrant'))
  for (const service of ['s3', 'ebs']) {
    for (const action of actions(service))
      assert.doesNotMatch(action, /\*:|kms:\*|Put|Schedule|Delete|Disable|Tag/)
  }
})
