import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { newSet, replicated, settled } from '../multi-region-set.ts'
import { runKeywright, startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { startPostgres, type PostgresServer } from './postgres.ts'
import { dataDirOfSecondNode } from './second-node.ts'

/** Two nodes on one database. Clients of the one Region use one of them, those of the other the other. */

const HOME = 'us-east-1'
const AWAY = 'eu-west-1'
const THIRD = 'ap-southeast-2'
const Plaintext = Buffer.from('kept')

let postgres: PostgresServer
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.remove())

interface Pair {
  readonly env: Readonly<Record<string, string>>
  readonly credentials: Credentials
  readonly a: ServerProcess
  readonly b: ServerProcess
}

async function startPair(): Promise<Pair> {
  const env = { KEYWRIGHT_DATABASE_URL: await postgres.freshDatabase() }
  const a = await startServer({ env })
  const b = await startServer({ env, dataDir: dataDirOfSecondNode(a) })
  return { env, credentials: a.credentials, a, b }
}

const refusalOf = async (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'none',
    (error: Error) => error.name,
  )

async function opens(kms: KMS, CiphertextBlob: Uint8Array | undefined): Promise<void> {
  const { Plaintext: found = [] } = await kms.decrypt({ CiphertextBlob })
  assert.deepEqual(Buffer.from(found), Plaintext)
}

describe('multi-Region keys on two nodes', () => {
  let pair: Pair
  const clients: KMS[] = []
  const client = (node: 'a' | 'b', region: string) => {
    const kms = kmsClient(pair[node], { region, credentials: pair.credentials })
    clients.push(kms)
    return kms
  }
  before(async () => {
    pair = await startPair()
  })
  after(async () => {
    for (const kms of clients) kms.destroy()
    await Promise.all([pair.a.stop(), pair.b.stop()])
  })

  test('a replica that one node makes is used on the other, and rotations bind both', async () => {
    const [homeA, awayB] = [client('a', HOME), client('b', AWAY)]
    for (let round = 0; round < 5; round++) {
      const id = await newSet(homeA, { [AWAY]: awayB })
      for (let rotation = 0; rotation < 4; rotation++) {
        const { CiphertextBlob } = await homeA.encrypt({ KeyId: id, Plaintext })
        await opens(awayB, CiphertextBlob)
        await homeA.rotateKeyOnDemand({ KeyId: id })
        // The very next answer of the other node seals with the new material.
        const { KeyMetadata } = await homeA.describeKey({ KeyId: id })
        const sealed = await awayB.generateDataKey({ KeyId: id, KeySpec: 'AES_256' })
        assert.equal(sealed.KeyMaterialId, KeyMetadata?.CurrentKeyMaterialId)
        await homeA.decrypt({ CiphertextBlob: sealed.CiphertextBlob })
        await opens(awayB, CiphertextBlob)
      }
    }
  })

  test('of replicas of one Region that both nodes are asked for at once, one is made', async () => {
    const [a, b, away] = [client('a', HOME), client('b', HOME), client('b', AWAY)]
    for (let round = 0; round < 8; round++) {
      const { id } = await newKey(a, { MultiRegion: true })
      const request = { KeyId: id, ReplicaRegion: AWAY }
      const refusals = await Promise.all([a, b].map((kms) => refusalOf(kms.replicateKey(request))))
      assert.deepEqual(refusals.sort(), ['AlreadyExistsException', 'none'])
      assert.equal((await settled(away, id)).KeyState, 'Enabled')
    }
  })

  test('a replica has all material whatever rotations were under way elsewhere while it was made', async () => {
    const [a, b] = [client('a', HOME), client('b', HOME)]
    const [awayA, awayB] = [client('a', AWAY), client('b', AWAY)]
    for (let round = 0; round < 8; round++) {
      const { id } = await newKey(a, { MultiRegion: true })
      const { CiphertextBlob } = await a.encrypt({ KeyId: id, Plaintext })
      const outcomes = await Promise.all([
        refusalOf(a.replicateKey({ KeyId: id, ReplicaRegion: AWAY })),
        refusalOf(b.rotateKeyOnDemand({ KeyId: id })),
        refusalOf(a.rotateKeyOnDemand({ KeyId: id })),
        refusalOf(b.replicateKey({ KeyId: id, ReplicaRegion: THIRD })),
      ])
      assert.deepEqual(new Set(outcomes), new Set(['none']))
      const { CurrentKeyMaterialId } = await settled(awayB, id)
      const all = { KeyId: id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' } as const
      const { Rotations } = await a.listKeyRotations(all)
      assert.equal(Rotations?.length, 3)
      assert.equal(Rotations.at(-1)?.KeyMaterialId, CurrentKeyMaterialId)
      const third = client('a', THIRD)
      await settled(third, id)
      for (const kms of [awayA, awayB, third]) {
        assert.deepEqual((await kms.listKeyRotations(all)).Rotations, Rotations)
        await opens(kms, CiphertextBlob)
      }
    }
  })

  test('a primary key that is to be deleted and replicated at once is one or the other', async () => {
    const [a, b, away] = [client('a', HOME), client('b', HOME), client('b', AWAY)]
    for (let round = 0; round < 8; round++) {
      const { id } = await newKey(a, { MultiRegion: true })
      const [replication, deletion] = await Promise.all([
        refusalOf(a.replicateKey({ KeyId: id, ReplicaRegion: AWAY })),
        refusalOf(b.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })),
      ])
      assert.equal(deletion, 'none')
      const { KeyMetadata } = await b.describeKey({ KeyId: id })
      if (replication === 'none') {
        assert.equal(KeyMetadata?.KeyState, 'PendingReplicaDeletion')
        assert.equal((await settled(away, id)).KeyState, 'Enabled')
      } else {
        assert.equal(replication, 'KMSInvalidStateException')
        assert.equal(KeyMetadata?.KeyState, 'PendingDeletion')
        assert.equal(await refusalOf(away.describeKey({ KeyId: id })), 'NotFoundException')
      }
    }
  })
})

test('when the endpoint of the primary Region is gone replicas go on, the primary moves, and the node that returns knows it', async () => {
  const pair = await startPair()
  const of = (node: ServerProcess, region: string) =>
    kmsClient(node, { region, credentials: pair.credentials })
  const [home, away] = [of(pair.a, HOME), of(pair.b, AWAY)]
  const id = await newSet(home, { [AWAY]: away })
  const signer = await newSet(home, { [AWAY]: away }, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  const message = { KeyId: signer, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' } as const
  const { CiphertextBlob } = await home.encrypt({ KeyId: id, Plaintext })
  const { Signature } = await home.sign(message)

  // The node that has the turn to run the timers, without a word.
  await pair.a.kill()
  await assert.rejects(home.encrypt({ KeyId: id, Plaintext }))
  await opens(away, CiphertextBlob)
  assert.equal((await away.verify({ ...message, Signature })).SignatureValid, true)
  const meanwhile = await away.encrypt({ KeyId: id, Plaintext })
  await away.updateKeyDescription({ KeyId: id, Description: 'managed meanwhile' })

  // Whoever has the permission asks any endpoint that is left, in the name of the Region that was the primary's.
  const homeElsewhere = of(pair.b, HOME)
  await homeElsewhere.updatePrimaryRegion({ KeyId: id, PrimaryRegion: AWAY })
  const moved = await settled(away, id)
  assert.equal(moved.KeyState, 'Enabled')
  assert.equal(moved.MultiRegionConfiguration?.MultiRegionKeyType, 'PRIMARY')
  await away.rotateKeyOnDemand({ KeyId: id })
  const third = of(pair.b, THIRD)
  await replicated(away, third, { KeyId: id, ReplicaRegion: THIRD })
  for (const sealed of [CiphertextBlob, meanwhile.CiphertextBlob]) await opens(third, sealed)

  const again = await startServer({ dataDir: pair.a.dataDir, env: pair.env })
  const returned = of(again, HOME)
  const { MultiRegionConfiguration, CurrentKeyMaterialId } = await settled(returned, id)
  assert.equal(MultiRegionConfiguration?.MultiRegionKeyType, 'REPLICA')
  assert.equal(MultiRegionConfiguration?.PrimaryKey?.Region, AWAY)
  assert.equal(CurrentKeyMaterialId, (await settled(away, id)).CurrentKeyMaterialId)
  await opens(returned, meanwhile.CiphertextBlob)
  assert.equal(await refusalOf(returned.rotateKeyOnDemand({ KeyId: id })), 'UnsupportedOperationException')

  for (const kms of [home, away, homeElsewhere, third, returned]) kms.destroy()
  assert.deepEqual([await again.stop(), await pair.b.stop()], [0, 0])
  const verified = await runKeywright(['audit', 'verify'], { dataDir: pair.b.dataDir, env: pair.env })
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
})
