import { createHash, sign, verify, X509Certificate, type KeyObject } from 'node:crypto'
import { partitionOf } from '../arn.ts'
import { xWingPublicKey, type XWingPublicKey } from '../crypto/x-wing.ts'
import { identityBytes } from '../crypto/wrap.ts'
import { regionName } from '../regions.ts'
import { readStrictJson, StrictJsonError } from '../strict-json.ts'

/** What a deployment shows to those that are to be linked with it; nothing of it is secret. */
export interface DeploymentIdentity {
  readonly deploymentId: string
  /** All of one partition. */
  readonly regions: readonly string[]
  readonly certificate: X509Certificate
  /** What material is wrapped to. */
  readonly wrappingKey: XWingPublicKey
}

/** What is wrong with an identity file, or with a link, in one line. */
export class RegionLinkError extends Error {
  override readonly name = 'RegionLinkError'
}

const FORMAT = 'keywright region identity'
const VERSION = 1
const MOST_BYTES = 32_768
const MOST_REGIONS = 100
const deploymentIdForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** As a file; the certificate's key signs the rest. */
export function formatIdentity(identity: DeploymentIdentity, privateKey: KeyObject): string {
  const { deploymentId, regions, certificate, wrappingKey } = identity
  const file = {
    format: FORMAT,
    version: VERSION,
    deploymentId,
    regions,
    fingerprint: fingerprintOf(identity),
    certificate: certificate.toString(),
    wrappingKey: wrappingKey.bytes.toString('base64'),
    signature: sign('sha256', signedBytes(identity), privateKey).toString('base64'),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/** @throws RegionLinkError */
export function parseIdentity(text: string): DeploymentIdentity {
  const file = read(text)
  const { format, version, deploymentId, regions, fingerprint, certificate, wrappingKey, signature } = file
  if (format !== FORMAT) throw new RegionLinkError('this is not the identity of a deployment')
  if (version !== VERSION) throw new RegionLinkError('the identity is of a newer version of Keywright')
  const isWellFormed =
    typeof deploymentId === 'string' &&
    deploymentIdForm.test(deploymentId) &&
    isRegionList(regions) &&
    typeof certificate === 'string' &&
    typeof wrappingKey === 'string' &&
    typeof signature === 'string'
  if (!isWellFormed) throw new RegionLinkError('the identity is damaged: ask for the file again')
  let identity: DeploymentIdentity
  let isSigned = false
  try {
    identity = {
      deploymentId,
      regions,
      certificate: new X509Certificate(certificate),
      wrappingKey: xWingPublicKey(Buffer.from(wrappingKey, 'base64')),
    }
    const { publicKey } = identity.certificate
    isSigned =
      publicKey.asymmetricKeyType === 'ec' &&
      verify('sha256', signedBytes(identity), publicKey, Buffer.from(signature, 'base64'))
  } catch (cause) {
    throw new RegionLinkError('the identity is damaged: ask for the file again', { cause })
  }
  if (!isSigned || fingerprint !== fingerprintOf(identity)) {
    throw new RegionLinkError('the identity was changed after it was made: ask for the file again')
  }
  return identity
}

/** Of the keys, not of the Regions, which may change: ten groups of four, for two people to read to each other. */
export function fingerprintOf({ deploymentId, certificate, wrappingKey }: DeploymentIdentity): string {
  const bytes = identityBytes(
    'keywright/region-identity-fingerprint/v1',
    deploymentId,
    certificate.raw,
    wrappingKey.bytes,
  )
  const digits = createHash('sha256').update(bytes).digest('hex').slice(0, 40)
  return digits.replace(/(.{4})(?=.)/g, '$1-')
}

/** SHA-256 of a certificate's DER, in hex. */
export function certificateFingerprint({ raw }: Pick<X509Certificate, 'raw'>): string {
  return createHash('sha256').update(raw).digest('hex')
}

function signedBytes({ deploymentId, regions, certificate, wrappingKey }: DeploymentIdentity): Buffer {
  return identityBytes(
    'keywright/region-identity/v1',
    deploymentId,
    certificate.raw,
    wrappingKey.bytes,
    ...regions,
  )
}

function read(text: string): Record<string, unknown> {
  if (text.length > MOST_BYTES) throw new RegionLinkError('this is too long for the identity of a deployment')
  try {
    const value = readStrictJson(text, 3)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error
  }
  throw new RegionLinkError('this is not the identity of a deployment')
}

function isRegionList(value: unknown): value is string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_REGIONS) return false
  const regions = value as unknown[]
  return (
    regions.every((region) => typeof region === 'string' && regionName.test(region)) &&
    new Set(regions).size === regions.length &&
    new Set(regions.map((region) => partitionOf(region as string))).size === 1
  )
}
