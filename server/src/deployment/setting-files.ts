import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { AttestationError } from '../crypto/attestation/attestation-error.ts'
import { awsNitroRootPem } from '../crypto/attestation/aws-nitro-root.ts'
import { readRoot } from '../crypto/attestation/certificate-chain.ts'
import { certificatesIn } from '../egress/certificates.ts'
import type { PrivateEndpoint } from '../identity/request-facts.ts'
import { compilePolicy } from '../policy/compile.ts'
import { MalformedPolicyError, parsePolicy } from '../policy/document.ts'
import { DeploymentError } from './deployment-error.ts'

/**
 * The certificate authorities that outgoing connections trust, in PEM.
 *
 * @param file undefined for those of the system, which is undefined again
 * @throws DeploymentError when there is no certificate in it, or one is damaged
 */
export function readCertificateAuthorities(file: string | undefined): readonly string[] | undefined {
  if (file === undefined) return undefined
  const found = certificatesIn(readSettingFile('egressCaFile', file))
  if (found === undefined) {
    throw new DeploymentError(`egressCaFile: ${file} does not hold certificates in PEM, or one is damaged`)
  }
  return found
}

/**
 * The roots of attestation documents, in DER.
 *
 * @param roots files in PEM, or `aws` for the root of AWS Nitro Enclaves
 * @throws DeploymentError when a file holds no certificate, or one that cannot be the root of attestation documents
 */
export function readAttestationRoots(roots: readonly string[]): readonly Buffer[] {
  return roots.flatMap((root) => {
    if (root === 'aws') return certificatesOf(awsNitroRootPem)
    const found = certificatesOf(readSettingFile('attestationRoots', root))
    const reason =
      found.length === 0 ? 'it does not hold certificates in PEM, or one is damaged' : unfit(found)
    if (reason !== undefined) throw new DeploymentError(`attestationRoots: ${root}: ${reason}`)
    return found
  })
}

function certificatesOf(pem: string): readonly Buffer[] {
  return (certificatesIn(pem) ?? []).map((found) => new X509Certificate(found).raw)
}

function unfit(roots: readonly Buffer[]): string | undefined {
  try {
    for (const root of roots) readRoot(root)
    return undefined
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error
    return `no attestation document can have it as its root: ${error.message}`
  }
}

/** @throws DeploymentError when its policy cannot be read, or is malformed */
export function readPrivateEndpoint({
  vpceId,
  vpcId,
  policyFile,
}: {
  readonly vpceId: string
  readonly vpcId: string
  readonly policyFile?: string | undefined
}): PrivateEndpoint {
  if (policyFile === undefined) return { vpceId, vpcId, policy: undefined }
  const text = readSettingFile(`the policy of the private endpoint ${vpceId}`, policyFile)
  try {
    const document = parsePolicy(text, 'endpoint')
    return { vpceId, vpcId, policy: compilePolicy(document, { type: 'endpoint', name: vpceId }) }
  } catch (cause) {
    if (!(cause instanceof MalformedPolicyError)) throw cause
    const { line, column } = cause.location
    throw new DeploymentError(
      `the policy of the private endpoint ${vpceId} in ${policyFile} is malformed at line ${line}, column ${column + 1}: ${cause.message}`,
      { cause },
    )
  }
}

function readSettingFile(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new DeploymentError(`${what} cannot be read from ${file} (${code})`, { cause })
  }
}
