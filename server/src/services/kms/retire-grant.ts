import type { Grant } from '../../keys/grant.ts'
import { accountOf, grantIdPattern, ownIds } from '../../keys/grant.ts'
import type { GrantName } from '../../keys/grant-tokens.ts'
import { parseKeyReference } from '../../keys/key-reference.ts'
import { keyArn, type KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { accessDenied, decideAccess, type AccessQuestion } from '../../identity/access.ts'
import type { RequestPrincipal } from '../../policy/request.ts'
import { KmsConditions } from './conditions.ts'
import { constraintContext } from './grant-request.ts'
import type { KmsContext, Operation } from './operation.ts'
import type { RequestOf } from './shapes.ts'

/**
 * Takes a grant away, as somebody whom the grant itself lets do so: the retiring principal, the grantee when
 * RetireGrant is among the operations, or the account that made it. Key policies and resource control policies play
 * no part; identity policies can deny it, and an account can delegate what it may do to its users and roles.
 *
 * @see AWS KMS API Reference, RetireGrant; Developer Guide, "Retiring and revoking grants"
 */
export const retireGrant: Operation<'RetireGrant'> = async (request, context) => {
  const { caller, region, keys, grants, audit, transition } = context
  const named = grantNamed(request, context)
  return transition(async (tx) => {
    const stored = await grants.read(tx.db, named)
    const key = (await keys.read(tx.db, region, named.keyId))?.key
    // A grant of that id on another account's key than the ARN says is not the one that was asked for.
    const isThere = stored !== undefined && key?.accountId === (named.accountId ?? key?.accountId)
    const grant = isThere ? stored.grant : undefined
    const accountId = grant?.accountId ?? named.accountId ?? caller.accountId
    const arn = keyArn(accountId, region, named.keyId)
    requireRetirable(context, grant, {
      arn,
      accountId,
      facts: key?.accountId === accountId ? key : undefined,
      // Whose key it is that a token names, it does not say.
      onWhat: named.accountId === undefined ? 'this resource' : undefined,
    })
    if (!isThere) throw new KmsError('NotFoundException', `Grant ID ${named.grantId} not found`)
    audit.resource({ accountId, arn })
    if (request.DryRun) throw new KmsError('DryRunOperationException')
    await grants.remove(tx, stored)
    return undefined
  })
}

/** A token names the key too, but not the account. */
type NamedGrant = GrantName & { readonly accountId?: string }

function grantNamed(
  { GrantToken: token, KeyId: keyId, GrantId: grantId }: RequestOf<'RetireGrant'>,
  { caller, region, grants }: KmsContext,
): NamedGrant {
  if (token !== undefined && keyId === undefined && grantId === undefined) {
    const named = grants.readToken(token)
    if (named.region !== region) throw new KmsError('InvalidGrantTokenException')
    return named
  }
  if (token !== undefined || keyId === undefined || grantId === undefined) {
    throw new KmsError('ValidationException', 'Specify either GrantToken, or both KeyId and GrantId.')
  }
  if (!grantIdPattern.test(grantId)) throw new KmsError('InvalidGrantIdException')
  const reference = parseKeyReference(
    keyId,
    { accountId: caller.accountId, region },
    'key',
    'InvalidArnException',
  )
  if (reference.form !== 'key') throw new KmsError('InvalidArnException', `Invalid arn ${keyId}`)
  return { region, keyId: reference.keyId, grantId, accountId: reference.accountId }
}

interface KeyOfGrant {
  readonly arn: string
  readonly accountId: string
  readonly facts: KmsKey | undefined
  readonly onWhat: string | undefined
}

/**
 * Throws AWS's refusal unless the caller may retire the grant; of one that is not there, unless the caller may hear that.
 * Who is neither named by a grant nor of an account that may retire it hears the same whether there is one or not.
 */
function requireRetirable(
  { caller, region, standing, facts }: KmsContext,
  grant: Grant | undefined,
  key: KeyOfGrant,
): void {
  const named = grant !== undefined && isNamed(grant, standing.principal)
  const accountId = accountOf(standing.principal) ?? caller.accountId
  const delegated = grant === undefined ? accountId === key.accountId : retiringAccounts(grant).has(accountId)
  const asked = {
    encryptionContext: constraintContext(grant?.constraint),
    values: { 'kms:grantconstrainttype': grant?.constraint?.type },
  }
  const action = 'kms:RetireGrant'
  // To others a key shows nothing, not even by a condition on it.
  const known = named || delegated ? key.facts : undefined
  const resource = {
    arn: key.arn,
    // As on a resource of the caller's own account without a policy: what another account's policies say has no effect.
    accountId: caller.accountId,
    quarantine: known?.quarantine?.reason,
    tags: known?.tags,
  }
  const context = new KmsConditions({
    action,
    caller,
    region,
    asked,
    key: known,
    requestAlias: undefined,
  })
  const question = { action, context, onWhat: key.onWhat }
  const decision = decideAccess(standing, facts, { ...question, resource: { ...resource, kind: 'plain' } })
  if (named && (decision.allowed || decision.couldBeGranted)) return
  if (delegated && decision.allowed) return

  // Whatever else allows it does not count; so the refusal is that of a key whose policy allows nothing.
  const refused: AccessQuestion = { ...question, resource: { ...resource, kind: 'kms-key' } }
  throw accessDenied(standing, refused, decision.allowed ? decideAccess(standing, facts, refused) : decision)
}

/** Whether the grant lets this very principal retire it. */
function isNamed({ retiring, grantee, operations }: Grant, principal: RequestPrincipal): boolean {
  const own = ownIds(principal)
  if (retiring !== undefined && own.includes(retiring.id)) return true
  return operations.includes('RetireGrant') && own.includes(grantee.id)
}

/** Accounts that may retire the grant: their root users, and whom their identity policies allow it. */
function retiringAccounts({ accountId, issuingAccount, retiring, grantee, operations }: Grant): Set<string> {
  const accounts = new Set([accountId, issuingAccount])
  // An id of a user, role or service is none of an account, so it does no harm here.
  if (retiring !== undefined) accounts.add(retiring.id)
  if (operations.includes('RetireGrant')) accounts.add(grantee.id)
  return accounts
}
