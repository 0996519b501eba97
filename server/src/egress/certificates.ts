import { X509Certificate } from 'node:crypto'

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The certificates in a PEM file; undefined when there is none, or one is damaged: TLS would pass over it in silence. */
export function certificatesIn(pem: string): readonly string[] | undefined {
  const found = pem.match(block) ?? []
  try {
    return found.length === 0 ? undefined : found.map((text) => new X509Certificate(text).toString())
  } catch {
    return undefined
  }
}
