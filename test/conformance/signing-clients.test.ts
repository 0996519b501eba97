import assert from 'node:assert/strict'
import { constants, createHash, createPublicKey, verify as verifyNatively, type KeyObject } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { paginateListKeys, type KMS, type SigningAlgorithmSpec } from '@aws-sdk/client-kms'
import { compactVerify, importSPKI, jwtVerify } from 'jose'
import { stsClient } from '../identity-clients.ts'
import { kmsClient } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer, type ServerProcess } from '../server-process.ts'

/** Programs that sign with a KMS key, call by call as they do it, and what others verify of theirs without a KMS. */

const ACCOUNT = '123456789012'
const ALIAS_ARN = `arn:aws:kms:us-east-1:${ACCOUNT}:alias`

let server: ServerProcess
let kms: KMS
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  kms = kmsClient(server)
})
after(() => server.stop())

const sha = (bits: string, message: Uint8Array) => createHash(`sha${bits}`).update(message).digest()

async function publicKeyOf(KeyId: string): Promise<KeyObject> {
  const { PublicKey } = await kms.getPublicKey({ KeyId })
  return createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' })
}

describe('cosign and what else uses sigstore’s provider for AWS KMS', () => {
  const payload = Buffer.from('{"critical":{"image":{"docker-manifest-digest":"sha256:…"}}}')
  /** What the provider reads of a key before it does anything, and the one algorithm that it then goes by. */
  async function fetchKey(keyId: string) {
    const publicKey = await publicKeyOf(keyId)
    const { KeyMetadata } = await kms.describeKey({ KeyId: keyId })
    const algorithm = KeyMetadata?.SigningAlgorithms?.[0]
    assert.ok(algorithm !== undefined)
    return { publicKey, algorithm, KeyMetadata }
  }

  for (const spec of ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'RSA_2048', 'RSA_4096'] as const) {
    test(`generate-key-pair, sign and verify with ${spec}, by alias, alias ARN, key id and key ARN`, async () => {
      const alias = `alias/cosign-${spec}`
      // It looks for the key first, and only this error lets it make one.
      await assertRefused(
        kms.getPublicKey({ KeyId: alias }),
        'NotFoundException',
        `Alias ${ALIAS_ARN}/cosign-${spec} is not found.`,
      )
      const made = await kms.createKey({
        CustomerMasterKeySpec: spec,
        KeyUsage: 'SIGN_VERIFY',
        Description: 'Created by Sigstore',
      })
      const { KeyId = '', Arn = '' } = made.KeyMetadata ?? {}
      await kms.createAlias({ AliasName: alias, TargetKeyId: KeyId })

      for (const name of [alias, `${ALIAS_ARN}/cosign-${spec}`, KeyId, Arn]) {
        const { publicKey, algorithm } = await fetchKey(name)
        // The hash goes by the algorithm's name; an RSA key's first one is PKCS #1 version 1.5.
        const Message = sha(algorithm.slice(-3), payload)
        const asked = { KeyId: name, Message, MessageType: 'DIGEST', SigningAlgorithm: algorithm } as const
        const { Signature } = await kms.sign(asked)
        assert.ok(Signature)
        assert.ok(verifyNatively(`sha${algorithm.slice(-3)}`, payload, publicKey, Signature))
        const verified = await kms.verify({ ...asked, Signature })
        assert.deepEqual([verified.SignatureValid, verified.KeyId], [true, Arn])
        await assertRefused(
          kms.verify({ ...asked, Message: sha(algorithm.slice(-3), Buffer.from('another')), Signature }),
          'KMSInvalidSignatureException',
          '',
        )
      }
      assert.match(
        (await fetchKey(alias)).KeyMetadata?.KeyId ?? '',
        /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      )
    })
  }
})

describe('Teleport’s keys of certificate authorities', () => {
  const cluster = { TagKey: 'TeleportCluster', TagValue: 'example.teleport.sh' }
  const made: string[] = []

  test('it asks who it is, then makes a tagged key for each authority and has its public key at once', async () => {
    assert.equal((await stsClient(server).getCallerIdentity({})).Account, ACCOUNT)
    for (const KeySpec of ['RSA_2048', 'ECC_NIST_P256'] as const) {
      const { KeyMetadata } = await kms.createKey({
        Description: 'Teleport CA key',
        KeySpec,
        KeyUsage: 'SIGN_VERIFY',
        Tags: [cluster],
        MultiRegion: false,
      })
      made.push(KeyMetadata?.Arn ?? '')
      assert.equal((await publicKeyOf(KeyMetadata?.Arn ?? '')).type, 'public')
    }
  })

  test('it signs digests of certificates, SSH’s with SHA-512 too', async () => {
    const [rsa = '', ec = ''] = made
    const certificate = Buffer.alloc(3000, 'ssh-rsa-cert-v01@openssh.com')
    for (const [KeyId, SigningAlgorithm] of [
      [rsa, 'RSASSA_PKCS1_V1_5_SHA_256'],
      [rsa, 'RSASSA_PKCS1_V1_5_SHA_512'],
      [ec, 'ECDSA_SHA_256'],
    ] as const) {
      const hash = SigningAlgorithm.slice(-3)
      const { Signature } = await kms.sign({
        KeyId,
        Message: sha(hash, certificate),
        MessageType: 'DIGEST',
        SigningAlgorithm,
      })
      assert.ok(verifyNatively(`sha${hash}`, certificate, await publicKeyOf(KeyId), Signature ?? Buffer.of()))
    }
  })

  test('it finds the keys of its cluster among all keys, and schedules the deletion of one that is not used', async () => {
    const own: string[] = []
    for await (const { Keys = [] } of paginateListKeys({ client: kms, pageSize: 1000 }, {})) {
      for (const { KeyArn } of Keys) {
        const { Tags = [] } = await kms.listResourceTags({ KeyId: KeyArn })
        if (Tags.some(({ TagKey, TagValue }) => TagKey === cluster.TagKey && TagValue === cluster.TagValue)) {
          own.push(KeyArn ?? '')
        }
      }
    }
    assert.deepEqual(own.toSorted(), made.toSorted())
    const KeyId = made[0]
    const { KeyMetadata } = await kms.describeKey({ KeyId })
    assert.equal(KeyMetadata?.KeyState, 'Enabled')
    assert.ok(KeyMetadata?.CreationDate instanceof Date)
    await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
    assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState, 'PendingDeletion')
  })
})

describe('JSON Web Signatures that the jose package verifies', () => {
  const claims = { iss: 'https://issuer.example', sub: 'orders', aud: 'shipping', exp: 4_102_444_800 }
  const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

  /** The signature as JWS wants it. ECDSA's r and s stand side by side there, and in ECDSA-Sig-Value in DER here. */
  function jwsSignature(signature: Uint8Array, coordinateBytes?: number): Buffer {
    if (coordinateBytes === undefined) return Buffer.from(signature)
    return Buffer.concat(integersOf(Buffer.from(signature)).map((integer) => fixed(integer, coordinateBytes)))
  }

  for (const [alg, KeySpec, SigningAlgorithm, coordinateBytes] of [
    ['ES256', 'ECC_NIST_P256', 'ECDSA_SHA_256', 32],
    ['ES384', 'ECC_NIST_P384', 'ECDSA_SHA_384', 48],
    ['ES512', 'ECC_NIST_P521', 'ECDSA_SHA_512', 66],
    ['RS256', 'RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256', undefined],
    ['PS384', 'RSA_2048', 'RSASSA_PSS_SHA_384', undefined],
    ['EdDSA', 'ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', undefined],
    ['ML-DSA-65', 'ML_DSA_65', 'ML_DSA_SHAKE_256', undefined],
  ] as const) {
    test(`${alg} with a key of ${KeySpec}`, async () => {
      const { KeyMetadata } = await kms.createKey({ KeySpec, KeyUsage: 'SIGN_VERIFY' })
      const KeyId = KeyMetadata?.KeyId ?? ''
      const pem = (await publicKeyOf(KeyId)).export({ type: 'spki', format: 'pem' }) as string
      const key = await importSPKI(pem, alg)
      // Lengths of integers in DER vary; enough tokens to have met short ones.
      for (let count = 0; count < (coordinateBytes === undefined ? 2 : 40); count++) {
        const signed = `${base64url({ alg, typ: 'JWT' })}.${base64url({ ...claims, jti: String(count) })}`
        const { Signature } = await kms.sign({ KeyId, Message: Buffer.from(signed), SigningAlgorithm })
        const token = `${signed}.${jwsSignature(Signature ?? Buffer.of(), coordinateBytes).toString('base64url')}`
        const { payload } = await jwtVerify(token, key, { issuer: claims.iss, audience: claims.aud })
        assert.equal(payload.jti, String(count))
        const forged = token.replace(/\.[^.]+\./, `.${base64url({ ...claims, sub: 'admin' })}.`)
        await assert.rejects(compactVerify(forged, key), /signature verification failed/)
      }
    })
  }
})

describe('signatures that node:crypto verifies from nothing but the public key', () => {
  const message = Buffer.from('a message')
  const pss = (key: KeyObject) => ({
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  })

  test('every algorithm that DescribeKey names of a signing key', async () => {
    const hashOf = (algorithm: SigningAlgorithmSpec) =>
      /^(RSASSA|ECDSA)/.test(algorithm) ? `sha${algorithm.slice(-3)}` : null
    const seen = new Set<SigningAlgorithmSpec>()
    for (const spec of [
      'RSA_3072',
      'ECC_SECG_P256K1',
      'ECC_NIST_P384',
      'ECC_NIST_P521',
      'ECC_NIST_EDWARDS25519',
      'ML_DSA_44',
      'ML_DSA_87',
    ] as const) {
      const { KeyMetadata } = await kms.createKey({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY' })
      const publicKey = await publicKeyOf(KeyMetadata?.KeyId ?? '')
      for (const algorithm of KeyMetadata?.SigningAlgorithms ?? []) {
        // Ed25519ph is there for digests only, and node:crypto does not know it.
        if (algorithm === 'ED25519_PH_SHA_512') continue
        const { Signature } = await kms.sign({
          KeyId: KeyMetadata?.KeyId,
          Message: message,
          SigningAlgorithm: algorithm,
        })
        const key = algorithm.startsWith('RSASSA_PSS') ? pss(publicKey) : publicKey
        assert.ok(verifyNatively(hashOf(algorithm), message, key, Signature ?? Buffer.of()), algorithm)
        seen.add(algorithm)
      }
    }
    assert.equal(seen.size, 11)
  })
})

/** The two INTEGERs of an ECDSA-Sig-Value (RFC 3279, section 2.2.3). */
function integersOf(signature: Buffer): Buffer[] {
  let at = signature[1] === 0x81 ? 3 : 2
  return [0, 1].map(() => {
    const length = signature[at + 1] ?? 0
    const integer = signature.subarray(at + 2, at + 2 + length)
    at += 2 + length
    return integer
  })
}

/** An unsigned integer in exactly so many bytes. */
function fixed(integer: Buffer, lengthBytes: number): Buffer {
  const digits = integer.subarray(integer.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.alloc(lengthBytes - digits.length), digits])
}
