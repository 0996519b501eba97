import { readFileSync } from 'node:fs'
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
