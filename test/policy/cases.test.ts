import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide, type Decision } from '../../server/src/policy/decision.ts'
import { MalformedPolicyError, parsePolicy, type PolicyKind } from '../../server/src/policy/document.ts'
import {
  caseFileNames,
  compiled,
  contextOf,
  factsOf,
  readCaseFile,
  type Context,
  type DecisionCase,
  type Expected,
} from './case-files.ts'

/** How many there are, so that a file that was not read is noticed. */
const decisionFiles = {
  'decision.json': 94,
  'language.json': 63,
  'principals.json': 36,
  'published-practice.json': 68,
}

for (const [file, count] of Object.entries(decisionFiles)) {
  const { cases } = readCaseFile<{ cases: DecisionCase[] }>(file)

  test(`${file} holds its ${count} cases, each under a name of its own`, () => {
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length)
    assert.equal(cases.length, count)
  })

  for (const one of cases) {
    test(`${file}: ${one.name}`, () => {
      const facts = factsOf(one)
      const decision = decide(facts)
      assert.deepEqual(seen(decision, one.expected), one.expected)
      // To explain a decision changes nothing of it.
      const { statements, ...explained } = decide(facts, { explain: true })
      assert.deepEqual({ ...explained, statements: [] }, decision)
      if (decision.reason.type === 'explicit-deny') {
        const { source, statement } = decision.reason
        assert.ok(
          statements.some(
            (match) => match.effect === 'Deny' && match.source === source && match.index === statement.index,
          ),
        )
      }
    })
  }
}

/** What a case says of a decision; `couldBeGranted` only where it does. */
function seen({ allowed, reason, couldBeGranted }: Decision, expected: Expected): object {
  if (reason.type === 'allowed') return { allowed, by: reason.by }
  const hidden = reason.hidden ? { hidden: true } : {}
  const granted = !expected.allowed && 'couldBeGranted' in expected ? { couldBeGranted } : {}
  switch (reason.type) {
    case 'quarantine':
      return { allowed, quarantine: reason.quarantine.of, ...hidden, ...granted }
    case 'explicit-deny':
      return { allowed, deniedBy: reason.source.type, ...hidden, ...granted }
    case 'too-much-effort':
      return { allowed, tooMuchEffort: true, ...hidden, ...granted }
    case 'implicit-deny':
      return { allowed, missing: reason.missing, ...hidden, ...granted }
  }
}

interface ConditionCase {
  readonly name: string
  readonly condition: object
  readonly context: Context
  readonly satisfied: boolean
}

const { cases: conditions } = readCaseFile<{ cases: ConditionCase[] }>('conditions.json')

test('conditions.json holds its cases, each under a name of its own', () => {
  assert.equal(new Set(conditions.map(({ name }) => name)).size, conditions.length)
  assert.equal(conditions.length, 174)
})

for (const { name, condition, context, satisfied } of conditions) {
  test(`conditions.json: ${name}`, () => {
    for (const effect of ['Allow', 'Deny'] as const) {
      const policy = compiled(
        {
          Version: '2012-10-17',
          Statement: { Effect: effect, Action: 'kms:*', Resource: '*', Condition: condition },
        },
        'identity',
      )
      const [statement] = policy.statementsOn('kms:Decrypt')
      const request = {
        action: 'kms:Decrypt',
        resource: '*',
        principal: { type: 'anonymous' },
        context: contextOf(context),
      } as const
      assert.equal(statement?.match(request) !== 0, satisfied, effect)
    }
  })
}

interface MalformedCase {
  readonly name: string
  readonly kind: PolicyKind
  /** The text as it is, or what is written as JSON. */
  readonly text?: string
  readonly policy?: object
  readonly message: string
  readonly at?: readonly (string | number)[]
}

const { malformed, wellFormed } = readCaseFile<{
  malformed: MalformedCase[]
  wellFormed: { name: string; kind: PolicyKind; policy: object }[]
}>('malformed.json')

test('malformed.json holds its cases', () => {
  assert.deepEqual([malformed.length, wellFormed.length], [73, 11])
})

for (const { name, kind, text, policy, message, at } of malformed) {
  test(`malformed.json: ${name}`, () => {
    const whole = text ?? JSON.stringify(policy)
    const refusal = refusalOf(whole, kind)
    assert.equal(refusal?.message, message)
    if (at !== undefined) assert.deepEqual(refusal?.location.path, at)
    const { offset, end } = refusal?.location ?? { offset: -1, end: { offset: -1 } }
    assert.ok(0 <= offset && offset <= end.offset && end.offset <= whole.length)
  })
}

function refusalOf(text: string, kind: PolicyKind): MalformedPolicyError | undefined {
  try {
    parsePolicy(text, kind)
    return undefined
  } catch (error) {
    if (error instanceof MalformedPolicyError) return error
    throw error
  }
}

for (const { name, kind, policy } of wellFormed) {
  test(`malformed.json, well formed: ${name}`, () => {
    parsePolicy(JSON.stringify(policy), kind)
  })
}

test('every file of cases is read', () => {
  assert.deepEqual(
    caseFileNames(),
    [...Object.keys(decisionFiles), 'conditions.json', 'malformed.json'].toSorted(),
  )
})
