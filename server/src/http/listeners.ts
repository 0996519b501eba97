import type { WireHandler } from '../wire/http-message.ts'
import {
  startAdministrativeListener,
  startListener,
  startServicesListener,
  type Listener,
  type ListenerDeps,
  type ListenerOptions,
} from './listener.ts'
import type { TlsOptions } from './tls.ts'

export interface Address {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
}

/** Where a server listens. What `main` says of TLS, limits and proxies holds for those of the API and of services. */
export interface ListenersOptions {
  readonly main: Omit<ListenerOptions, 'endpoint' | 'tls'>
  readonly tls: TlsOptions | undefined
  readonly endpoints: readonly {
    readonly listen: Address
    readonly endpoint: NonNullable<ListenerOptions['endpoint']>
  }[]
  /** Nothing is opened for services without TLS. */
  readonly services: Address | undefined
  readonly administrative: Address | undefined
}

export interface Listeners {
  readonly main: Listener
  readonly endpoints: readonly { readonly vpceId: string; readonly listener: Listener }[]
  readonly services: Listener | undefined
  readonly administrative: Listener | undefined
  /** Looks at the certificate files now. */
  reloadTls(): Promise<void>
  /** Drains and closes all of them. */
  stop(): Promise<void>
}

/**
 * Opens every listener of a server, or none.
 *
 * @throws ListenerError as `startListener` does
 */
export async function startListeners(
  { main, tls, endpoints, services, administrative }: ListenersOptions,
  handlers: { readonly api: WireHandler; readonly services: WireHandler },
  deps: ListenerDeps,
): Promise<Listeners> {
  const opened: Listener[] = []
  const keep = async (starting: Promise<Listener>): Promise<Listener> => {
    const listener = await starting
    opened.push(listener)
    return listener
  }
  const stop = async (): Promise<void> => {
    await Promise.all(opened.map((listener) => listener.stop()))
  }
  const secured = { ...main, ...(tls && { tls }) }
  try {
    const ofMain = await keep(startListener(secured, handlers.api, deps))
    const ofEndpoints: { vpceId: string; listener: Listener }[] = []
    for (const { listen, endpoint } of endpoints) {
      const options = { ...secured, ...listen, endpoint }
      const listener = await keep(startListener(options, handlers.api, deps))
      ofEndpoints.push({ vpceId: endpoint.vpceId, listener })
    }
    const ofServices =
      services &&
      tls &&
      (await keep(startServicesListener({ ...main, tls, ...services }, handlers.services, deps)))
    const ofAdministration =
      administrative &&
      (await keep(startAdministrativeListener({ ...administrative, ...(tls && { tls }) }, deps)))
    return {
      main: ofMain,
      endpoints: ofEndpoints,
      services: ofServices,
      administrative: ofAdministration,
      async reloadTls() {
        await Promise.all(opened.map((listener) => listener.reloadTls()))
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
