import type { Pairs } from '../../keys/grant-constraints.ts'
import { foldContext, type ContextConstraint, type GrantLimits } from '../../keys/grant-constraints.ts'
import { fitsKey, grantOperations, operationBits, type GrantOperation } from '../../keys/grant-operations.ts'
import type { KmsKey } from '../../keys/key.ts'
import { isSymmetricEncryption } from '../../keys/key-type.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { ConditionValues } from './conditions.ts'
import { requirePrincipalName } from './grant-principals.ts'
import type { RequestOf } from './shapes.ts'

type CreateGrantRequest = RequestOf<'CreateGrant'>

/** What CreateGrant asks for, after the rules that need no key and no principal. */
export interface RequestedGrant extends GrantLimits {
  readonly names: readonly GrantOperation[]
  /** An ARN, or the name of a service. */
  readonly grantee: string
  readonly retiring: string | undefined
}

const MAX_PAIRS = 8
const MAX_VALUE_LENGTH = 384

/** @throws KmsError ValidationException, InvalidArnException */
export function requestedGrant(request: CreateGrantRequest, region: string): RequestedGrant {
  const { GranteePrincipal, GranteeServicePrincipal, RetiringPrincipal, RetiringServicePrincipal } = request
  const grantee = GranteePrincipal ?? GranteeServicePrincipal
  if (grantee === undefined) {
    throw new KmsError(
      'ValidationException',
      "1 validation error detected: Value null at 'granteePrincipal' failed to satisfy constraint: Member must not be null",
    )
  }
  onlyOne('GranteePrincipal', GranteePrincipal, 'GranteeServicePrincipal', GranteeServicePrincipal)
  onlyOne('RetiringPrincipal', RetiringPrincipal, 'RetiringServicePrincipal', RetiringServicePrincipal)
  const retiring = RetiringPrincipal ?? RetiringServicePrincipal
  const sourceArn = request.Constraints?.SourceArn
  if (GranteeServicePrincipal !== undefined && (sourceArn === undefined || retiring === undefined)) {
    throw new KmsError(
      'ValidationException',
      'A grant with a GranteeServicePrincipal must have a SourceArn constraint and either a RetiringPrincipal or a RetiringServicePrincipal.',
    )
  }

  const names = operationsOf(request.Operations)
  const constraint = constraintOf(request.Constraints)
  return {
    names,
    operations: operationBits(names),
    constraint,
    sourceArn,
    grantee: requirePrincipalName(grantee, region),
    retiring: retiring && requirePrincipalName(retiring, region),
  }
}

/** The rules that depend on the kind of key. @throws KmsError ValidationException */
export function requireGrantFits({ names, constraint }: RequestedGrant, key: KmsKey): void {
  const misfit = names.find((name) => !fitsKey(name, key))
  if (misfit !== undefined) {
    throw new KmsError(
      'ValidationException',
      `Operation ${misfit} is not valid for ${key.arn}: its key spec is ${key.spec} and its key usage is ${key.usage}.`,
    )
  }
  if (constraint !== undefined && !isSymmetricEncryption(key)) {
    throw new KmsError(
      'ValidationException',
      `Encryption context constraints are not valid for ${key.arn}: its key spec is ${key.spec} and its key usage is ${key.usage}.`,
    )
  }
}

/** The condition keys that only a request to make a grant has. */
export function grantConditions(
  request: CreateGrantRequest,
  { names, constraint, sourceArn, grantee, retiring }: RequestedGrant,
): ConditionValues {
  return {
    'kms:grantoperations': names,
    'kms:granteeprincipal': request.GranteePrincipal && grantee,
    'kms:granteeserviceprincipal': request.GranteeServicePrincipal,
    'kms:retiringprincipal': request.RetiringPrincipal && retiring,
    'kms:retiringserviceprincipal': request.RetiringServicePrincipal,
    'kms:grantconstrainttype': constraint?.type,
    'kms:grantconstraintsourcearn': sourceArn,
  }
}

/** The pairs of a constraint as the encryption context of the request that names it. */
export function constraintContext(constraint: ContextConstraint | undefined): ReadonlyMap<string, string> {
  return new Map(constraint?.pairs ?? [])
}

function operationsOf(asked: readonly GrantOperation[]): readonly GrantOperation[] {
  if (asked.length === 0) {
    throw new KmsError(
      'ValidationException',
      "1 validation error detected: Value '[]' at 'operations' failed to satisfy constraint: Member must have length greater than or equal to 1",
    )
  }
  const names = grantOperations.filter((name) => asked.includes(name))
  if (names.length === 1 && names[0] === 'CreateGrant') {
    throw new KmsError('ValidationException', 'Grants must not contain only the CreateGrant operation.')
  }
  return names
}

function constraintOf(constraints: CreateGrantRequest['Constraints']): ContextConstraint | undefined {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = constraints ?? {}
  onlyOne('EncryptionContextEquals', equals, 'EncryptionContextSubset', subset)
  if (equals !== undefined) return { type: 'EncryptionContextEquals', pairs: pairsOf(equals) }
  // Every context has no pair at least, so this is no constraint, and must not pass for one.
  if (subset === undefined || subset.size === 0) return undefined
  return { type: 'EncryptionContextSubset', pairs: pairsOf(subset) }
}

function pairsOf(context: ReadonlyMap<string, string>): Pairs {
  if (context.size > MAX_PAIRS) {
    throw new KmsError(
      'ValidationException',
      `A grant constraint can have at most ${MAX_PAIRS} encryption context pairs.`,
    )
  }
  if ([...context.values()].some((value) => value.length > MAX_VALUE_LENGTH)) {
    throw new KmsError(
      'ValidationException',
      `An encryption context value in a grant constraint can have at most ${MAX_VALUE_LENGTH} characters.`,
    )
  }
  if (foldContext(context) === undefined) {
    throw new KmsError(
      'ValidationException',
      'Encryption context keys in a grant constraint must differ by more than their case.',
    )
  }
  return [...context].sort(([a], [b]) => (a < b ? -1 : 1))
}

function onlyOne(first: string, one: unknown, second: string, other: unknown): void {
  if (one === undefined || other === undefined) return
  throw new KmsError('ValidationException', `Only one of ${first} and ${second} can be specified.`)
}
