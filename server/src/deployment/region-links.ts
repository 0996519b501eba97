import { partitionOf } from '../arn.ts'
import { formatIdentity, fingerprintOf, parseIdentity, RegionLinkError } from '../links/identity-file.ts'
import type { LinkedSets, LinkedSetTrouble } from '../links/linked-sets.ts'
import type { LinkIdentities } from '../links/link-identity.ts'
import type { RegionLinks } from '../links/region-links.ts'
import { DeploymentError } from './deployment-error.ts'
import type { OperatorChange } from './operator-change.ts'
import type { Operator } from './operator-record.ts'

/** Other deployments, as the operator joins their Regions to this one's. */
export interface RegionLinkAdministration {
  /** What the operator of another deployment is given; nothing of it is secret. */
  identity(): Promise<OwnIdentityFacts>
  link(
    args: { identity: string; url: string; regions?: readonly string[]; fingerprint?: string },
    operator: Operator,
  ): Promise<RegionLinkFacts>
  unlink(
    args: { deploymentId: string; force: boolean },
    operator: Operator,
  ): Promise<{ deploymentId: string; sets: number }>
  list(): Promise<readonly RegionLinkFacts[]>
}

export interface OwnIdentityFacts {
  readonly deploymentId: string
  readonly regions: readonly string[]
  readonly fingerprint: string
  /** The identity file. */
  readonly file: string
}

export interface RegionLinkFacts {
  readonly deploymentId: string
  readonly url: string
  readonly regions: readonly string[]
  readonly fingerprint: string
  /** Of this deployment, which the other operator sees. */
  readonly ownFingerprint: string
  /** Milliseconds since the epoch, as every time here. */
  readonly createdAt: number
  readonly seenAt?: number
  readonly failingSince?: number
  readonly failure?: string
  /** Multi-Region sets that have keys on both sides. */
  readonly sets: number
  /** Of these, those of which the other side has not acknowledged everything. */
  readonly waiting: number
  readonly troubles: readonly LinkedSetTrouble[]
}

export function createRegionLinkAdministration(parts: {
  links: RegionLinks
  identities: LinkIdentities
  linkedSets: LinkedSets
  /** Of this deployment. */
  regions: readonly string[]
  change: OperatorChange
}): RegionLinkAdministration {
  const { links, identities, linkedSets, regions, change } = parts

  async function identity(): Promise<OwnIdentityFacts> {
    const own = await identities.own()
    const { deploymentId, certificate } = own
    const shown = { deploymentId, regions, certificate, wrappingKey: own.wrapping.publicKey }
    return {
      deploymentId,
      regions,
      fingerprint: fingerprintOf(shown),
      file: formatIdentity(shown, own.privateKey),
    }
  }

  async function factsOf(link: Awaited<ReturnType<RegionLinks['list']>>[number]): Promise<RegionLinkFacts> {
    const state = await links.state(link.deploymentId)
    return {
      deploymentId: link.deploymentId,
      url: link.url,
      regions: link.regions,
      fingerprint: fingerprintOf(link.identity),
      ownFingerprint: (await identity()).fingerprint,
      createdAt: link.createdAtMs,
      ...(state.seenAtMs !== undefined && { seenAt: state.seenAtMs }),
      ...(state.failingSinceMs !== undefined && { failingSince: state.failingSinceMs }),
      ...(state.failure !== undefined && { failure: state.failure }),
      ...(await linkedSets.summary(link)),
    }
  }

  function requireFitting(deploymentId: string, joined: readonly string[]): void {
    if (deploymentId === identities.deploymentId) {
      throw new DeploymentError(
        'this is the identity of this deployment: give it to the other operator, and link with theirs',
      )
    }
    const overlap = joined.find((region) => regions.includes(region))
    if (overlap !== undefined) {
      throw new DeploymentError(
        `${overlap} is a Region of this deployment too: a Region can be of one of them only (setting regions)`,
      )
    }
    const [ours, theirs] = [regions[0] ?? '', joined[0] ?? ''].map(partitionOf)
    if (ours !== theirs) {
      throw new DeploymentError(`its Regions are of partition ${theirs}, those of this deployment of ${ours}`)
    }
  }

  return {
    identity,

    async link({ identity: identityText, url, regions: chosen, fingerprint }, operator) {
      try {
        const other = parseIdentity(identityText)
        const joined = chosen ?? other.regions
        if (fingerprint !== undefined && fingerprint !== fingerprintOf(other)) {
          throw new DeploymentError(
            `the identity has the fingerprint ${fingerprintOf(other)}, not the one that was given: it is another deployment's, or was changed on its way`,
          )
        }
        requireFitting(other.deploymentId, joined)
        const { deploymentId } = other
        const parameters = { deploymentId, url, regions: joined, fingerprint: fingerprintOf(other) }
        const link = await change(operator, 'LinkRegion', parameters, async (tx) => {
          for (const present of await links.list(tx.db)) {
            const taken = joined.find((region) => present.regions.includes(region))
            if (taken !== undefined && present.deploymentId !== deploymentId) {
              throw new DeploymentError(`${taken} is a Region of deployment ${present.deploymentId} already`)
            }
          }
          return { result: await links.add(tx, { identityText, url, regions: chosen }) }
        })
        return await factsOf(link)
      } catch (cause) {
        if (!(cause instanceof RegionLinkError)) throw cause
        throw new DeploymentError(cause.message, { cause })
      }
    },

    async unlink({ deploymentId, force }, operator) {
      try {
        return await change(operator, 'UnlinkRegion', { deploymentId, force }, async (tx) => {
          const link = await links.find(deploymentId, tx.db)
          const sets = link === undefined ? 0 : await linkedSets.count(tx.db, link)
          if (sets > 0 && !force) {
            throw new DeploymentError(
              `${sets} multi-Region keys have related keys in that deployment: delete the replicas on one side first. ` +
                'With --force the link is cut all the same: each side keeps its keys and their material, which go on ' +
                'working; sets whose primary key is here go on without the keys over there, and replicas whose ' +
                'primary key is over there stay replicas and cannot be rotated, replicated or made primary',
            )
          }
          if (link !== undefined) await linkedSets.part(tx, link)
          await links.remove(tx, deploymentId)
          return { result: { deploymentId, sets }, response: { sets } }
        })
      } catch (cause) {
        if (!(cause instanceof RegionLinkError)) throw cause
        throw new DeploymentError(cause.message, { cause })
      }
    },

    list: async () => await Promise.all((await links.list()).map(factsOf)),
  }
}
