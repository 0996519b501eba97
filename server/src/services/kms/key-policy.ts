import { partitionOf } from '../../arn.ts'
import {
  UnknownPrincipalError,
  type Bindings,
  type PrincipalBinding,
} from '../../identity/principal-binding.ts'
import type { KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { MalformedPolicyError, parsePolicy, type PolicyDocument } from '../../policy/document.ts'
import { findOverlyPermissiveCondition } from '../../policy/permissive-conditions.ts'
import type { Transition } from '../../store/store.ts'
import type { Asked, ConditionValues } from './conditions.ts'
import type { KeyAccess } from './key-access.ts'

/** A KMS key has one policy, and this is its name. */
export const POLICY_NAME = 'default'

// The model allows 131,072 characters; the service's documented bound is this one.
const MAX_POLICY_BYTES = 32_768

/**
 * Reads a key policy as KMS takes one; whom it names is looked up by `bindKeyPolicy`.
 *
 * @throws KmsError LimitExceededException, MalformedPolicyDocumentException
 */
export function requireKeyPolicy(text: string): PolicyDocument {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    throw new KmsError('LimitExceededException', `The key policy is larger than ${MAX_POLICY_BYTES} bytes.`)
  }
  let document: PolicyDocument
  try {
    document = parsePolicy(text, 'resource')
  } catch (error) {
    if (error instanceof MalformedPolicyError) throw malformed(wordsOfKms.get(error.message) ?? error.message)
    throw error
  }
  if (findOverlyPermissiveCondition(document) !== undefined) {
    throw malformed(
      'OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches ' +
        'requests without the specified [encryption context or tag] or with an unspecified [encryption context or tag]. ' +
        'To fix, remove ForAllValues.',
    )
  }
  return document
}

/** Where KMS has other words than IAM. */
const wordsOfKms: ReadonlyMap<string, string> = new Map([
  ['Missing required field Principal', 'Policy contains a statement with no principal.'],
])

/**
 * The unique ids of those whom the policy names, so that nobody who takes over a name takes over what it was given.
 *
 * @throws KmsError MalformedPolicyDocumentException when one of them is not there
 */
export async function bindKeyPolicy(
  binding: PrincipalBinding,
  tx: Transition,
  document: PolicyDocument,
  region: string,
): Promise<Bindings> {
  try {
    return await binding.bindPrincipals(tx.db, document, partitionOf(region))
  } catch (error) {
    if (!(error instanceof UnknownPrincipalError)) throw error
    throw malformed('Policy contains a statement with one or more invalid principals.')
  }
}

/** The caller must not shut itself out of the key by mistake; it can say that it means to. */
export function requireControl(
  access: KeyAccess,
  key: KmsKey,
  { BypassPolicyLockoutSafetyCheck: bypass }: { readonly BypassPolicyLockoutSafetyCheck?: boolean },
): void {
  if (bypass === true || access.keepsControl(key, lockoutAsked(bypass))) return
  throw malformed('The new key policy will not allow you to update the key policy in the future.')
}

/** The condition key of the requests that set a key policy. */
export function lockoutAsked(bypass: boolean | undefined): Asked {
  return { values: lockoutValues(bypass) }
}

export function lockoutValues(bypass: boolean | undefined): ConditionValues {
  return { 'kms:bypasspolicylockoutsafetycheck': String(bypass ?? false) }
}

function malformed(message: string): KmsError {
  return new KmsError('MalformedPolicyDocumentException', message)
}

/** There is no policy of any other name. */
export function requirePolicyName(name: string | undefined): void {
  if (name !== undefined && name !== POLICY_NAME)
    throw new KmsError('NotFoundException', 'No such policy exists')
}
