import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT, type JWTPayload } from 'jose'
import { createEgress, type Egress } from '../../egress/egress.ts'
import { tlsSite, type TlsSite } from '../../egress/testing/tls-site.ts'

export type SigningAlgorithm = 'RS256' | 'PS384' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA'

/** An OpenID Connect issuer of this machine. */
export interface OidcIssuer {
  readonly site: TlsSite
  /** `https://localhost:port` */
  readonly issuer: string
  /** Reaches the issuer, and nothing else that is not public. */
  readonly egress: Egress
  /** What its pages say; tests change it. */
  readonly pages: Map<string, unknown>
  readonly keys: Readonly<Record<SigningAlgorithm, SigningKey>>
  /** Publishes these keys, and no others. */
  publish(keys: readonly SigningKey[]): void
  /** A token of an hour from `nowMs`. */
  sign(claims: JWTPayload, how?: { key?: SigningKey; kid?: string | null; nowMs?: number }): Promise<string>
}

export interface SigningKey {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export function signingKey(alg: SigningAlgorithm, kid: string = alg): SigningKey {
  return { kid, alg, ...keyPair(alg) }
}

function keyPair(alg: SigningAlgorithm) {
  switch (alg) {
    case 'RS256':
    case 'PS384':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' })
    case 'ES512':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' })
    case 'EdDSA':
      return generateKeyPairSync('ed25519')
  }
}

export async function oidcIssuer(t: { after(cleanUp: () => unknown): void }): Promise<OidcIssuer> {
  const site = await tlsSite(t)
  const issuer = site.origin
  const pages = new Map<string, unknown>()
  site.answer = (request, response) => {
    const page = pages.get(request.url ?? '')
    if (page === undefined) response.writeHead(404).end()
    else response.end(typeof page === 'string' ? page : JSON.stringify(page))
  }
  const keys = {
    RS256: signingKey('RS256'),
    PS384: signingKey('PS384'),
    ES256: signingKey('ES256'),
    ES384: signingKey('ES384'),
    ES512: signingKey('ES512'),
    EdDSA: signingKey('EdDSA'),
  }
  const made: OidcIssuer = {
    site,
    issuer,
    egress: createEgress({ allow: ['localhost'], ca: [site.ca] }),
    pages,
    keys,
    publish(published) {
      const jwks = published.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid }))
      pages.set('/.well-known/openid-configuration', { issuer, jwks_uri: `${issuer}/keys` })
      pages.set('/keys', { keys: jwks })
    },
    sign(claims, { key = keys.ES256, kid = key.kid, nowMs = Date.now() } = {}) {
      const seconds = Math.floor(nowMs / 1000)
      const header = { alg: key.alg, ...(kid !== null && { kid }) }
      return new SignJWT({ iss: issuer, iat: seconds, exp: seconds + 3600, ...claims })
        .setProtectedHeader(header)
        .sign(key.privateKey)
    },
  }
  made.publish(Object.values(keys))
  return made
}
