import { setImmediate as nextTurn } from 'node:timers/promises'
import { parseArn } from '../../arn.ts'
import type { OrganizationFacts } from '../../identity/organization-facts.ts'
import { principalArn, type Principal, type PrincipalKind } from '../../identity/principal.ts'
import { freshRoleSession } from '../../identity/session.ts'
import { compilePolicy, type CompiledPolicy, type PolicySource } from '../../policy/compile.ts'
import { MalformedPolicyError, parsePolicy, type PolicyKind } from '../../policy/document.ts'
import type { RequestContext, RequestPrincipal } from '../../policy/request.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import { documentSize, documentSizes } from './quotas.ts'

/** Whose policies are simulated, or the policies themselves. */
export interface Subject {
  readonly principal: RequestPrincipal
  readonly accountId: string
  readonly identityPolicies: readonly CompiledPolicy[]
  readonly boundary: CompiledPolicy | undefined
  readonly serviceControl: readonly (readonly CompiledPolicy[])[]
  /** Of the principal's account; nothing for policies that belong to nobody. */
  readonly organization: OrganizationFacts | undefined
  readonly quarantine: string | undefined
  /** The condition keys that follow from who it is. */
  readonly context: RequestContext
  /** What answers call the policies. */
  readonly names: ReadonlyMap<PolicySource, string>
}

// What is larger could not be put anywhere, and takes tens of milliseconds to read.
const mostCharacters = (kind: PolicyKind): number => (kind === 'resource' ? 32_768 : documentSizes.role)

/** @throws IamError InvalidInput for what is no policy */
export function compiled(text: string, kind: PolicyKind, name: string): CompiledPolicy {
  const most = mostCharacters(kind)
  if (documentSize(text) > most) {
    throw new IamError(
      'InvalidInput',
      `Invalid policy document in ${name}: it has more than ${most} characters.`,
    )
  }
  try {
    return compilePolicy(parsePolicy(text, kind), { type: kind, name })
  } catch (error) {
    if (!(error instanceof MalformedPolicyError)) throw error
    throw new IamError('InvalidInput', `Invalid policy document in ${name}: ${error.message}`)
  }
}

/** A request can bring a megabyte of policies: others have their turn between one and the next. */
export async function compiledList(
  texts: readonly string[] | undefined,
  kind: PolicyKind,
  list: string,
): Promise<CompiledPolicy[]> {
  const policies: CompiledPolicy[] = []
  for (const [i, text] of (texts ?? []).entries()) {
    if (i > 0) await nextTurn()
    policies.push(compiled(text, kind, `${list}.${i + 1}`))
  }
  return policies
}

/**
 * A user, group or role of the caller's account.
 * @throws IamError InvalidInput for what is no ARN of one, NoSuchEntity; AwsError AccessDeniedException
 */
export async function requireSource(
  context: IamContext,
  sourceArn: string,
  action: string,
): Promise<Principal> {
  const { accountId, principals, store, partition } = context
  const arn = parseArn(sourceArn)
  const [, kind, name] =
    /^(user|group|role)\/(?:[!-~]*\/)?([\w+=,.@-]{1,128})$/.exec(arn?.resource ?? '') ?? []
  if (arn?.service !== 'iam' || kind === undefined || name === undefined) {
    throw new IamError('InvalidInput', 'Invalid Entity Arn: it must be the ARN of a user, group or role.')
  }
  const own = arn.accountId === accountId
  const found = own ? await principals.read(store.db, accountId, kind as PrincipalKind, name) : undefined
  context.authorize(action, { arn: sourceArn, tags: found?.principal.tags })
  if (found === undefined || principalArn(found.principal, partition) !== sourceArn) {
    throw new IamError('NoSuchEntity', `The ${kind} with name ${name} cannot be found.`)
  }
  return found.principal
}

/** What the server itself would decide by, were this principal to ask. */
export async function subjectOf(context: IamContext, principal: Principal): Promise<Subject> {
  const names = new Map<PolicySource, string>()
  const policies = await policiesOf(context, principal, names)
  if (principal.kind === 'group') return groupSubject(context, principal, policies, names)
  const { call, standings } = context
  const standing =
    principal.kind === 'user'
      ? await standings.ofUser(principal.principalId, call.region, '')
      : await standings.ofSession(
          {
            accessKeyId: '',
            accountId: principal.accountId,
            principal: { kind: 'role', id: principal.principalId },
            session: freshRoleSession(
              { roleId: principal.principalId, sessionName: 'simulation' },
              context.now(),
            ),
          },
          call.region,
        )
  if (standing === undefined)
    throw new IamError('NoSuchEntity', `The ${principal.kind} with name ${principal.name} cannot be found.`)
  return {
    principal: standing.principal,
    accountId: principal.accountId,
    identityPolicies: standing.identityPolicies,
    boundary: standing.boundary,
    serviceControl: standing.serviceControl,
    organization: standing.organization,
    quarantine: standing.quarantine,
    context: standing.context,
    names,
  }
}

/** A group asks for nothing by itself: this is a user that has nothing but the group's policies. */
async function groupSubject(
  context: IamContext,
  group: Principal,
  identityPolicies: readonly CompiledPolicy[],
  names: ReadonlyMap<PolicySource, string>,
): Promise<Subject> {
  const { accountId, principalId } = group
  const organization = await context.organizations.load(accountId)
  const arn = principalArn(group, context.partition)
  return {
    principal: { type: 'user', accountId, arn, id: principalId },
    accountId,
    identityPolicies,
    boundary: undefined,
    serviceControl: organization.serviceControl,
    organization,
    quarantine: undefined,
    context: { get: () => undefined },
    names,
  }
}

/** Every identity policy of a principal, its groups' among them, named as AWS names them in its answers. */
async function policiesOf(
  { principals, managedPolicies }: IamContext,
  principal: Principal,
  names: Map<PolicySource, string>,
): Promise<readonly CompiledPolicy[]> {
  const found: CompiledPolicy[] = []
  for (const id of [principal.principalId, ...principal.groupIds]) {
    const entry = await principals.load(id)
    if (entry === undefined) continue
    const { kind, name, attachedPolicies } = entry.value.principal
    for (const policy of entry.value.inlinePolicies) {
      names.set(policy.source, `${kind}_${name}_${policy.source.name ?? ''}`)
      found.push(policy)
    }
    for (const arn of attachedPolicies) {
      const managed = await managedPolicies.load(arn)
      if (managed === undefined) continue
      const policy = managed.value.as('identity')
      names.set(policy.source, managed.value.name)
      found.push(policy)
    }
  }
  return found
}
