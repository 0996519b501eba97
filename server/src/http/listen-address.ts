import { isIP } from 'node:net'
import { ListenerError } from './listener-error.ts'
import { canonicalAddress, isLoopbackAddress } from './source-address.ts'

/** Whether a configured host can only be reached from this machine. */
export function isLoopbackHost(host: string): boolean {
  return host.toLowerCase() === 'localhost' || isLoopbackAddress(canonicalAddress(host))
}

/**
 * Plain HTTP shows every plaintext data key to the network, so it stays on this machine unless the
 * operator says otherwise.
 * @throws ListenerError
 */
export function requireSafeAddress(address: {
  readonly host: string
  readonly tls: boolean
  readonly insecureHttp: boolean
}): void {
  if (address.tls || address.insecureHttp || isLoopbackHost(address.host)) return
  throw new ListenerError(
    `plain HTTP on ${address.host}, which other machines can reach, is refused: give --tls-certificate-file and --tls-key-file, ` +
      'or --tls-self-signed, or --insecure-http if something else protects the connection',
  )
}

/** What the operating system's refusal to listen means for the operator. */
export function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): ListenerError {
  const where = urlHost(host, port)
  switch (error.code) {
    case 'EADDRINUSE':
      return new ListenerError(
        `${where} is in use by another process: stop it, or choose another port (0 picks a free one)`,
        error,
      )
    case 'EACCES':
    case 'EPERM':
      return new ListenerError(
        `not permitted to listen on ${where}: choose a port above 1023, or grant CAP_NET_BIND_SERVICE`,
        error,
      )
    case 'EADDRNOTAVAIL':
      return new ListenerError(
        `this machine has no address ${host}: listen on one of its own, or on 0.0.0.0 or ::`,
        error,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ListenerError(`the host name ${host} cannot be resolved: give an IP address`, error)
    default:
      return new ListenerError(`cannot listen on ${where}: ${error.message}`, error)
  }
}

/** `host:port` as it stands in a URL. */
export function urlHost(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}
