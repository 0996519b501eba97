import { after, test } from 'node:test'
import { iamClient, newUser, policyOf } from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { eventually, linkedServer, linkServers } from '../linked-servers.ts'
import { assertRefused } from '../refusal.ts'

const HOME = 'us-east-1'
const AWAY = 'eu-west-1'

const one = await linkedServer(HOME)
const other = await linkedServer(AWAY)
await linkServers(one, other)
after(async () => {
  await one.stop()
  await other.stop()
})

test('who may act in one Region only makes no replica and moves no primary key to that of a linked deployment', async () => {
  const { id } = await newKey(one.kms(HOME), { MultiRegion: true })
  const here = { StringEquals: { 'aws:RequestedRegion': HOME } }
  const confined = await newUser(
    iamClient(one.server),
    'confined',
    policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*', Condition: here }),
  )
  const kms = kmsClient(one.server, { credentials: confined, region: HOME })
  const denied = ['AccessDeniedException', /is not authorized to perform/] as const
  await assertRefused(kms.replicateKey({ KeyId: id, ReplicaRegion: AWAY }), ...denied)

  await one.kms(HOME).replicateKey({ KeyId: id, ReplicaRegion: AWAY })
  await eventually(
    () =>
      other
        .kms(AWAY)
        .describeKey({ KeyId: id })
        .then(
          ({ KeyMetadata }) => KeyMetadata?.KeyState === 'Enabled',
          () => false,
        ),
    'the replica',
  )
  await assertRefused(kms.updatePrimaryRegion({ KeyId: id, PrimaryRegion: AWAY }), ...denied)
  await one.kms(HOME).updatePrimaryRegion({ KeyId: id, PrimaryRegion: AWAY })
})
