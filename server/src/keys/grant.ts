import type { RequestPrincipal } from '../policy/request.ts'
import type { GrantRow } from '../store/rows/key-rows.ts'
import type { ContextConstraint, Pairs } from './grant-constraints.ts'
import type { GrantOperation } from './grant-operations.ts'

/** A principal that a grant names: as it was given, and what it is bound to. */
export interface GrantPrincipal {
  /** An ARN, or the name of a service. */
  readonly name: string
  /** The unique id of a user or role (with `:<session name>` for one session), an account id, or the name of a service. */
  readonly id: string
}

/** A permission for one principal to do some operations with one key. */
export interface Grant {
  readonly grantId: string
  readonly region: string
  readonly keyId: string
  /** The key's. */
  readonly accountId: string
  readonly name: string | undefined
  readonly grantee: GrantPrincipal
  readonly retiring: GrantPrincipal | undefined
  /** The account that made it. */
  readonly issuingAccount: string
  readonly operations: readonly GrantOperation[]
  readonly constraint: ContextConstraint | undefined
  readonly sourceArn: string | undefined
  readonly createdAtMs: number
}

/** A grant, with the authenticated row that it was read from. */
export interface StoredGrant {
  readonly grant: Grant
  readonly row: GrantRow
}

export const grantIdPattern = /^[0-9a-f]{64}$/

/** The entity of the change feed that stands for the grants of one grantee on one key. */
export function granteeEntityId(region: string, keyId: string, granteeId: string): string {
  return `${region}/${keyId}/${granteeId}`
}

const none: readonly string[] = []

/** The ids by which a grant can name who asks. The root user is its account. */
export function ownIds(principal: RequestPrincipal): readonly string[] {
  switch (principal.type) {
    case 'root':
      return [principal.accountId]
    case 'user':
      return [principal.id]
    case 'assumed-role':
      return [principal.roleId, `${principal.roleId}:${principal.sessionName}`]
    case 'service':
      return principal.names
    default:
      return none
  }
}

/** The account that a user or role belongs to, which a grant can name in its place. */
export function accountOf(principal: RequestPrincipal): string | undefined {
  return principal.type === 'user' || principal.type === 'assumed-role' ? principal.accountId : undefined
}

/** Service names have dots; unique ids, sessions' ids and account ids have none before a colon. */
export function isServiceName(principalId: string): boolean {
  return /^[A-Za-z0-9-]+\./.test(principalId)
}

/** Reads a row whose code was checked. */
export function grantFromRow(row: GrantRow): Grant {
  return {
    grantId: row.grant_id,
    region: row.region,
    keyId: row.key_id,
    accountId: row.account_id,
    name: row.name ?? undefined,
    grantee: { name: row.grantee, id: row.grantee_id },
    retiring:
      row.retiring === null || row.retiring_id === null
        ? undefined
        : { name: row.retiring, id: row.retiring_id },
    issuingAccount: row.issuing_account,
    operations: JSON.parse(row.operations) as GrantOperation[],
    constraint: row.constraints === null ? undefined : constraintFromText(row.constraints),
    sourceArn: row.source_arn ?? undefined,
    createdAtMs: row.created_at,
  }
}

/** A constraint is JSON with one member, `equals` or `subset`: a list of [name, value]. */
export function constraintToText({ type, pairs }: ContextConstraint): string {
  return JSON.stringify(type === 'EncryptionContextEquals' ? { equals: pairs } : { subset: pairs })
}

function constraintFromText(text: string): ContextConstraint {
  const { equals, subset } = JSON.parse(text) as { equals?: Pairs; subset?: Pairs }
  // What the row does not say must not be taken for no constraint.
  if (equals !== undefined) return { type: 'EncryptionContextEquals', pairs: equals }
  if (subset !== undefined) return { type: 'EncryptionContextSubset', pairs: subset }
  throw new Error('A grant holds a constraint that this release does not know')
}
