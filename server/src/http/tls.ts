import { X509Certificate, constants, createPrivateKey } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Log } from '../telemetry/log.ts'
import { ListenerError } from './listener-error.ts'

export interface TlsOptions {
  /** PEM files: the server's certificate followed by its intermediates, and its private key. */
  readonly certFile: string
  readonly keyFile: string
  /** Called before each look at the files; a self-signed certificate renews itself here. */
  readonly renew?: () => Promise<unknown>
}

export interface CertificateFiles {
  /** The pair in use with everything else that TLS needs. */
  readonly current: SecureContextOptions
  /** Looks at the files now. True when a new pair came into use. Never rejects: a broken pair is logged, the old one stays. */
  reload(): Promise<boolean>
  close(): void
}

const POLL_MS = 5000
const FILE_LIMIT_BYTES = 1024 * 1024

const PROTOCOL = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  honorCipherOrder: true,
  // Forward secrecy and authenticated encryption only.
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_AES_128_GCM_SHA256',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  // The hybrid first: what is recorded today stays secret from a quantum computer of tomorrow. The slash
  // asks for it from every client that can, though its first message guessed another (one more round trip).
  ecdhCurve: 'X25519MLKEM768/X25519:P-256:P-384',
  // A client that renegotiates makes the server pay for a handshake each time.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies SecureContextOptions

/**
 * Loads a certificate and key, and again whenever a file changes (replaced, rewritten, or a link moved
 * as Kubernetes does). Polled: notifications do not survive renames and network file systems.
 * @throws ListenerError when the first pair cannot be used
 */
export async function watchCertificateFiles(
  options: TlsOptions,
  onChange: (next: SecureContextOptions) => void,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<CertificateFiles> {
  let stamp = await stampOf(options)
  let current: SecureContextOptions
  try {
    current = await loadPair(options, clock, log)
  } catch (error) {
    throw new ListenerError(`the TLS certificate cannot be used: ${(error as Error).message}`, error)
  }

  let closed = false
  let cancel = () => {}
  const look = async (): Promise<boolean> => {
    try {
      await options.renew?.()
    } catch (error) {
      log.error({ err: error }, 'the TLS certificate could not be renewed')
    }
    // The stamp is taken before the files are read: a change in between is seen the next time.
    const found = await stampOf(options)
    if (found === stamp || closed) return false
    stamp = found
    try {
      const next = await loadPair(options, clock, log)
      if (closed) return false
      current = next
      onChange(next)
      log.info({ certFile: options.certFile }, 'the TLS certificate was reloaded')
      return true
    } catch (error) {
      log.error(
        { certFile: options.certFile, keyFile: options.keyFile, err: error },
        'the new TLS certificate cannot be used; the one before stays in use',
      )
      return false
    }
  }
  // One look at a time, so that an older pair never replaces a newer one.
  let looking: Promise<boolean> = Promise.resolve(false)
  const reload = () => (looking = looking.then(look))
  const arm = () => {
    cancel = clock.wakeAt(clock.now() + POLL_MS, () => {
      void reload().then(() => {
        if (!closed) arm()
      })
    })
  }
  arm()
  return {
    get current() {
      return current
    },
    reload,
    close() {
      closed = true
      cancel()
    },
  }
}

async function loadPair(
  { certFile, keyFile }: TlsOptions,
  clock: Clock,
  log: Log,
): Promise<SecureContextOptions> {
  const cert = await readBounded(certFile)
  const key = await readBounded(keyFile)
  const certificate = parsed(certFile, 'certificate', () => new X509Certificate(cert))
  const privateKey = parsed(keyFile, 'private key', () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`the private key in ${keyFile} does not belong to the certificate in ${certFile}`)
  }
  const options = { ...PROTOCOL, cert, key }
  parsed(certFile, 'certificate', () => createSecureContext(options))
  const expired = certificate.validToDate.getTime() <= clock.now()
  if (expired) log.warn({ certFile, validTo: certificate.validTo }, 'the TLS certificate has expired')
  return options
}

function parsed<T>(file: string, what: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new Error(`${file} holds no usable ${what} in PEM form`, { cause: error })
  }
}

async function readBounded(file: string): Promise<Buffer> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    if (size > FILE_LIMIT_BYTES) throw new Error(`${file} is larger than a certificate or key can be`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

async function stampOf({ certFile, keyFile }: TlsOptions): Promise<string> {
  const stamps = await Promise.all(
    [certFile, keyFile].map((file) =>
      stat(file, { bigint: true }).then(
        ({ dev, ino, size, mtimeNs, ctimeNs }) => `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`,
        () => 'absent',
      ),
    ),
  )
  return stamps.join('|')
}
