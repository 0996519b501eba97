import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validatePolicy } from '../analysis/validate-policy.ts'
import { parsePolicy } from '../document.ts'
import { fillTemplate, requireTemplate, TemplateError } from './fill-template.ts'
import { templates } from './templates.ts'

const examples: Readonly<Record<string, string>> = {
  account: '111122223333',
  partner: '444455556666',
  administrators: 'arn:aws:iam::111122223333:role/KeyAdmin,arn:aws:iam::111122223333:user/ops/alice',
  users: 'arn:aws:iam::111122223333:role/App',
  principals: 'arn:aws:iam::111122223333:role/App',
  tenant: 'acme',
  key: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  region: 'us-east-1',
  service: 's3',
}

const valuesOf = (name: string): Map<string, string> =>
  new Map(
    Object.entries(requireTemplate(name).parameters).flatMap(([parameter, { standard }]) => {
      const value = examples[parameter] ?? standard
      return value === undefined ? [] : [[parameter, value] as const]
    }),
  )

for (const [name, { kind }] of Object.entries(templates)) {
  test(`template ${name} makes a policy without an error or a warning`, () => {
    const text = fillTemplate(name, valuesOf(name))
    parsePolicy(text, kind === 'key' ? 'resource' : 'identity')
    assert.deepEqual(validatePolicy(text, kind), [])
  })

  test(`template ${name} refuses a value that could mean something else`, () => {
    for (const parameter of valuesOf(name).keys()) {
      for (const value of [
        '',
        '*',
        '"',
        'a b',
        '${aws:username}',
        `${examples[parameter] ?? 'x'},*`,
        'x\n',
      ]) {
        const values = valuesOf(name).set(parameter, value)
        assert.throws(() => fillTemplate(name, values), TemplateError, `${parameter}=${value}`)
      }
    }
    assert.throws(() => fillTemplate(name, valuesOf(name).set('extra', 'x')), /has no parameter extra/)
  })
}

test('a policy for a China Region names accounts, keys and services as they are called there', () => {
  for (const name of Object.keys(templates)) {
    const values = valuesOf(name)
    for (const [parameter, value] of values)
      values.set(parameter, value.replaceAll('arn:aws:', 'arn:aws-cn:'))
    if (values.has('region')) values.set('region', 'cn-north-1')
    if (values.has('partition')) values.set('partition', 'aws-cn')
    const text = fillTemplate(name, values)
    assert.doesNotMatch(text, /arn:aws:|amazonaws\.com"/, name)
  }
})

test('a value that is needed must be given, one with a standard need not', () => {
  assert.throws(
    () => fillTemplate('cross-account-user', new Map()),
    /cross-account-user needs key: the ARN of a key/,
  )
  const values = valuesOf('mfa-for-dangerous-calls')
  values.delete('max-age')
  assert.match(fillTemplate('mfa-for-dangerous-calls', values), /"aws:MultiFactorAuthAge": "300"/)
  assert.throws(
    () => requireTemplate('toString'),
    /there is no template toString; there are administrator-and-user, /,
  )
})
