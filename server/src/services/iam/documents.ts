import type { PolicyDocument, PolicyKind } from '../../policy/document.ts'
import { MalformedPolicyError, parsePolicy } from '../../policy/document.ts'
import { UnknownPrincipalError, type Bindings } from '../../identity/principal-binding.ts'
import type { Db } from '../../store/db.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import { documentSize, documentSizes, quotaExceeded } from './quotas.ts'

/** @throws IamError MalformedPolicyDocument with what is wrong with it */
export function requireDocument(text: string, kind: PolicyKind): PolicyDocument {
  try {
    return parsePolicy(text, kind)
  } catch (error) {
    if (error instanceof MalformedPolicyError) throw new IamError('MalformedPolicyDocument', error.message)
    throw error
  }
}

/**
 * Checks a trust policy and binds the principals that it names to those who are there now.
 *
 * @throws IamError MalformedPolicyDocument, LimitExceeded
 */
export async function requireTrustPolicy(context: IamContext, db: Db, text: string): Promise<Bindings> {
  // What is too large is not worth reading.
  if (documentSize(text) > documentSizes.trust) throw quotaExceeded('ACLSizePerRole', documentSizes.trust)
  const document = requireDocument(text, 'trust')
  try {
    return await context.binding.bindPrincipals(db, document, context.partition)
  } catch (error) {
    if (!(error instanceof UnknownPrincipalError)) throw error
    const { type } = document.statements
      .flatMap(({ principal, notPrincipal }) => [
        ...(principal?.entries ?? []),
        ...(notPrincipal?.entries ?? []),
      ])
      .find(({ value }) => value === error.principal) ?? { type: 'AWS' }
    throw new IamError(
      'MalformedPolicyDocument',
      `Invalid principal in policy: "${type}":"${error.principal}"`,
    )
  }
}
