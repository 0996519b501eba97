import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:tls'
import { test } from 'node:test'
import { wrapForLink } from '../crypto/link-wrapping.ts'
import { EgressError } from '../egress/egress-error.ts'
import type { PinnedExchange } from '../egress/pinned-exchange.ts'
import { defaultKeyPolicy } from '../keys/default-policy.ts'
import { heldClock } from '../testing/held-clock.ts'
import { certificateFingerprint } from './identity-file.ts'
import { MESSAGE_PATH, newMessage, readMessage, SIGNATURE_HEADER, writeMessage } from './messages.ts'
import { contentDigest, digestOf, documentFromBody, documentToBody } from './set-document.ts'
import {
  ACCOUNT,
  back,
  beginMove,
  isPrimary,
  link,
  materialsOf,
  newLinkedSet,
  newPrimary,
  openSide,
  settle,
  type Side,
} from './testing/linked-pair.ts'

type Context = Parameters<typeof openSide>[0]
type Body = Record<string, unknown>

async function pair(t: Context) {
  const clock = heldClock()
  const evil = await openSide(t, 'us-east-1', clock)
  const victim = await openSide(t, 'eu-west-1', clock)
  await link(evil, victim)
  return { clock, evil, victim }
}

/** What a deployment that does as it pleases can send: whatever it likes, signed as it must be. */
async function say(evil: Side, victim: Side, kind: string, body: Body): Promise<Body> {
  const own = await evil.opened.linkIdentities.own()
  const there = await victim.opened.linkIdentities.own()
  const message = newMessage({ from: own.deploymentId, to: there.deploymentId, kind, body })
  const { bytes, signature } = writeMessage(message, own.privateKey)
  const answer = await back({
    url: new URL(MESSAGE_PATH, victim.url),
    certificate: there.certificate,
    client: own,
    headers: { [SIGNATURE_HEADER]: signature },
    body: bytes,
    maxBytes: 1_000_000,
  })
  const expected = {
    from: there.deploymentId,
    to: own.deploymentId,
    publicKey: there.certificate.publicKey,
    asked: { message, bytes },
  }
  return { ...readMessage(answer.body, answer.headers[SIGNATURE_HEADER], expected).body }
}

/** What a deployment would truly say of a set, numbered as the victim expects it: for a liar to start from. */
async function truthOf(evil: Side, victim: Side, keyId: string): Promise<Body> {
  const { channels, linkIdentities } = victim.opened
  const from = evil.opened.deploymentId
  const row = await channels.read(victim.opened.store.db, keyId, from)
  const own = await linkIdentities.own()
  const materials = Object.entries(await materialsOf(victim, keyId)).map(([materialId, bytes]) => ({
    materialId,
    createdAt: 1,
    rotatedAt: null,
    rotationType: null,
    pendingState: null,
    wrapped: wrapTo(materialId, Buffer.from(bytes, 'hex')),
  }))
  function wrapTo(materialId: string, bytes: Buffer): string {
    const about = {
      from,
      to: own.deploymentId,
      accountId: ACCOUNT,
      keyId,
      materialId,
      purpose: 'material',
    } as const
    return wrapForLink(own.wrapping.publicKey, bytes, about).toString('base64')
  }
  const current = (await victim.key(keyId))?.key.currentMaterialId
  return {
    sequence: (row?.received ?? 0) + 1,
    after: { sequence: row?.received ?? 0, digest: row?.received_digest ?? '' },
    accountId: ACCOUNT,
    keyId,
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_KMS',
    primaryRegion: evil.region,
    replicaRegions: [victim.region],
    rotation: null,
    currentMaterialId: current ?? 'a'.repeat(64),
    materials,
    newReplicas: [],
  }
}

/** Everything of the keys that a liar would like to change. */
async function stateOf(side: Side): Promise<unknown> {
  const { db } = side.opened.store
  return {
    keys: await db.selectFrom('kms_keys').selectAll().orderBy('key_id').execute(),
    materials: await db.selectFrom('key_materials').selectAll().orderBy('material_id').execute(),
  }
}

test('a linked deployment can make no key where it may not, and change none that it does not speak for', async (t) => {
  const { evil, victim } = await pair(t)
  const keyId = await newLinkedSet(evil, victim)
  const alone = (await newPrimary(victim)).keyId
  const before = await stateOf(victim)
  const fresh = `mrk-${'0'.repeat(32)}`
  const policy = defaultKeyPolicy(ACCOUNT, victim.region)
  const replica = { region: victim.region, policy, description: '', tags: [] }
  const id = 'b'.repeat(64)
  const material = async (materialId: string, bytes: Buffer, of: string, accountId = ACCOUNT) => ({
    materialId,
    createdAt: 1,
    rotatedAt: null,
    rotationType: null,
    pendingState: null,
    wrapped: wrapForLink((await victim.opened.linkIdentities.own()).wrapping.publicKey, bytes, {
      from: evil.opened.deploymentId,
      to: victim.opened.deploymentId,
      accountId,
      keyId: of,
      materialId,
      purpose: 'material',
    }).toString('base64'),
  })
  const made =
    (of: string, more: Body = {}, accountId = ACCOUNT) =>
    async (truth: Body) => ({
      ...truth,
      materials: [await material(id, randomBytes(32), of, accountId)],
      currentMaterialId: id,
      newReplicas: [replica],
      ...more,
    })
  const cases: [string, RegExp, (truth: Body) => Body | Promise<Body>, string?][] = [
    [
      'an account that is not here',
      /cannot have keys/,
      made(fresh, { accountId: '999999999999' }, '999999999999'),
      fresh,
    ],
    [
      'a Region that is not ours',
      /not a Region of this deployment/,
      made(fresh, {
        replicaRegions: [victim.region, 'us-west-2'],
        newReplicas: [{ ...replica, region: 'us-west-2' }],
      }),
      fresh,
    ],
    [
      'a primary key elsewhere',
      /not in that deployment/,
      made(fresh, { primaryRegion: 'ap-south-1' }),
      fresh,
    ],
    [
      'a policy that names nobody here',
      /invalid principals/,
      made(fresh, {
        newReplicas: [{ ...replica, policy: policy.replace(':root', ':user/nobody') }],
      }),
      fresh,
    ],
    [
      'material that is no key',
      /is no key of SYMMETRIC_DEFAULT/,
      async (truth) => ({
        ...(await made(fresh)(truth)),
        materials: [await material(id, randomBytes(5), fresh)],
      }),
      fresh,
    ],
    ['a key that is here on its own', /already|both deployments/, made(alone), alone],
    ['a set whose primary key is here', /both deployments|another one/, (truth) => truth, alone],
    ['a key that is not here', /no such key|no key of this set/, made(fresh, { newReplicas: [] }), fresh],
    [
      'other bytes under a name that is known',
      /other bytes/,
      async (truth) => ({
        ...truth,
        materials: [await material(String(truth['currentMaterialId']), randomBytes(32), keyId)],
      }),
    ],
    [
      'material that is left out',
      /does not know the material/,
      async (truth) => ({
        ...truth,
        materials: [await material(id, randomBytes(32), keyId)],
        currentMaterialId: id,
      }),
    ],
    ['another account', /another one|does not open/, (truth) => ({ ...truth, accountId: '444455556666' })],
    [
      'another spec',
      /another one/,
      (truth) => ({ ...truth, spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' }),
    ],
    ['a set without our key', /leaves out/, (truth) => ({ ...truth, replicaRegions: ['us-west-1'] })],
    [
      'a primary key nobody knows',
      /not linked here/,
      (truth) => ({
        ...truth,
        primaryRegion: 'ap-south-1',
        replicaRegions: [victim.region],
      }),
    ],
    [
      'a time that there is not',
      /not of its form/,
      (truth) => ({ ...truth, rotation: { periodDays: 90, fromMs: Number.MAX_SAFE_INTEGER } }),
    ],
    ['imported material', /of this origin/, (truth) => ({ ...truth, origin: 'EXTERNAL' })],
    [
      'material wrapped for another key',
      /does not open/,
      async (truth) => ({
        ...truth,
        materials: [await material(String(truth['currentMaterialId']), randomBytes(32), fresh)],
      }),
    ],
  ]
  for (const [name, reason, change, of = keyId] of cases) {
    const answer = await say(evil, victim, 'set', await change(await truthOf(evil, victim, of)))
    assert.equal(answer['status'], 'refused', name)
    assert.match(String(answer['reason']), reason, name)
    assert.deepEqual(await stateOf(victim), before, name)
  }
})

test('a deployment that is linked too cannot speak for a set of another one, nor take it over', async (t) => {
  const clock = heldClock()
  const home = await openSide(t, 'us-east-1', clock)
  const victim = await openSide(t, 'eu-west-1', clock)
  const evil = await openSide(t, 'ap-south-1', clock)
  for (const [a, b] of [
    [home, victim],
    [evil, victim],
    [home, evil],
  ] as const)
    await link(a, b)
  const keyId = await newLinkedSet(home, victim)
  const before = await stateOf(victim)
  // It says that the primary key moved to it; its former deployment does not.
  const answer = await say(evil, victim, 'set', await truthOf(evil, victim, keyId))
  assert.deepEqual(answer, { status: 'later' })
  const foreign = { ...(await truthOf(evil, victim, keyId)), primaryRegion: home.region }
  const refused = await say(evil, victim, 'set', foreign)
  assert.match(String(refused['reason']), /us-east-1, which it does not serve/)
  const gone = await say(evil, home, 'gone', { accountId: ACCOUNT, keyId, regions: [victim.region] }).catch(
    (error: unknown) => error,
  )
  assert.ok(gone instanceof EgressError)
  assert.deepEqual(await stateOf(victim), before)
  assert.deepEqual((await home.key(keyId))?.key.multiRegion?.replicaRegions, [victim.region])
})

test('messages that are sent again, late or out of order change nothing', async (t) => {
  const { evil: one, victim: other } = await pair(t)
  const sent: Parameters<PinnedExchange>[0][] = []
  one.exchange = (request) => {
    sent.push(request)
    return back(request)
  }
  const keyId = await newLinkedSet(one, other)
  await beginMove(one, other, keyId)
  await settle(one, other)
  await beginMove(other, one, keyId)
  await settle(one, other)
  assert.ok(isPrimary(await one.key(keyId)))
  const before = await stateOf(other)
  for (const request of [...sent, ...sent.toReversed()]) await back(request).catch(() => undefined)
  assert.deepEqual(await stateOf(other), before)
  await settle(one, other)
  assert.ok(isPrimary(await one.key(keyId)))
  assert.ok(!isPrimary(await other.key(keyId)))
})

test('nobody but the holder of a linked certificate is listened to, and nothing but TLS 1.3 is spoken', async (t) => {
  const { clock, evil, victim } = await pair(t)
  const stranger = await openSide(t, 'ap-south-1', clock)
  await assert.rejects(say(stranger, victim, 'hello', {}), { reason: 'unreachable' })
  assert.deepEqual(await say(evil, victim, 'hello', {}), { status: 'held' })
  const port = Number(new URL(victim.url).port)
  const outcome = (options: object) =>
    new Promise<string>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
      let heard = ''
      socket.on('secureConnect', () =>
        socket.write('POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}'),
      )
      socket.on('data', (data: Buffer) => (heard += data.toString('latin1')))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        resolve(heard)
      })
    })
  assert.equal(await outcome({}), '')
  const own = await evil.opened.linkIdentities.own()
  const shown = {
    cert: own.certificate.toString(),
    key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
  assert.equal(await outcome({ ...shown, maxVersion: 'TLSv1.2' }), '')
  assert.match(await outcome(shown), /^HTTP\/1.1 400 /)
})

test('a link that was taken away ends at once, and a deployment that shows another certificate is not spoken to', async (t) => {
  const { clock, evil, victim } = await pair(t)
  const impostor = await openSide(t, 'ap-south-1', clock)
  await victim.change((tx) => victim.opened.links.remove(tx, evil.opened.deploymentId))
  await assert.rejects(say(evil, victim, 'hello', {}), { reason: 'unreachable' })

  const there = await victim.opened.linkIdentities.own()
  const own = await evil.opened.linkIdentities.own()
  assert.notEqual(certificateFingerprint(there.certificate), certificateFingerprint(own.certificate))
  await assert.rejects(
    back({
      url: new URL(MESSAGE_PATH, impostor.url),
      certificate: there.certificate,
      client: own,
      headers: {},
      body: Buffer.from('{}'),
      maxBytes: 100,
    }),
    { reason: 'certificate' },
  )
})

test('messages that are too long, signed by others, for others or none at all are refused', async (t) => {
  const { evil, victim } = await pair(t)
  const own = await evil.opened.linkIdentities.own()
  const there = await victim.opened.linkIdentities.own()
  const send = (body: Buffer, signature: string) =>
    back({
      url: new URL(MESSAGE_PATH, victim.url),
      certificate: there.certificate,
      client: own,
      headers: { [SIGNATURE_HEADER]: signature },
      body,
      maxBytes: 1000,
    })
  const facts = { from: own.deploymentId, to: there.deploymentId, kind: 'hello', body: {} }
  const good = writeMessage(newMessage(facts), own.privateKey)
  await send(good.bytes, good.signature)
  const refused = { reason: 'status' }
  const byOther = writeMessage(newMessage(facts), there.privateKey)
  await assert.rejects(send(byOther.bytes, byOther.signature), refused)
  const forOther = writeMessage(newMessage({ ...facts, to: own.deploymentId }), own.privateKey)
  await assert.rejects(send(forOther.bytes, forOther.signature), refused)
  const fromOther = writeMessage(newMessage({ ...facts, from: there.deploymentId }), own.privateKey)
  await assert.rejects(send(fromOther.bytes, fromOther.signature), refused)
  await assert.rejects(send(Buffer.from('{}'), good.signature), refused)
  const strange = writeMessage(newMessage({ ...facts, kind: 'reset' }), own.privateKey)
  await assert.rejects(send(strange.bytes, strange.signature), refused)
  await assert.rejects(send(Buffer.alloc(1024 * 1024 + 1, 0x20), good.signature))
})

test('a document reads back as it was written, and any change of it has another digest', () => {
  const id = 'c'.repeat(64)
  const document = documentFromBody({
    sequence: 2,
    after: { sequence: 1, digest: 'd'.repeat(64) },
    accountId: ACCOUNT,
    keyId: `mrk-${'1'.repeat(32)}`,
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_KMS',
    primaryRegion: 'us-east-1',
    replicaRegions: ['eu-west-1'],
    rotation: { periodDays: 365, fromMs: 5 },
    currentMaterialId: id,
    materials: [
      {
        materialId: id,
        createdAt: 1,
        rotatedAt: null,
        rotationType: null,
        pendingState: null,
        wrapped: 'AAAA',
      },
    ],
    newReplicas: [{ region: 'eu-west-1', policy: '{}', description: 'd', tags: [{ key: 'a', value: 'b' }] }],
  })
  assert.deepEqual(documentFromBody(JSON.parse(JSON.stringify(documentToBody(document))) as Body), document)
  const digest = (of: typeof document) =>
    digestOf({ from: 'a', to: 'b', sequence: of.sequence, after: of.after, content: contentDigest(of) })
  const others = [
    { ...document, sequence: 3 },
    { ...document, after: { sequence: 1, digest: 'e'.repeat(64) } },
    { ...document, accountId: '444455556666' },
    { ...document, replicaRegions: ['eu-west-2'] },
    { ...document, rotation: undefined },
    { ...document, newReplicas: [] },
    { ...document, materials: [] },
  ]
  assert.equal(new Set([document, ...others].map(digest)).size, others.length + 1)
})
