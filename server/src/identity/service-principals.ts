import { X509Certificate } from 'node:crypto'
import { dnsSuffixOf } from '../arn.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { ServicePrincipalRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'

/** A service that runs beside this one and may act for its users; known by its client certificate. */
export interface ServicePrincipal {
  /** `s3.us-east-1.amazonaws.com`, or `s3.amazonaws.com` for one that serves every Region. */
  readonly name: string
  /** What requests to it are scoped to: `s3`. */
  readonly signingName: string
  /** Undefined for one that serves every Region. */
  readonly region: string | undefined
  /** SHA-256 of the certificate's DER, in hex. */
  readonly certificateFingerprint: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly createdAtMs: number
}

export interface StoredServicePrincipal {
  readonly service: ServicePrincipal
  readonly row: ServicePrincipalRow
}

export interface ServicePrincipals {
  /** By the fingerprint of its certificate. */
  load(certificateFingerprint: string): Promise<CacheEntry<ServicePrincipal> | undefined>
  find(certificateFingerprint: string): CacheEntry<ServicePrincipal> | undefined
  list(): Promise<ServicePrincipal[]>
  read(name: string): Promise<StoredServicePrincipal | undefined>
  /**
   * @param certificate PEM or DER
   * @throws ServicePrincipalError for a name or certificate of the wrong form; DuplicateRowError when either is taken
   */
  register(tx: Transition, name: string, certificate: string): Promise<ServicePrincipal>
  remove(tx: Transition, stored: StoredServicePrincipal): Promise<void>
}

/** What is wrong with a name or certificate, in one line. */
export class ServicePrincipalError extends Error {
  override readonly name = 'ServicePrincipalError'
}

const form =
  /^([a-z][a-z0-9-]{0,62})(?:\.([a-z]{2,8}(?:-[a-z]{2,16}){1,3}-\d{1,2}))?\.(amazonaws\.com(?:\.cn)?)$/

/** These are served here: a request that is signed for one of them was meant for us, and nobody may forward it. */
const ownServices: ReadonlySet<string> = new Set(['kms', 'sts', 'iam', 'access-analyzer'])

export function createServicePrincipals(parts: {
  store: Store
  now: () => number
  cacheLimit: number
}): ServicePrincipals {
  const { store, now } = parts
  const cache = new CoherentCache<ServicePrincipal>({
    feed: store.feed,
    kind: 'service-principal',
    limit: parts.cacheLimit,
    load: async (fingerprint) => {
      const row = await store.db
        .selectFrom('service_principals')
        .selectAll()
        .where('certificate_fingerprint', '=', fingerprint)
        .executeTakeFirst()
      return row && fromRow(row)
    },
  })

  function fromRow(row: ServicePrincipalRow): ServicePrincipal {
    store.rows.check('service_principals', row)
    const certificate = new X509Certificate(row.certificate)
    return {
      ...requireName(row.name),
      certificateFingerprint: row.certificate_fingerprint,
      notBeforeMs: certificate.validFromDate.getTime(),
      notAfterMs: certificate.validToDate.getTime(),
      createdAtMs: row.created_at,
    }
  }

  return {
    load: (fingerprint) => cache.get(fingerprint),
    find: (fingerprint) => cache.find(fingerprint),
    async list() {
      const rows = await store.db.selectFrom('service_principals').selectAll().orderBy('name').execute()
      return rows.map(fromRow)
    },
    async read(name) {
      const row = await store.db
        .selectFrom('service_principals')
        .selectAll()
        .where('name', '=', name)
        .executeTakeFirst()
      return row && { row, service: fromRow(row) }
    },
    async register(tx, name, certificate) {
      requireSuffix(requireName(name))
      const parsed = requireCertificate(certificate, now())
      const row = await store.rows.insert(tx, 'service_principals', {
        name,
        certificate_fingerprint: fingerprintOf(parsed),
        certificate: parsed.toString(),
        created_at: now(),
      })
      tx.changed('service-principal', row.certificate_fingerprint)
      return fromRow(row)
    },
    async remove(tx, { row }) {
      await store.rows.remove(tx, 'service_principals', row)
      tx.changed('service-principal', row.certificate_fingerprint)
    },
  }
}

function requireName(name: string): Pick<ServicePrincipal, 'name' | 'signingName' | 'region'> {
  const [, signingName, region] = form.exec(name) ?? []
  if (signingName === undefined) {
    throw new ServicePrincipalError(
      'the name of a service is such as s3.us-east-1.amazonaws.com, or s3.amazonaws.com for all Regions',
    )
  }
  if (ownServices.has(signingName)) {
    throw new ServicePrincipalError(`${signingName} is served here and cannot be registered`)
  }
  return { name, signingName, region }
}

/** A service of all Regions may have either name: in China, AWS calls some one way and some the other. */
function requireSuffix({ name, region }: Pick<ServicePrincipal, 'name' | 'region'>): void {
  if (region === undefined || name.endsWith(`${region}.${dnsSuffixOf(region)}`)) return
  throw new ServicePrincipalError(`the name of a service in ${region} ends with ${dnsSuffixOf(region)}`)
}

function requireCertificate(text: string, nowMs: number): X509Certificate {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(text)
  } catch (cause) {
    throw new ServicePrincipalError('the file holds no certificate in PEM form', { cause })
  }
  if (certificate.validToDate.getTime() <= nowMs) {
    throw new ServicePrincipalError(`the certificate expired on ${certificate.validTo}`)
  }
  return certificate
}

/** SHA-256 of the certificate's DER, in hex; as `WireRequest` has it. */
function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

/** The name of a service in one Region: what `kms:ViaService` says. */
export function regionalName({ name, signingName, region }: ServicePrincipal, inRegion: string): string {
  return region === undefined ? `${signingName}.${inRegion}.${dnsSuffixOf(inRegion)}` : name
}

/** The name without its Region: what `aws:CalledVia` says of `s3.us-east-1.amazonaws.com`. */
export function globalName(name: string): string {
  const [, signingName, , suffix] = form.exec(name) ?? []
  return signingName === undefined ? name : `${signingName}.${suffix}`
}

/** All names that policies may call it by, its own first: in China, AWS calls some services one way and some the other. */
export function namesOf({ name, signingName, region }: ServicePrincipal): readonly [string, ...string[]] {
  if (region === undefined) return [name]
  return [name, ...new Set([globalName(name), `${signingName}.amazonaws.com`])]
}
