import type { Keys } from '../keys/keys.ts'
import { regionName } from '../regions.ts'
import type { Store } from '../store/store.ts'
import { MessageError, type Message } from './messages.ts'
import type { NewReplicas } from './new-replicas.ts'
import type { AnswerMessage } from './link-listener.ts'
import type { RegionLink, RegionLinks } from './region-links.ts'
import { accountForm, keyIdForm, list, MOST_REGIONS, replicaFrom, text } from './set-document.ts'
import type { SetHearer } from './set-hearer.ts'

/** What a linked deployment may say, and what it is answered. */
export function createAnswers(parts: {
  store: Store
  keys: Keys
  links: RegionLinks
  hearer: SetHearer
  newReplicas: NewReplicas
  ownRegions: ReadonlySet<string>
}): AnswerMessage {
  const { store, keys, links, hearer, newReplicas, ownRegions } = parts

  async function replicaWanted(body: Message['body']): Promise<Message['body']> {
    const wanted = {
      ...idsIn(body),
      newReplicas: list(body['newReplicas'], 1).map(replicaFrom),
    }
    const strange = wanted.newReplicas.find(({ region }) => !ownRegions.has(region))
    if (strange !== undefined) {
      const reason = `ReplicaRegion ${strange.region} is not supported.`
      return { status: 'refused', name: 'UnsupportedOperationException', reason }
    }
    const refusal = await newReplicas.refusal(store.db, wanted)
    return refusal === undefined ? { status: 'ready' } : { status: 'refused', ...refusal }
  }

  async function primaryWanted(link: RegionLink, body: Message['body']): Promise<Message['body']> {
    const { accountId, keyId } = idsIn(body)
    const region = regionIn(body['region'])
    const stored = ownRegions.has(region) ? await keys.read(store.db, region, keyId) : undefined
    const refused = (name: string, reason: string) => ({ status: 'refused', name, reason })
    const primaryRegion = stored?.key.multiRegion?.primaryRegion
    const isTheirs = primaryRegion !== undefined && link.regions.includes(primaryRegion)
    if (stored === undefined || stored.key.accountId !== accountId || !isTheirs) {
      return refused('UnsupportedOperationException', `There is no replica key in ${region}.`)
    }
    const { state, arn, quarantine } = stored.key
    if (quarantine !== undefined) return refused('KMSInvalidStateException', `${arn} is under quarantine.`)
    if (state === 'Disabled') return refused('DisabledException', `${arn} is disabled.`)
    if (state !== 'Enabled') return refused('KMSInvalidStateException', `${arn} is not enabled.`)
    const others = list(body['regions'], MOST_REGIONS).map(regionIn)
    for (const other of others) {
      if (ownRegions.has(other) || (await links.ofRegion(other)) !== undefined) continue
      const reason = `The deployment of ${region} is not linked with that of ${other}, where the set has a key.`
      return refused('UnsupportedOperationException', reason)
    }
    return { status: 'ready' }
  }

  return async (link, { kind, body }) => {
    switch (kind) {
      case 'hello':
        return { status: 'held' }
      case 'set':
        return await hearer.set(link, body)
      case 'gone':
        return await hearer.gone(link, body)
      case 'replica wanted':
        return await replicaWanted(body)
      case 'primary wanted':
        return await primaryWanted(link, body)
      default:
        throw new MessageError('it is of a kind that is not known here')
    }
  }
}

function idsIn(body: Message['body']): { accountId: string; keyId: string } {
  return {
    accountId: text(body['accountId'], accountForm),
    keyId: text(body['keyId'], keyIdForm),
  }
}

function regionIn(value: unknown): string {
  return text(value, regionName)
}
