import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  paginateListAliases,
  type CustomerMasterKeySpec,
  type KeySpec,
  type KeyUsageType,
  type KMS,
} from '@aws-sdk/client-kms'
import { assertRefusedWith } from '../identity-clients.ts'
import { kmsClient } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer, type ServerProcess } from '../server-process.ts'

/**
 * What Terraform's AWS provider calls for `aws_kms_key` with a `customer_master_key_spec`, for the data sources
 * `aws_kms_public_key` and `aws_kms_key`, and for an alias of such a key.
 */

let server: ServerProcess
let kms: KMS
before(async () => {
  server = await startServer()
  kms = kmsClient(server)
})
after(() => server.stop())

interface Configured {
  /** What the provider calls `customer_master_key_spec`, and sends as KeySpec. */
  readonly spec: KeySpec
  readonly usage: KeyUsageType
  readonly algorithms: readonly string[]
  /** Specs that came after CustomerMasterKeySpec was given up are not told under that name. */
  readonly isYounger?: true
}

const oaep = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256']
const rsaSigning = ['PKCS1_V1_5', 'PSS'].flatMap((padding) =>
  [256, 384, 512].map((bits) => `RSASSA_${padding}_SHA_${bits}`),
)

/** Every value that the provider takes outside China, as AWS documents it. */
const configured: readonly Configured[] = [
  { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT', algorithms: ['SYMMETRIC_DEFAULT'] },
  ...(['RSA_2048', 'RSA_3072', 'RSA_4096'] as const).flatMap((spec) => [
    { spec, usage: 'ENCRYPT_DECRYPT', algorithms: oaep } as const,
    { spec, usage: 'SIGN_VERIFY', algorithms: rsaSigning } as const,
  ]),
  ...(['256', '384', '521'] as const).flatMap((bits) => {
    const spec = `ECC_NIST_P${bits}` as const
    const algorithms = [`ECDSA_SHA_${bits === '521' ? '512' : bits}`]
    return [
      { spec, usage: 'SIGN_VERIFY', algorithms } as const,
      { spec, usage: 'KEY_AGREEMENT', algorithms: ['ECDH'] } as const,
    ]
  }),
  { spec: 'ECC_SECG_P256K1', usage: 'SIGN_VERIFY', algorithms: ['ECDSA_SHA_256'] },
  {
    spec: 'ECC_NIST_EDWARDS25519',
    usage: 'SIGN_VERIFY',
    algorithms: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'],
    isYounger: true,
  },
  ...(['224', '256', '384', '512'] as const).map(
    (bits) =>
      ({
        spec: `HMAC_${bits}`,
        usage: 'GENERATE_VERIFY_MAC',
        algorithms: [`HMAC_SHA_${bits}`],
      }) as const,
  ),
  ...(['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'] as const).map(
    (spec) => ({ spec, usage: 'SIGN_VERIFY', algorithms: ['ML_DSA_SHAKE_256'], isYounger: true }) as const,
  ),
  ...(['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] as const).map(
    (spec) => ({ spec, usage: 'ENCAPSULATE_DECAPSULATE', algorithms: ['ML_KEM'], isYounger: true }) as const,
  ),
]

const tags = [{ TagKey: 'Name', TagValue: 'app' }]

/** The provider always says spec and usage, its own defaults when the configuration is silent. */
const create = (spec: KeySpec, usage: KeyUsageType = 'ENCRYPT_DECRYPT') =>
  kms.createKey({
    BypassPolicyLockoutSafetyCheck: false,
    KeySpec: spec,
    KeyUsage: usage,
    Description: `${spec} for ${usage}`,
    Tags: tags,
  })

/** The provider's read of a key, of any type: what it cannot read fails the whole plan. */
async function read(KeyId: string) {
  const { KeyMetadata } = await kms.describeKey({ KeyId })
  const { Policy } = await kms.getKeyPolicy({ KeyId, PolicyName: 'default' })
  const { KeyRotationEnabled } = await kms.getKeyRotationStatus({ KeyId })
  const { Tags } = await kms.listResourceTags({ KeyId })
  return { KeyMetadata, policy: JSON.parse(Policy ?? '') as unknown, KeyRotationEnabled, Tags }
}

/** The members that name a key's algorithms; a key has one of them. */
function algorithmsIn(answer: object): readonly string[] {
  const named = Object.entries(answer).filter(([name]) => name.endsWith('Algorithms'))
  assert.equal(named.length, 1, JSON.stringify(named))
  return named[0]?.[1] as string[]
}

for (const { spec, usage, algorithms, isYounger } of configured) {
  const isPair = !/^(SYMMETRIC|HMAC)/.test(spec)

  describe(`aws_kms_key with ${spec} for ${usage}`, () => {
    let KeyId: string

    test('it is created, read, and its plan is empty: no member that was set comes back otherwise', async () => {
      const { KeyMetadata: made } = await create(spec, usage)
      KeyId = made?.KeyId ?? ''
      const first = await read(KeyId)
      const { KeyMetadata } = first
      assert.deepEqual(
        [KeyMetadata?.KeySpec, KeyMetadata?.KeyUsage, KeyMetadata?.Origin, KeyMetadata?.MultiRegion],
        [spec, usage, 'AWS_KMS', false],
      )
      assert.equal(first.KeyRotationEnabled, false)
      assert.deepEqual(first.Tags, tags)
      assert.deepEqual(algorithmsIn(KeyMetadata ?? {}), algorithms)
      const deprecated = isYounger ? undefined : (spec as CustomerMasterKeySpec)
      assert.equal(KeyMetadata?.CustomerMasterKeySpec, deprecated)
      assert.deepEqual(await read(KeyId), first)
    })

    test('data.aws_kms_public_key has its public key, or says that there is none', async () => {
      if (!isPair) {
        await assertRefused(kms.getPublicKey({ KeyId }), 'UnsupportedOperationException', /./)
        return
      }
      const { KeyMetadata } = await kms.describeKey({ KeyId })
      const shown = await kms.getPublicKey({ KeyId })
      assert.equal(shown.KeyId, KeyMetadata?.Arn)
      assert.equal(shown.CustomerMasterKeySpec, KeyMetadata?.CustomerMasterKeySpec)
      assert.equal(shown.KeyUsage, usage)
      assert.deepEqual(algorithmsIn(shown), algorithms)
      const der = Buffer.from(shown.PublicKey ?? [])
      const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`
      const exported = createPublicKey(pem).export({ type: 'spki', format: 'der' })
      assert.deepEqual(exported, der)
    })

    test('it is disabled and enabled, and deleted', async () => {
      await kms.disableKey({ KeyId })
      assert.equal((await read(KeyId)).KeyMetadata?.Enabled, false)
      await kms.enableKey({ KeyId })
      assert.equal((await read(KeyId)).KeyMetadata?.Enabled, true)
      await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
      assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState, 'PendingDeletion')
    })
  })
}

test('a spec without a key_usage gets the provider’s default, which AWS refuses for all but two kinds', async () => {
  for (const { spec } of configured) {
    if (/^(SYMMETRIC|RSA)/.test(spec)) {
      assert.equal((await create(spec)).KeyMetadata?.KeyUsage, 'ENCRYPT_DECRYPT')
    } else {
      await assertRefused(
        create(spec),
        'ValidationException',
        `KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec ${spec}`,
      )
    }
  }
})

test('aws_kms_alias moves between keys of one type and usage, and is refused between others', async () => {
  const id = async (spec: KeySpec, usage: KeyUsageType) => (await create(spec, usage)).KeyMetadata?.KeyId
  const first = await id('ECC_NIST_P256', 'SIGN_VERIFY')
  const AliasName = 'alias/signing'
  await kms.createAlias({ AliasName, TargetKeyId: first })
  const target = async () => {
    for await (const { Aliases = [] } of paginateListAliases({ client: kms }, {})) {
      const found = Aliases.find((alias) => alias.AliasName === AliasName)
      if (found !== undefined) return found.TargetKeyId
    }
    return undefined
  }
  assert.equal(await target(), first)
  // The type is asymmetric, whatever the spec: an ECC key may follow an RSA key that signs.
  const second = await id('RSA_2048', 'SIGN_VERIFY')
  await kms.updateAlias({ AliasName, TargetKeyId: second })
  assert.equal(await target(), second)
  for (const other of [
    await id('RSA_2048', 'ENCRYPT_DECRYPT'),
    await id('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'),
    await id('HMAC_256', 'GENERATE_VERIFY_MAC'),
    await id('ECC_NIST_P256', 'KEY_AGREEMENT'),
  ]) {
    await assertRefusedWith(kms.updateAlias({ AliasName, TargetKeyId: other }), 'ValidationException', 400)
  }
  assert.equal(await target(), second)
})
