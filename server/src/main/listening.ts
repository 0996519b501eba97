import { join } from 'node:path'
import type { DeploymentIo } from '../cli/deployment.ts'
import type { Config } from '../config.ts'
import type { ListenersOptions } from '../http/listeners.ts'
import { prepareSelfSigned } from '../http/self-signed.ts'
import type { TlsOptions } from '../http/tls.ts'

export async function tlsOf(
  config: Config,
  { clock, log }: DeploymentIo,
): Promise<{ tls?: TlsOptions; caFile?: string }> {
  if (config.tlsSelfSigned) {
    const directory = join(config.dataDir, 'tls')
    const made = await prepareSelfSigned({ directory, names: config.tlsHostNames }, { clock, log })
    return { tls: made, caFile: made.caFile }
  }
  const { tlsCertificateFile, tlsKeyFile } = config
  if (tlsCertificateFile === undefined || tlsKeyFile === undefined) return {}
  return { tls: { certFile: tlsCertificateFile, keyFile: tlsKeyFile } }
}

export function listenerOptions(config: Config): ListenersOptions['main'] {
  return {
    host: config.host,
    port: config.port,
    insecureHttp: config.insecureHttp,
    trustedProxies: config.trustedProxies,
    proxyProtocol: config.proxyProtocol,
    limits: {
      bodyBytes: config.maxBodyBytes,
      connections: config.maxConnections,
      headerMs: config.headerTimeoutMs,
      requestMs: config.bodyTimeoutMs,
      idleMs: config.idleTimeoutMs,
    },
  }
}
