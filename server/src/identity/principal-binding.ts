import { parseArn } from '../arn.ts'
import type { PolicyDocument, PrincipalEntry } from '../policy/document.ts'
import { isAccountId } from './accounts.ts'
import { principalArn, sessionArn, type PrincipalKind } from './principal.ts'
import type { Principals } from './principals.ts'
import type { Db } from '../store/db.ts'
import { replacePrincipals } from './shown-policy.ts'

/** ARN, as a policy or grant writes it → unique id of the user or role that had it when it was stored. */
export type Bindings = ReadonlyMap<string, string>

/** A policy or grant names a principal that this deployment does not have. */
export class UnknownPrincipalError extends Error {
  override readonly name = 'UnknownPrincipalError'
  /** As it was written. */
  readonly principal: string

  constructor(principal: string) {
    super(`There is no principal ${principal}`)
    this.principal = principal
  }
}

/** Who an ARN or an account id names. */
export interface BoundPrincipal {
  readonly kind: 'account' | 'user' | 'role' | 'assumed-role'
  readonly accountId: string
  /** Of the user or role (of a role session, the role's); the account id of an account. */
  readonly uniqueId: string
}

/** Ties names of principals to those who have them now. Reads the store: a transition's own rows, or what is committed. */
export interface PrincipalBinding {
  /**
   * @param partition of what the policy is for: nobody is known there by an ARN of another one
   * @returns a unique id for each user, role and role session that the policy names; accounts and services need none
   * @throws UnknownPrincipalError
   */
  bindPrincipals(db: Db, document: PolicyDocument, partition: string): Promise<Bindings>
  /** One ARN, account id or unique id. @throws UnknownPrincipalError */
  bindPrincipal(db: Db, principal: string): Promise<BoundPrincipal>
  /**
   * The text as AWS shows it: principals that are no longer there by their unique ids, renamed ones by their new ARNs,
   * all others as they were written.
   */
  shownPolicy(db: Db, text: string, bindings: Bindings): Promise<string>
}

const uniqueIdPattern = /^(AIDA|AROA)[A-Z0-9]{12,124}$/
const servicePattern = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$/

export function createPrincipalBinding(parts: { principals: Principals }): PrincipalBinding {
  const { principals } = parts

  async function bindPrincipals(db: Db, document: PolicyDocument, partition: string): Promise<Bindings> {
    const bindings = new Map<string, string>()
    for (const { principal, notPrincipal } of document.statements) {
      for (const entry of [...(principal?.entries ?? []), ...(notPrincipal?.entries ?? [])]) {
        if (bindings.has(entry.value)) continue
        if (entry.type === 'AWS' && (parseArn(entry.value)?.partition ?? partition) !== partition) {
          throw new UnknownPrincipalError(entry.value)
        }
        const id = await uniqueIdOf(db, entry)
        if (id !== undefined) bindings.set(entry.value, id)
      }
    }
    return bindings
  }

  /** Undefined for one that needs no unique id. */
  async function uniqueIdOf(db: Db, { type, value }: PrincipalEntry): Promise<string | undefined> {
    switch (type) {
      case 'Service':
        if (!servicePattern.test(value) && !(await isRegistered(db, value))) {
          throw new UnknownPrincipalError(value)
        }
        return undefined
      case 'Federated':
        return undefined
      case 'CanonicalUser':
        throw new UnknownPrincipalError(value)
      case 'AWS': {
        if (value === '*') return undefined
        const bound = await bindPrincipal(db, value)
        return bound.kind === 'account' || bound.uniqueId === value ? undefined : bound.uniqueId
      }
    }
  }

  async function bindPrincipal(db: Db, principal: string): Promise<BoundPrincipal> {
    const bound = await find(db, principal)
    if (bound === undefined) throw new UnknownPrincipalError(principal)
    return bound
  }

  async function find(db: Db, text: string): Promise<BoundPrincipal | undefined> {
    if (isAccountId(text)) return account(db, text)
    if (uniqueIdPattern.test(text)) {
      const found = await principals.readById(db, text)
      return found && bound(found.principal.kind, found.principal)
    }
    const arn = parseArn(text)
    if (arn === undefined || arn.region !== '' || !isAccountId(arn.accountId)) return undefined
    const { accountId, resource } = arn
    const parts = resource.split('/')
    if (arn.service === 'sts') {
      const [type, roleName, session, ...more] = parts
      if (type !== 'assumed-role' || !roleName || !session || more.length > 0) return undefined
      const role = await principals.read(db, accountId, 'role', roleName)
      return role?.principal.name === roleName ? bound('assumed-role', role.principal) : undefined
    }
    if (arn.service !== 'iam') return undefined
    if (resource === 'root') return account(db, accountId)
    const kind = parts[0]
    if (kind !== 'user' && kind !== 'role') return undefined
    const named = await principals.read(db, accountId, kind, parts.at(-1) ?? '')
    // The path and the case of the name are parts of the ARN.
    return named && principalArn(named.principal, arn.partition) === text
      ? bound(kind, named.principal)
      : undefined
  }

  async function account(db: Db, accountId: string): Promise<BoundPrincipal | undefined> {
    const row = await db
      .selectFrom('accounts')
      .select('account_id')
      .where('account_id', '=', accountId)
      .executeTakeFirst()
    return row && { kind: 'account', accountId, uniqueId: accountId }
  }

  async function isRegistered(db: Db, service: string): Promise<boolean> {
    const row = await db
      .selectFrom('service_principals')
      .select('name')
      .where('name', '=', service)
      .executeTakeFirst()
    return row !== undefined
  }

  /** A principal that was renamed is shown by its new name, one that is gone by its unique id. */
  async function nowCalled(db: Db, text: string, uniqueId: string): Promise<string> {
    const found = await principals.readById(db, uniqueId)
    const arn = parseArn(text)
    if (found === undefined || arn === undefined) return uniqueId
    if (arn.service === 'iam') return principalArn(found.principal, arn.partition)
    return sessionArn(found.principal, arn.resource.slice(arn.resource.lastIndexOf('/') + 1), arn.partition)
  }

  return {
    bindPrincipals,
    bindPrincipal,
    async shownPolicy(db, text, bindings) {
      const gone = new Map<string, string>()
      for (const [arn, uniqueId] of bindings) {
        if ((await find(db, arn))?.uniqueId !== uniqueId) gone.set(arn, await nowCalled(db, arn, uniqueId))
      }
      return gone.size === 0 ? text : replacePrincipals(text, gone)
    },
  }
}

function bound(
  kind: PrincipalKind | 'assumed-role',
  { accountId, principalId }: { accountId: string; principalId: string },
): BoundPrincipal | undefined {
  return kind === 'group' ? undefined : { kind, accountId, uniqueId: principalId }
}
