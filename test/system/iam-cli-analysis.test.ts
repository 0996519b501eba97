import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { AccessAnalyzer } from '@aws-sdk/client-accessanalyzer'
import { startServer, type ServerProcess } from '../server-process.ts'
import { issuedKey, sessionOptions, type AccessKeyAnswer, type SessionAnswer } from './cli-credentials.ts'
import { terminal, type Terminal } from './terminal.ts'

const account = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${account}:${resource}`
const policyOf = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })

interface Simulated {
  readonly EvaluationResults: readonly {
    readonly EvalActionName: string
    readonly EvalDecision: string
    readonly MatchedStatements: readonly { readonly SourcePolicyId: string }[]
    readonly MissingContextValues: readonly string[]
  }[]
}

describe('the AWS CLI with the policy simulator and Access Analyzer', () => {
  let server: ServerProcess
  let admin: Terminal
  let user: Terminal
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    admin = terminal(server, { endpoint: server.url })
    const write = (file: string, text: string) => writeFileSync(join(admin.folder, file), text)
    write(
      'own',
      policyOf(
        { Effect: 'Allow', Action: ['kms:List*', 'kms:CreateKey', 'sts:AssumeRole'], Resource: '*' },
        {
          Effect: 'Deny',
          Action: 'kms:CreateKey',
          Resource: '*',
          Condition: { StringNotEquals: { 'aws:RequestTag/team': 'blue' } },
        },
      ),
    )
    write('bound', policyOf({ Effect: 'Allow', Action: ['kms:*', 'sts:*'], Resource: '*' }))
    write('trust', policyOf({ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' }))
    write('boundary', policyOf({ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' }))
    const made = await admin.json<AccessKeyAnswer>(`
aws iam create-user --user-name dev > made
aws iam put-user-policy --user-name dev --policy-name own --policy-document file://own
aws iam create-policy --policy-name boundary --policy-document file://boundary > made
aws iam create-role --role-name bounded --assume-role-policy-document file://trust --permissions-boundary ${arn('policy/boundary')} > made
aws iam put-role-policy --role-name bounded --policy-name own --policy-document file://bound
aws iam create-access-key --user-name dev`)
    user = terminal(server, { endpoint: server.url, credentials: issuedKey(made) })
  })
  after(() => server.stop())

  async function simulate(
    source: string,
    actions: string,
    more = '',
  ): Promise<Simulated['EvaluationResults']> {
    const { EvaluationResults } = await admin.json<Simulated>(
      `aws iam simulate-principal-policy --policy-source-arn ${source} --action-names ${actions} ${more}`,
    )
    return EvaluationResults
  }
  const decisions = (results: Simulated['EvaluationResults']) =>
    Object.fromEntries(results.map(({ EvalActionName, EvalDecision }) => [EvalActionName, EvalDecision]))

  test('what simulate-principal-policy says of a user is what the server does', async () => {
    const red = await simulate(
      arn('user/dev'),
      'kms:ListKeys kms:ListAliases kms:CreateKey kms:GenerateRandom iam:ListUsers',
      '--context-entries ContextKeyName=aws:RequestTag/team,ContextKeyType=string,ContextKeyValues=red',
    )
    assert.deepEqual(decisions(red), {
      'kms:ListKeys': 'allowed',
      'kms:ListAliases': 'allowed',
      'kms:CreateKey': 'explicitDeny',
      'kms:GenerateRandom': 'implicitDeny',
      'iam:ListUsers': 'implicitDeny',
    })
    const matched = red.find(({ EvalActionName }) => EvalActionName === 'kms:CreateKey')?.MatchedStatements
    assert.deepEqual(
      matched?.map(({ SourcePolicyId }) => SourcePolicyId),
      ['user_dev_own', 'user_dev_own'],
    )
    await user.json('aws kms list-keys')
    await user.json('aws kms list-aliases')
    const denied = async (command: string, reason: RegExp) =>
      assert.match((await user.refusal(command)).message, reason)
    await denied(
      'aws kms create-key --tags TagKey=team,TagValue=red',
      /with an explicit deny in an identity-based/,
    )
    await denied('aws kms generate-random --number-of-bytes 8', /because no identity-based policy allows/)
    await denied('aws iam list-users', /because no identity-based policy allows/)
  })

  test('a boundary counts in the simulation of a role as it does in its sessions', async () => {
    const results = await simulate(arn('role/bounded'), 'kms:ListKeys kms:ListAliases')
    assert.deepEqual(decisions(results), { 'kms:ListKeys': 'allowed', 'kms:ListAliases': 'implicitDeny' })
    const session = await user.json<SessionAnswer>(
      `aws sts assume-role --role-arn ${arn('role/bounded')} --role-session-name app`,
    )
    const role = terminal(server, { endpoint: server.url, ...sessionOptions(session) })
    await role.json('aws kms list-keys')
    assert.match(
      (await role.refusal('aws kms list-aliases')).message,
      /because no permissions boundary allows the kms:ListAliases action$/,
    )
  })

  test('simulate-custom-policy decides about policies that nobody has, and says which context it misses', async () => {
    const { EvaluationResults } = await admin.json<Simulated>(
      'aws iam simulate-custom-policy --policy-input-list "$(cat own)" --action-names kms:ListKeys kms:CreateKey',
    )
    assert.equal(decisions(EvaluationResults)['kms:ListKeys'], 'allowed')
    const created = EvaluationResults.find(({ EvalActionName }) => EvalActionName === 'kms:CreateKey')
    assert.deepEqual(
      [created?.EvalDecision, created?.MissingContextValues],
      ['explicitDeny', ['aws:RequestTag/team']],
    )
    assert.deepEqual(
      await admin.json('aws iam get-context-keys-for-custom-policy --policy-input-list "$(cat own)"'),
      {
        ContextKeyNames: ['aws:RequestTag/team'],
      },
    )
    const refused = await admin.refusal(
      `aws iam simulate-principal-policy --policy-source-arn ${arn('user/none')} --action-names kms:ListKeys`,
    )
    assert.equal(refused.code, 'NoSuchEntity')
    assert.equal(
      (
        await user.refusal(
          `aws iam simulate-principal-policy --policy-source-arn ${arn('user/dev')} --action-names kms:ListKeys`,
        )
      ).code,
      'AccessDenied',
    )
  })

  test('validate-policy finds in a key policy what guides warn of, with its place', async () => {
    writeFileSync(
      join(admin.folder, 'risky'),
      policyOf(
        {
          Effect: 'Allow',
          Principal: '*',
          Action: 'kms:*',
          Resource: `arn:aws:kms:us-east-1:${account}:alias/app`,
        },
        { Effect: 'Deny', NotPrincipal: { AWS: arn('root') }, Action: 'kms:Decrpt', Resource: '*' },
      ),
    )
    interface Found {
      readonly findings: readonly {
        readonly findingType: string
        readonly issueCode: string
        readonly locations: readonly { readonly path: readonly object[] }[]
      }[]
    }
    const validate = (type: string, file: string) =>
      admin.json<Found>(
        `aws accessanalyzer validate-policy --policy-type ${type} --policy-document file://${file}`,
      )
    const { findings } = await validate('RESOURCE_POLICY', 'risky')
    const found = findings.map(({ findingType, issueCode, locations }) => [
      findingType,
      issueCode,
      locations[0]?.path.slice(0, 2),
    ])
    const statement = (index: number) => [{ value: 'Statement' }, { index }]
    for (const expected of [
      ['SECURITY_WARNING', 'KW_PUBLIC_PRINCIPAL', statement(0)],
      ['SECURITY_WARNING', 'KW_ALIAS_IN_RESOURCE', statement(0)],
      ['SECURITY_WARNING', 'KW_DENY_WITH_NOT_PRINCIPAL', statement(1)],
      ['ERROR', 'INVALID_ACTION', statement(1)],
    ]) {
      assert.ok(
        found.some((one) => JSON.stringify(one) === JSON.stringify(expected)),
        `${JSON.stringify(expected)} is not among ${JSON.stringify(found)}`,
      )
    }
    assert.deepEqual((await validate('IDENTITY_POLICY', 'boundary')).findings, [])
  })

  test('a key that its policy opens to everybody is among the findings of the analyzer, and no other key', async () => {
    writeFileSync(
      join(admin.folder, 'open'),
      policyOf(
        { Effect: 'Allow', Principal: { AWS: arn('root') }, Action: 'kms:*', Resource: '*' },
        { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:Decrypt', Resource: '*' },
      ),
    )
    const open = await admin.text(`
aws kms create-key > closed
aws kms create-key --policy file://open --query KeyMetadata.Arn --output text`)
    const analyzerArn = await admin.text(
      "aws accessanalyzer list-analyzers --query 'analyzers[0].arn' --output text",
    )
    assert.match(analyzerArn, new RegExp(`^arn:aws:access-analyzer:us-east-1:${account}:analyzer/`))
    // Debian's CLI is older than the second version of this list.
    const analyzer = new AccessAnalyzer({
      endpoint: server.url,
      region: 'us-east-1',
      credentials: server.credentials,
      maxAttempts: 1,
    })
    const { findings = [] } = await analyzer.listFindingsV2({ analyzerArn })
    assert.deepEqual(
      findings.map(({ resource, resourceType, status, findingType }) => [
        resource,
        resourceType,
        status,
        findingType,
      ]),
      [[open, 'AWS::KMS::Key', 'ACTIVE', 'ExternalAccess']],
    )
  })
})
