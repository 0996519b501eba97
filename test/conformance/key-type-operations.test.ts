import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { iamClient, newUser, policyOf } from '../identity-clients.ts'
import { journalOf } from '../journal-of.ts'
import {
  ACCOUNT,
  agreement,
  kem,
  KeyAgreementAlgorithm,
  KeyPairSpec,
  keyTypeSubjects,
  macs,
  PublicKey,
  rsa,
  signing,
} from '../key-type-subjects.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer, type Credentials } from '../server-process.ts'

const SECOND = '444455556666'
const server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
const admin = kmsClient(server)
const iam = iamClient(server)
after(() => server.stop())
const second = await clientOfNewAccount(SECOND)

const subjects = keyTypeSubjects(admin)
const user = await newUser(iam, 'ada')
const ada = kmsClient(server, { credentials: user })
const adaArn = `arn:aws:iam::${ACCOUNT}:user/ada`
const administration = {
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  Action: 'kms:*',
  Resource: '*',
}
const denied = 'AccessDeniedException'

for (const { operation, key: request, call, conditions, noDryRun } of subjects) {
  const action = `kms:${operation}`
  const setPolicy = async (KeyId: string, ...statements: object[]) => {
    const Policy = JSON.stringify(policyOf(administration, ...statements))
    await admin.putKeyPolicy({ KeyId, Policy })
  }
  const allow = (AWS: string, Condition?: object) => ({
    Effect: 'Allow',
    Principal: { AWS },
    Action: action,
    Resource: '*',
    ...(Condition && { Condition }),
  })

  test(`${operation}: a key is named by its id, its ARN, an alias or an alias's ARN`, async () => {
    const { id, arn } = await newKey(admin, request)
    const AliasName = `alias/named-${operation}`
    await admin.createAlias({ AliasName, TargetKeyId: id })
    for (const KeyId of [id, arn, AliasName, arn.replace(`key/${id}`, AliasName)])
      await call(admin, { KeyId })
    await assertRefused(call(admin, { KeyId: 'nonsense' }), 'NotFoundException', "Invalid keyId 'nonsense'")
  })

  test(`${operation}: a grant of it allows it and nothing else does, whatever token is shown`, async () => {
    const key = await newKey(admin, request)
    const refusal = `User: ${adaArn} is not authorized to perform: ${action} on resource: ${key.arn} because no identity-based policy allows the ${action} action`
    await assertRefused(call(ada, { KeyId: key.id }), denied, refusal)
    const others = await admin.createGrant({
      KeyId: key.id,
      GranteePrincipal: adaArn,
      Operations: ['DescribeKey', 'RetireGrant'],
    })
    await assertRefused(call(ada, { KeyId: key.id, GrantTokens: [others.GrantToken ?? ''] }), denied, refusal)
    const { GrantId, GrantToken } = await admin.createGrant({
      KeyId: key.id,
      GranteePrincipal: adaArn,
      Operations: [operation],
    })
    await call(ada, { KeyId: key.id })
    await call(ada, { KeyId: key.arn, GrantTokens: [GrantToken ?? ''] })
    await assertRefused(
      call(ada, { KeyId: key.id, GrantTokens: ['bm8gdG9rZW4='] }),
      'InvalidGrantTokenException',
      /./,
    )
    await admin.revokeGrant({ KeyId: key.id, GrantId })
    await assertRefused(call(ada, { KeyId: key.id }), denied, refusal)
  })

  test(`${operation}: another account uses the key by its ARN when the key policy lets it, and learns nothing otherwise`, async () => {
    const key = await newKey(admin, request)
    await call(admin, { KeyId: key.id })
    const refusal =
      `User: arn:aws:iam::${SECOND}:root is not authorized to perform: ${action} on this resource because the resource ` +
      'does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access'
    await assertRefused(call(second, { KeyId: key.arn }), denied, refusal)
    await setPolicy(key.id, allow(SECOND))
    await call(second, { KeyId: key.arn })
    if (operation !== 'Decrypt') {
      await assertRefused(call(second, { KeyId: key.id }), 'NotFoundException', / does not exist$/)
    }
  })

  test(`${operation}: its condition keys allow and deny by what the request says`, async () => {
    const key = await newKey(admin, request)
    for (const [name, [said, another]] of Object.entries(conditions)) {
      const equals = (value: string) => ({ StringEquals: { [name]: value } })
      await setPolicy(key.id, allow(adaArn, equals(said)))
      await call(ada, { KeyId: key.id }).catch((error: unknown) => assert.fail(`${name}: ${String(error)}`))
      await setPolicy(key.id, allow(adaArn, equals(another)))
      await assertRefused(call(ada, { KeyId: key.id }), denied, /no identity-based policy allows/)
      await setPolicy(key.id, allow(adaArn), { ...allow(adaArn, equals(said)), Effect: 'Deny' })
      await assertRefused(
        call(ada, { KeyId: key.id }),
        denied,
        /with an explicit deny in a resource-based policy$/,
      )
      await setPolicy(key.id, allow(adaArn), { ...allow(adaArn, equals(another)), Effect: 'Deny' })
      await call(ada, { KeyId: key.id })
    }
  })

  test(`${operation}: a policy can go by the alias by which the key was named`, async () => {
    const key = await newKey(admin, request)
    const AliasName = `alias/asked-${operation}`
    await admin.createAlias({ AliasName, TargetKeyId: key.id })
    await setPolicy(key.id, allow(adaArn, { StringEquals: { 'kms:RequestAlias': AliasName } }))
    await call(ada, { KeyId: AliasName })
    await assertRefused(call(ada, { KeyId: key.id }), denied, /no identity-based policy allows/)
  })

  if (noDryRun === undefined) {
    test(`${operation}: a dry run tells what would stop it, and does nothing`, async () => {
      const key = await newKey(admin, request)
      const dry = (kms: KMS) => call(kms, { KeyId: key.id, DryRun: true })
      await call(admin, { KeyId: key.id })
      await assertRefused(
        dry(admin),
        'DryRunOperationException',
        'The request would have succeeded, but the DryRun option is set.',
      )
      await assertRefused(dry(ada), denied, /no identity-based policy allows/)
      await admin.disableKey({ KeyId: key.id })
      await assertRefused(dry(admin), 'DisabledException', `${key.arn} is disabled.`)
    })
  }

  test(`${operation}: a state that it does not work in is refused after authorization`, async () => {
    const key = await newKey(admin, request)
    await call(admin, { KeyId: key.id })
    await admin.disableKey({ KeyId: key.id })
    await assertRefused(call(ada, { KeyId: key.id }), denied, /no identity-based policy allows/)
    if (operation === 'GetPublicKey') await call(admin, { KeyId: key.id })
    else await assertRefused(call(admin, { KeyId: key.id }), 'DisabledException', `${key.arn} is disabled.`)
    await admin.scheduleKeyDeletion({ KeyId: key.id, PendingWindowInDays: 7 })
    await assertRefused(
      call(admin, { KeyId: key.id }),
      'KMSInvalidStateException',
      `${key.arn} is pending deletion.`,
    )
  })
}

test('records say with which algorithm, and nothing of what was given or made', async () => {
  const asked = []
  for (const subject of subjects) {
    const key = await newKey(admin, subject.key)
    await subject.call(admin, { KeyId: key.id })
    asked.push({ ...subject, ...key })
  }
  const { records } = await journalOf(server)
  for (const { operation, id, arn, key, recorded } of asked) {
    const record = records.findLast(
      ({ eventName, requestParameters }) => eventName === operation && requestParameters?.['keyId'] === id,
    )
    assert.deepEqual(record?.requestParameters, { keyId: id, ...recorded })
    assert.equal(record.responseElements, null)
    assert.equal(record.readOnly, true)
    assert.deepEqual(record.resources, [{ accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: arn }])
    // The material of other keys can only ever be the one.
    const { keyMaterialId } = record.additionalEventData ?? {}
    assert.equal(typeof keyMaterialId, Object.keys(key).length === 0 ? 'string' : 'undefined')
  }
})

test('a grant of an operation that its key cannot do is refused', async () => {
  for (const request of [signing, macs, agreement, kem, rsa, {}]) {
    const { id: KeyId } = await newKey(admin, request)
    for (const { operation, key } of subjects) {
      const fits =
        JSON.stringify(key) === JSON.stringify(request) ||
        (operation === 'GetPublicKey' && 'KeySpec' in request && request !== macs) ||
        (/^(En|De)crypt$/.test(operation) && !('KeySpec' in request))
      const grant = admin.createGrant({ KeyId, GranteePrincipal: adaArn, Operations: [operation] })
      if (fits) await grant
      else
        await assertRefused(grant, 'ValidationException', new RegExp(`^Operation ${operation} is not valid`))
    }
    if (!('KeySpec' in request)) continue
    await assertRefused(
      admin.createGrant({
        KeyId,
        GranteePrincipal: adaArn,
        Operations: ['DescribeKey'],
        Constraints: { EncryptionContextSubset: { a: 'b' } },
      }),
      'ValidationException',
      /^Encryption context constraints are not valid/,
    )
  }
})

test('random bytes come from no custom key store: there is none', async () => {
  await assertRefused(
    admin.generateRandom({ NumberOfBytes: 32, CustomKeyStoreId: 'cks-1234567890abcdef0' }),
    'CustomKeyStoreNotFoundException',
    "Custom key store 'cks-1234567890abcdef0' does not exist",
  )
  await assertRefused(
    ada.generateRandom({ NumberOfBytes: 32, CustomKeyStoreId: 'cks-1234567890abcdef0' }),
    denied,
    /no identity-based policy allows the kms:GenerateRandom action/,
  )
})

test('an answer for an attested enclave is not given in the clear instead', async () => {
  const Recipient = {
    KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const,
    AttestationDocument: Buffer.from('no document'),
  }
  const symmetric = await newKey(admin)
  const agreeing = await newKey(admin, agreement)
  for (const answer of [
    () => admin.generateDataKeyPair({ KeyId: symmetric.id, KeyPairSpec, Recipient }),
    () => admin.deriveSharedSecret({ KeyId: agreeing.id, KeyAgreementAlgorithm, PublicKey, Recipient }),
  ]) {
    await assertRefused(answer(), /Exception$/, /./)
  }
})

async function clientOfNewAccount(accountId: string): Promise<KMS> {
  const { dataDir } = server
  const account = await runKeywright(['account', 'create', accountId, '--name', 'second'], { dataDir })
  assert.equal(account.code, 0, account.stderr)
  const credentials = await runKeywright(['credentials', 'create', accountId, '--json'], { dataDir })
  assert.equal(credentials.code, 0, credentials.stderr)
  return kmsClient(server, { credentials: JSON.parse(credentials.stdout) as Credentials })
}

test('ReEncrypt asks of each key by the algorithm of its own side, and whether they are one key', async () => {
  const rsa = await newKey(admin, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
  const symmetric = await newKey(admin)
  const [fromAlgorithm, toAlgorithm] = ['RSAES_OAEP_SHA_256', 'SYMMETRIC_DEFAULT'] as const
  const { CiphertextBlob } = await admin.encrypt({
    KeyId: rsa.id,
    EncryptionAlgorithm: fromAlgorithm,
    Plaintext: Buffer.from('moved'),
  })
  const move = () =>
    ada.reEncrypt({
      CiphertextBlob,
      SourceKeyId: rsa.id,
      SourceEncryptionAlgorithm: fromAlgorithm,
      DestinationKeyId: symmetric.id,
    })
  const setPolicies = async (from: string, to: string, sameKey: string) => {
    const statement = (side: string, algorithm: string) => ({
      Effect: 'Allow',
      Principal: { AWS: adaArn },
      Action: `kms:ReEncrypt${side}`,
      Resource: '*',
      Condition: {
        StringEquals: { 'kms:EncryptionAlgorithm': algorithm },
        Bool: { 'kms:ReEncryptOnSameKey': sameKey },
      },
    })
    const put = (KeyId: string, more: object) =>
      admin.putKeyPolicy({ KeyId, Policy: JSON.stringify(policyOf(administration, more)) })
    await put(rsa.id, statement('From', from))
    await put(symmetric.id, statement('To', to))
  }
  await setPolicies(fromAlgorithm, toAlgorithm, 'false')
  assert.equal((await move()).DestinationEncryptionAlgorithm, toAlgorithm)
  for (const [from, to, sameKey] of [
    [toAlgorithm, toAlgorithm, 'false'],
    [fromAlgorithm, fromAlgorithm, 'false'],
    [fromAlgorithm, toAlgorithm, 'true'],
  ] as const) {
    await setPolicies(from, to, sameKey)
    await assertRefused(move(), denied, /no identity-based policy allows/)
  }
})
