import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { factsOf, keySpecsIn } from '../../keys/specs.ts'
import { operationNames } from './operation-names.ts'
import { awsRate, countingOf, quotaClasses, type Charge } from './request-quotas.ts'
import { requestRates, UnknownQuotaClassError } from './request-rates.ts'
import { supportedOperations } from './service.ts'

const at = (name: string) => {
  const place = quotaClasses.indexOf(name)
  assert.notEqual(place, -1, name)
  return place
}

/** The classes that a request counts in, with its tokens and Region where it is not one in its own. */
function counted(operation: string, request: Record<string, unknown> = {}): string[] {
  const counting = countingOf(operation)
  const shown = ({ at: place, tokens, region }: Charge) =>
    [quotaClasses[place], ...(tokens > 1 ? [tokens] : []), ...(region === undefined ? [] : [region])].join(
      ' ',
    )
  if ('charge' in counting) return [shown(counting.charge)]
  const first = counting.chargeOf(request)
  const second = counting.secondOf?.(request)
  return second === undefined || second === first ? [shown(first)] : [shown(first), shown(second)]
}

test('every operation that is served counts in a class, and custom key stores alone have none', () => {
  for (const name of supportedOperations) assert.ok(counted(name).length > 0, name)
  const without = operationNames.filter((name) => {
    try {
      countingOf(name)
      return false
    } catch {
      return true
    }
  })
  assert.deepEqual(without, [
    'ConnectCustomKeyStore',
    'CreateCustomKeyStore',
    'DeleteCustomKeyStore',
    'DescribeCustomKeyStores',
    'DisconnectCustomKeyStore',
    'UpdateCustomKeyStore',
  ])
})

test('a cryptographic operation counts by the family of keys that its algorithm goes with', () => {
  assert.deepEqual(counted('Encrypt'), ['Cryptographic.symmetric'])
  assert.deepEqual(counted('Decrypt', { EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }), ['Cryptographic.RSA'])
  assert.deepEqual(counted('Encrypt', { EncryptionAlgorithm: 'SM2PKE' }), ['Cryptographic.ECC'])
  assert.deepEqual(counted('Sign', { SigningAlgorithm: 'RSASSA_PSS_SHA_512' }), ['Cryptographic.RSA'])
  assert.deepEqual(counted('Verify', { SigningAlgorithm: 'ED25519_PH_SHA_512' }), ['Cryptographic.ECC'])
  assert.deepEqual(counted('Sign', { SigningAlgorithm: 'SM2DSA' }), ['Cryptographic.ECC'])
  assert.deepEqual(counted('Sign', { SigningAlgorithm: 'ML_DSA_SHAKE_256' }), ['Cryptographic.ML_DSA'])
  assert.deepEqual(counted('DeriveSharedSecret', { KeyAgreementAlgorithm: 'ECDH' }), ['Cryptographic.ECC'])
  assert.deepEqual(counted('GenerateMac', { MacAlgorithm: 'HMAC_SHA_224' }), ['Cryptographic.symmetric'])
  assert.deepEqual(counted('Decapsulate'), ['Cryptographic.ML_KEM'])
  assert.deepEqual(counted('GenerateRandom'), ['Cryptographic.symmetric'])
  assert.deepEqual(counted('GenerateDataKey'), ['Cryptographic.symmetric'])
})

test('no algorithm goes with keys of two classes, so the class tells nothing of a key', () => {
  const operationOf = {
    ENCRYPT_DECRYPT: ['Encrypt', 'EncryptionAlgorithm'],
    SIGN_VERIFY: ['Sign', 'SigningAlgorithm'],
    GENERATE_VERIFY_MAC: ['GenerateMac', 'MacAlgorithm'],
    KEY_AGREEMENT: ['DeriveSharedSecret', 'KeyAgreementAlgorithm'],
    ENCAPSULATE_DECAPSULATE: ['Encapsulate', ''],
  } as const
  const families = new Map<string, Set<string>>()
  for (const spec of new Set([...keySpecsIn('aws'), ...keySpecsIn('aws-cn')])) {
    for (const [usage, algorithms] of Object.entries(factsOf(spec).usages)) {
      const [operation, member] = operationOf[usage as keyof typeof operationOf]
      for (const algorithm of algorithms) {
        const classes = families.get(algorithm) ?? new Set()
        for (const name of counted(operation, { [member]: algorithm })) classes.add(name)
        families.set(algorithm, classes)
      }
    }
  }
  assert.ok(families.size > 20)
  for (const [algorithm, classes] of families) assert.equal(classes.size, 1, algorithm)
})

test('ReEncrypt counts once, or in both classes when it goes from one to the other', () => {
  assert.deepEqual(counted('ReEncrypt'), ['Cryptographic.symmetric'])
  const fromRsa = { SourceEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }
  assert.deepEqual(counted('ReEncrypt', fromRsa), ['Cryptographic.RSA', 'Cryptographic.symmetric'])
  const amongRsa = { ...fromRsa, DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }
  assert.deepEqual(counted('ReEncrypt', amongRsa), ['Cryptographic.RSA'])
})

test('a replica counts as two keys where it is made, and a move of the primary in both Regions', () => {
  const replicate = { KeyId: 'mrk-1', ReplicaRegion: 'eu-west-1' }
  assert.deepEqual(counted('ReplicateKey', replicate), ['ReplicateKey', 'CreateKey 2 eu-west-1'])
  const move = { KeyId: 'mrk-1', PrimaryRegion: 'eu-west-1' }
  assert.deepEqual(counted('UpdatePrimaryRegion', move), [
    'UpdatePrimaryRegion',
    'UpdatePrimaryRegion eu-west-1',
  ])
})

test("AWS's figures are those of the Region", () => {
  assert.equal(awsRate('Cryptographic.symmetric', 'us-east-1'), 100_000)
  assert.equal(awsRate('Cryptographic.symmetric', 'eu-central-1'), 20_000)
  assert.equal(awsRate('Cryptographic.symmetric', 'eu-north-1'), 10_000)
  assert.equal(awsRate('Cryptographic.symmetric', 'cn-north-1'), 10_000)
  assert.equal(awsRate('GenerateDataKeyPair.RSA_3072', 'eu-north-1'), 4)
  assert.equal(awsRate('GenerateDataKeyPair.RSA_3072', 'cn-north-1'), 0.5)
  assert.equal(awsRate('CreateKey', 'us-east-1'), 5)
  assert.equal(awsRate('GetParametersForImport', 'us-east-1'), 1)
})

test('what is said of an account or a Region holds there only, and of two the later one', () => {
  const ratesOf = requestRates({
    aws: true,
    own: [
      { rates: new Map([['CreateKey', 50]]) },
      { accountId: '111122223333', rates: new Map([['CreateKey', 7]]) },
      { accountId: '111122223333', region: 'eu-west-1', rates: new Map([['CreateKey', Infinity]]) },
    ],
  })
  assert.equal(ratesOf('444455556666', 'eu-west-1')[at('CreateKey')], 50)
  assert.equal(ratesOf('111122223333', 'us-east-1')[at('CreateKey')], 7)
  assert.equal(ratesOf('111122223333', 'eu-west-1')[at('CreateKey')], Infinity)
  assert.equal(ratesOf('111122223333', 'eu-west-1')[at('CreateAlias')], 5)
})

test("without AWS's figures only what is said is limited, and an unknown class is an error", () => {
  const ratesOf = requestRates({ aws: false, own: [{ rates: new Map([['CreateKey', 2]]) }] })
  const rates = ratesOf('111122223333', 'us-east-1')
  assert.equal(rates[at('CreateKey')], 2)
  assert.equal(rates[at('CreateAlias')], Infinity)
  assert.throws(
    () => requestRates({ aws: true, own: [{ rates: new Map([['CreateKeys', 2]]) }] }),
    UnknownQuotaClassError,
  )
})

test('docs/quotas.md has every class of requests with its figure, and no other', () => {
  const page = readFileSync(new URL('../../../../docs/quotas.md', import.meta.url), 'utf8')
  const shown = new Map<string, number>()
  for (const [, names = '', figure = ''] of page.matchAll(/^\| (`[^|]+`) \| ([\d,]+)[^|]* \|/gm)) {
    const [first = ''] = names.split('.')
    for (const [, name = ''] of names.matchAll(/`([\w.]+)`/g))
      shown.set(name.startsWith('.') ? `${first.slice(1)}${name}` : name, Number(figure.replaceAll(',', '')))
  }
  const known = quotaClasses.map((name) => [name, awsRate(name, 'eu-north-1')] as const)
  const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => a.localeCompare(b)
  assert.deepEqual([...shown].toSorted(byName), [...known].toSorted(byName))
})
