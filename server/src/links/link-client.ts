import { EgressError } from '../egress/egress-error.ts'
import type { PinnedExchange } from '../egress/pinned-exchange.ts'
import type { LinkIdentities } from './link-identity.ts'
import {
  MESSAGE_PATH,
  MessageError,
  MOST_MESSAGE_BYTES,
  newMessage,
  readMessage,
  SIGNATURE_HEADER,
  writeMessage,
  type Message,
} from './messages.ts'
import type { RegionLink, RegionLinks } from './region-links.ts'

/** A linked deployment did not answer, or not as one does. The text is for the operator. */
export class LinkUnreachable extends Error {
  override readonly name = 'LinkUnreachable'
}

/** Says something to a linked deployment and waits for its answer. @throws LinkUnreachable */
export type AskLink = (link: RegionLink, kind: string, body: Message['body']) => Promise<Message['body']>

/** @param onFailure told when a deployment that could be reached no longer can */
export function createLinkClient(parts: {
  identities: LinkIdentities
  links: Pick<RegionLinks, 'noteSeen' | 'noteFailure'>
  exchange: PinnedExchange
  now: () => number
  /** Aborted when this process stops: what fails from then on says nothing of the other side. */
  stopping?: AbortSignal
  onFailure: (link: RegionLink, reason: string) => Promise<void> | void
}): AskLink {
  const { identities, links, exchange, now, stopping, onFailure } = parts

  async function ask(link: RegionLink, kind: string, body: Message['body']): Promise<Message['body']> {
    const own = await identities.own()
    const message = newMessage({ from: own.deploymentId, to: link.deploymentId, kind, body })
    const { bytes, signature } = writeMessage(message, own.privateKey)
    const { certificate } = link.identity
    const answer = await exchange({
      url: new URL(MESSAGE_PATH, link.url),
      certificate,
      client: own,
      headers: { 'content-type': 'application/json', [SIGNATURE_HEADER]: signature },
      body: bytes,
      maxBytes: MOST_MESSAGE_BYTES,
    })
    return readMessage(answer.body, answer.headers[SIGNATURE_HEADER], {
      from: link.deploymentId,
      to: own.deploymentId,
      publicKey: certificate.publicKey,
      asked: { message, bytes },
    }).body
  }

  return async (link, kind, body) => {
    try {
      const answer = await ask(link, kind, body)
      await links.noteSeen(link.deploymentId, now())
      return answer
    } catch (cause) {
      if (!(cause instanceof EgressError) && !(cause instanceof MessageError)) throw cause
      const reason =
        cause instanceof EgressError && cause.reason === 'certificate'
          ? 'it shows another certificate than the one it was linked with'
          : cause.message
      if (stopping?.aborted === true) throw new LinkUnreachable('this process stops', { cause })
      if (await links.noteFailure(link.deploymentId, now(), reason)) await onFailure(link, reason)
      throw new LinkUnreachable(`deployment ${link.deploymentId} (${link.url}): ${reason}`, { cause })
    }
  }
}
