import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { compilePolicy } from '../../server/src/policy/compile.ts'
import { decide, type DecisionFacts } from '../../server/src/policy/decision.ts'
import { denialText } from '../../server/src/policy/denial.ts'
import { parsePolicy } from '../../server/src/policy/document.ts'
import type { ContextValue } from '../../server/src/policy/request.ts'
import { iamClient, newUser, policyOf } from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

/** What a key policy and an encryption context may hold, in characters. */
const POLICY = 32_768
const CONTEXT = 8000
/** Of this thread, warm. One decision took half a minute before its effort was bounded. */
const MOST_CPU_MS = 20

/** As many values as a key policy can hold, for one condition. */
function packed(operator: string, value: (i: number) => string, key = 'kms:EncryptionContext:a'): object {
  const values: string[] = []
  for (let size = 400, i = 0; ; i++) {
    size += JSON.stringify(value(i)).length + 1
    if (size > POLICY) return statement({ [operator]: { [key]: values } })
    values.push(value(i))
  }
}

/** Conditions that are satisfied, one after another, so that none ends the statement early. */
function packedConditions(operator: string): object {
  const entries = Array.from({ length: 380 }, (_, i) => [`kms:EncryptionContext:no${i}`, `value ${i}`])
  return statement({ [operator]: Object.fromEntries(entries) as object })
}

function statement(condition: object): object {
  return { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*', Condition: condition }
}

const variable = '${kms:EncryptionContext:a}'
const letters = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => String.fromCodePoint(first + i)).join('')

const attacks: Readonly<
  Record<string, { statement: object; value: string | readonly string[]; key?: string }>
> = {
  'wildcards in turn': { statement: packed('StringLike', () => '?*?*b?*'), value: 'a'.repeat(CONTEXT) },
  'stars with a letter between': {
    statement: packed('StringLike', () => '*a?b*'),
    value: 'a'.repeat(CONTEXT),
  },
  'few patterns, each as long as may be': {
    statement: packed('StringLike', () => `*${'a?'.repeat(1000)}b*`),
    value: 'a'.repeat(CONTEXT),
  },
  'patterns against many values': {
    statement: packed('ForAnyValue:StringLike', () => '?*x', 'kms:EncryptionContextKeys'),
    value: Array.from({ length: 2700 }, (_, i) => `k${i}`),
    key: 'kms:encryptioncontextkeys',
  },
  'texts against many values': {
    statement: packed('ForAllValues:StringNotEquals', (i) => `x${i}`, 'kms:EncryptionContextKeys'),
    value: Array.from({ length: 2700 }, (_, i) => `k${i}`),
    key: 'kms:encryptioncontextkeys',
  },
  'variables that bring a long value each': {
    statement: packed('StringLike', () => `?${variable}?`),
    value: 'a'.repeat(CONTEXT),
  },
  'variables side by side': {
    statement: packed('StringLike', () => `?${variable.repeat(70)}`),
    value: 'a'.repeat(CONTEXT),
  },
  'variables that bring many different characters': {
    statement: packed('StringLike', () => `*${variable}?*`),
    value: letters(0x3000, 2600),
  },
  'a long text in any case': {
    statement: packed('StringEqualsIgnoreCase', (i) => `x${i}`),
    value: 'İ'.repeat(CONTEXT / 2),
  },
  'a long number': { statement: packed('NumericEquals', (i) => String(i)), value: '1'.repeat(CONTEXT) },
  'what is nearly a number': {
    statement: packed('NumericEquals', (i) => String(i)),
    value: `${'1'.repeat(CONTEXT)}x`,
  },
  'a long date': { statement: packed('DateEquals', () => '2020'), value: `${'1'.repeat(CONTEXT)}.` },
  'long bytes': { statement: packed('BinaryEquals', () => 'AAAA'), value: 'QUFB'.repeat(CONTEXT / 4) },
  'a long ARN': {
    statement: packed('ArnLike', () => 'arn:?*?*b*:*:*:*:*a?b*'),
    value: `arn:${'a'.repeat(3900)}:a:a:a:${'a'.repeat(3900)}`,
  },
  'a long address': { statement: packed('IpAddress', () => '1.1.1.1'), value: ':'.repeat(CONTEXT) },
  'conditions on names that are not there': {
    statement: packedConditions('StringNotEquals'),
    value: 'a'.repeat(CONTEXT),
  },
}

function factsOf(attack: (typeof attacks)[string], resource = keyArn): DecisionFacts {
  const { key = 'kms:encryptioncontext:a', value } = attack
  const document = parsePolicy(JSON.stringify(policyOf(attack.statement)), 'resource')
  return {
    request: {
      action: 'kms:Encrypt',
      resource,
      principal: { type: 'user', accountId: ACCOUNT, arn: userArn, id: 'AIDAEXAMPLE' },
      context: { get: (asked): ContextValue | undefined => (asked === key ? value : undefined) },
    },
    resourceAccountId: ACCOUNT,
    resourceRule: 'kms-key',
    resourcePolicy: compilePolicy(document, { type: 'resource' }),
    identityPolicies: [],
    serviceControl: [],
    resourceControl: [],
  }
}

const ACCOUNT = '111122223333'
const userArn = `arn:aws:iam::${ACCOUNT}:user/mallory`
const keyArn = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`

/** Of one call among several, so that what the clock of a thread cannot tell apart does not matter. */
function cpuMsOf(work: () => void, times = 10): number {
  work()
  const start = process.threadCpuUsage()
  for (let i = 0; i < times; i++) work()
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1000 / times
}

for (const [name, attack] of Object.entries(attacks)) {
  test(`one decision is cheap whatever the policy and the request: ${name}`, () => {
    const facts = factsOf(attack)
    const cpuMs = cpuMsOf(() => decide(facts))
    assert.ok(cpuMs < MOST_CPU_MS, `${cpuMs.toFixed(1)} ms`)
  })

  test(`a policy of ${POLICY} characters is read and made ready in little time: ${name}`, () => {
    const text = JSON.stringify(policyOf(attack.statement))
    const cpuMs = cpuMsOf(() => compilePolicy(parsePolicy(text, 'resource'), { type: 'resource' }), 5)
    assert.ok(cpuMs < 2 * MOST_CPU_MS, `${cpuMs.toFixed(1)} ms`)
  })
}

test('what is too much effort is refused, the same way each time, whatever the rest of the policies says', () => {
  const facts = factsOf({
    ...attacks['wildcards in turn']!,
    statement: packed('StringLike', () => '?*?*b?*'),
  })
  const allowAll = compilePolicy(
    parsePolicy(JSON.stringify(policyOf({ Effect: 'Allow', Action: '*', Resource: '*' })), 'identity'),
    { type: 'identity' },
  )
  for (let round = 0; round < 3; round++) {
    const decision = decide({
      ...facts,
      identityPolicies: [allowAll],
      grant: { grantId: 'g', resourceArn: keyArn },
    })
    assert.deepEqual(decision.reason, { type: 'too-much-effort', hidden: false })
    assert.equal(decision.allowed, false)
    assert.equal(decision.couldBeGranted, false)
    assert.equal(
      denialText({ principalArn: userArn, action: 'kms:Encrypt', resourceArn: keyArn }, decision),
      `User: ${userArn} is not authorized to perform: kms:Encrypt on resource: ${keyArn} because the policies ` +
        'that apply take too much effort to evaluate for this request',
    )
  }
  const abroad = decide({ ...facts, resourceAccountId: '444455556666' })
  assert.deepEqual(abroad.reason, { type: 'too-much-effort', hidden: true })
})

test('a policy that people would write is far below the bound', () => {
  const tenants = Array.from({ length: 300 }, (_, i) => `arn:aws:s3:::tenant-${i}-*/*/part-?`)
  const value = `arn:aws:s3:::tenant-299-${'x'.repeat(300)}/documents/part-7`
  const decision = decide(
    factsOf({ statement: statement({ StringLike: { 'kms:EncryptionContext:a': tenants } }), value }),
  )
  assert.equal(decision.allowed, true)
})

test('over HTTP such a policy and such a context are a refusal, and others are served as before', async (t) => {
  const server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  after(() => server.stop())
  const root = kmsClient(server)
  const neighbour = await newKey(root)
  const key = await newKey(root)
  const mallory = kmsClient(server, {
    credentials: await newUser(
      iamClient(server),
      'mallory',
      policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }),
    ),
  })
  const cpuSeconds = async () => {
    const text = await (await fetch(`${server.url}/-/metrics`)).text()
    return Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)?.[1])
  }
  const administrators = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
    Action: ['kms:PutKeyPolicy', 'kms:DescribeKey'],
    Resource: '*',
  }
  for (const name of [
    'wildcards in turn',
    'variables that bring a long value each',
    'variables side by side',
  ]) {
    const packedStatement = attacks[name]!.statement
    const Policy = JSON.stringify(policyOf(administrators, packedStatement))
    assert.ok(Policy.length <= POLICY, String(Policy.length))
    await mallory.putKeyPolicy({ KeyId: key.id, PolicyName: 'default', Policy })
    const request = {
      KeyId: key.id,
      Plaintext: Buffer.from('x'),
      EncryptionContext: { a: 'a'.repeat(CONTEXT) },
    }
    const before = await cpuSeconds()
    const rounds = 10
    for (let round = 0; round < rounds; round++) {
      const [, answered] = await Promise.all([
        assertRefused(mallory.encrypt(request), 'AccessDeniedException', /take too much effort to evaluate/),
        root.encrypt({ KeyId: neighbour.id, Plaintext: Buffer.from('x') }),
      ])
      assert.ok(answered.CiphertextBlob)
    }
    const each = ((await cpuSeconds()) - before) / rounds
    t.diagnostic(`${name}: ${(each * 1000).toFixed(1)} ms of the server's CPU for each round`)
    assert.ok(each < 0.1, `${name}: ${each} s for each round`)
    // Nobody has locked themselves out with it.
    await mallory.describeKey({ KeyId: key.id })
  }
})

test('SimulateCustomPolicy asks no more questions than its page holds, however many its lists come to', async () => {
  const server = await startServer()
  after(() => server.stop())
  const iam = iamClient(server)
  const answer = await iam.simulateCustomPolicy({
    PolicyInputList: [JSON.stringify(policyOf({ Effect: 'Allow', Action: '*', Resource: '*' }))],
    ActionNames: Array.from({ length: 2000 }, (_, i) => `kms:A${i}`),
    ResourceArns: Array.from({ length: 2000 }, (_, i) => `arn:aws:kms:us-east-1:${ACCOUNT}:key/${i}`),
    MaxItems: 5,
  })
  assert.equal(answer.EvaluationResults?.length, 5)
  assert.equal(answer.IsTruncated, true)
  const next = await iam.simulateCustomPolicy({
    PolicyInputList: [JSON.stringify(policyOf({ Effect: 'Allow', Action: '*', Resource: '*' }))],
    ActionNames: ['kms:A', 'kms:B'],
    ResourceArns: ['arn:aws:kms:us-east-1:1:key/1', 'arn:aws:kms:us-east-1:1:key/2'],
    MaxItems: 3,
  })
  assert.deepEqual(
    next.EvaluationResults?.map(({ EvalActionName, EvalResourceName }) => [
      EvalActionName,
      EvalResourceName?.slice(-1),
    ]),
    [
      ['kms:A', '1'],
      ['kms:A', '2'],
      ['kms:B', '1'],
    ],
  )
})
