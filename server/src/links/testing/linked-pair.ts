import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { freshDataDir, openAt, quietLog } from '../../deployment/testing/deployment-fixture.ts'
import type { OpenedDeployment } from '../../deployment/open-deployment.ts'
import { EgressError } from '../../egress/egress-error.ts'
import { createPinnedExchange, type PinnedExchange } from '../../egress/pinned-exchange.ts'
import { defaultKeyPolicy } from '../../keys/default-policy.ts'
import { newMultiRegionKeyId, type KmsKey, type StoredKey } from '../../keys/key.ts'
import type { Transition } from '../../store/store.ts'
import type { HeldClock } from '../../testing/held-clock.ts'
import { formatIdentity } from '../identity-file.ts'
import type { LinkListener } from '../link-listener.ts'
import { openLinks, type OpenedLinks } from '../open-links.ts'

interface Cleaner {
  after(cleanUp: () => Promise<void> | void): void
}

/** A deployment in this process, with its own database and root key, that listens for one that is linked with it. */
export interface Side {
  readonly region: string
  readonly dataDir: string
  readonly opened: OpenedDeployment
  readonly links: OpenedLinks
  readonly url: string
  /** What happens to the messages that it sends. */
  exchange: PinnedExchange
  identity(): Promise<string>
  change<T>(work: (tx: Transition) => Promise<T>): Promise<T>
  key(keyId: string): Promise<StoredKey | undefined>
  /** Closes and opens it again, as a restart does; its address stays. */
  restart(meanwhile?: () => void): Promise<void>
  /** What the database holds now, to be put back later. */
  backup(name: string): void
  putBack(name: string): Promise<void>
}

export const ACCOUNT = '111122223333'
const travels = createPinnedExchange({ timeoutMs: 5_000 })

export async function openSide(t: Cleaner, region: string, clock: HeldClock): Promise<Side> {
  const dataDir = freshDataDir(t)
  const backups = freshDataDir(t)
  const regions = new Set([region])
  let port = 0
  let current: { opened: OpenedDeployment; links: OpenedLinks; listener: LinkListener } | undefined
  const of = () => {
    assert(current, 'it is closed')
    return current
  }
  async function open(): Promise<void> {
    const { opened } = await openAt(dataDir, clock, { accountId: ACCOUNT })
    const links = openLinks({
      ...opened,
      ownRegions: regions,
      clock,
      log: quietLog,
      exchange: (request) => side.exchange(request),
    })
    const listener = await links.listen({ host: '127.0.0.1', port })
    port = Number(new URL(listener.url).port)
    current = { opened, links, listener }
    links.replicator.begin()
  }
  async function close(): Promise<void> {
    const closing = current
    current = undefined
    await closing?.listener.stop()
    await closing?.links.stop()
    await closing?.opened.close()
  }
  const side: Side = {
    region,
    dataDir,
    get opened() {
      return of().opened
    },
    get links() {
      return of().links
    },
    get url() {
      return of().listener.url
    },
    exchange: travels,
    async identity() {
      const own = await of().opened.linkIdentities.own()
      const { deploymentId, certificate, wrapping } = own
      const shown = { deploymentId, regions: [region], certificate, wrappingKey: wrapping.publicKey }
      return formatIdentity(shown, own.privateKey)
    },
    change: (work) =>
      of().opened.store.transition((tx) => {
        tx.unrecorded = 'a test'
        return work(tx)
      }),
    key: (keyId) => of().opened.keys.read(of().opened.store.db, region, keyId),
    async restart(meanwhile) {
      await close()
      meanwhile?.()
      await open()
    },
    backup(name) {
      of()
      cpSync(dataDir, join(backups, name), { recursive: true })
    },
    async putBack(name) {
      await side.restart(() => {
        cpSync(join(backups, name), dataDir, { recursive: true, force: true })
      })
    },
  }
  await open()
  t.after(close)
  return side
}

export async function link(one: Side, other: Side): Promise<void> {
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const) {
    const identityText = await there.identity()
    await here.change((tx) => here.opened.links.add(tx, { identityText, url: there.url }))
  }
}

/** Until nobody has anything more to say to the other. */
export async function settle(...sides: readonly Side[]): Promise<void> {
  for (let quiet = 0; quiet < 10; quiet++) {
    for (const side of sides) await side.links.replicator.idle()
    // What one says wakes the other.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A symmetric multi-Region key whose primary key is there. */
export async function newPrimary(side: Side): Promise<KmsKey> {
  const { keys } = side.opened
  const material = await keys.newMaterial('SYMMETRIC_DEFAULT', ACCOUNT)
  return side.change((tx) =>
    keys.create(
      tx,
      {
        keyId: newMultiRegionKeyId(),
        accountId: ACCOUNT,
        region: side.region,
        spec: 'SYMMETRIC_DEFAULT',
        usage: 'ENCRYPT_DECRYPT',
        description: '',
        policy: defaultKeyPolicy(ACCOUNT, side.region),
        tags: [],
        multiRegion: { primaryRegion: side.region, replicaRegions: [] },
      },
      material,
    ),
  )
}

/** As ReplicateKey does it. */
export async function replicate(from: Side, to: Side, keyId: string): Promise<void> {
  const { region } = to
  const replica = { region, policy: defaultKeyPolicy(ACCOUNT, region), description: '', tags: [] }
  const linked = await from.links.keys.ofRegion(region)
  const stored = await from.key(keyId)
  assert(linked && stored)
  await from.links.keys.requireReplica(linked, stored.key, replica)
  await from.change(async (tx) => {
    const primary = await from.opened.keys.read(tx.db, from.region, keyId)
    assert(primary)
    await from.links.keys.addReplica(tx, linked, primary, replica)
  })
}

export async function newLinkedSet(from: Side, to: Side): Promise<string> {
  const { keyId } = await newPrimary(from)
  await replicate(from, to, keyId)
  await settle(from, to)
  assert.equal((await to.key(keyId))?.key.state, 'Enabled')
  return keyId
}

/** As UpdatePrimaryRegion does it. */
export async function beginMove(from: Side, to: Side, keyId: string): Promise<void> {
  const linked = await from.links.keys.ofRegion(to.region)
  const stored = await from.key(keyId)
  assert(linked && stored)
  await from.links.keys.requireSuccessor(linked, stored.key, to.region)
  await from.change(async (tx) => {
    const primary = await from.opened.keys.read(tx.db, from.region, keyId)
    assert(primary)
    await from.links.keys.movePrimary(tx, linked, primary, to.region)
  })
}

export async function rotate(side: Side, keyId: string): Promise<void> {
  const material = await side.opened.keys.newMaterial('SYMMETRIC_DEFAULT', ACCOUNT)
  await side.change(async (tx) => {
    const stored = await side.opened.keys.read(tx.db, side.region, keyId)
    assert(stored)
    await side.opened.keys.rotate(tx, stored, 'ON_DEMAND', material)
  })
}

/** As the end of its waiting period does it. */
export async function destroy(side: Side, keyId: string): Promise<void> {
  await side.change(async (tx) => {
    const stored = await side.opened.keys.read(tx.db, side.region, keyId)
    assert(stored)
    await side.opened.keys.destroy(tx, stored)
  })
}

/** All material of a key, by id, as hex. */
export async function materialsOf(side: Side, keyId: string): Promise<Record<string, string>> {
  const { keys, store } = side.opened
  const found: Record<string, string> = {}
  for (const row of await keys.materials.rows(store.db, { accountId: ACCOUNT, region: side.region, keyId })) {
    found[row.material_id] = (await keys.materials.bytes(store.db, row)).toString('hex')
  }
  return found
}

export function isPrimary(stored: StoredKey | undefined): boolean {
  return stored !== undefined && stored.key.multiRegion?.primaryRegion === stored.key.region
}

/** What travels is counted; one message, or its answer, can be lost. */
export function losing(which: { message?: number; answer?: number }): PinnedExchange & { count: number } {
  const exchange = async (request: Parameters<PinnedExchange>[0]) => {
    const number = exchange.count++
    if (number === which.message) throw new EgressError('unreachable')
    const answer = await travels(request)
    if (number === which.answer) throw new EgressError('timeout')
    return answer
  }
  exchange.count = 0
  return exchange
}

/** Nothing travels. */
export const away: PinnedExchange = () => Promise.reject(new EgressError('unreachable'))
export const back = travels
