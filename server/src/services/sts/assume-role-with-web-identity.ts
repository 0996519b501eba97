import { parseArn } from '../../arn.ts'
import { decideAccess } from '../../identity/access.ts'
import { anonymous } from '../../identity/anonymous.ts'
import { OidcKeysError } from '../../identity/oidc-keys.ts'
import { oidcProviderArn, type OidcProvider } from '../../identity/oidc-providers.ts'
import { readToken, verifyToken, WebIdentityError, type WebIdentity } from '../../identity/oidc-tokens.ts'
import type { Standing } from '../../identity/standing.ts'
import { findRole, type AssumedRole } from './assumed-role.ts'
import type { Operation, StsContext } from './operation.ts'
import { issueRoleSession, roleSeconds } from './role-session.ts'
import { sessionPolicies } from './session-policies.ts'
import { sessionTags, type SessionTags } from './session-tags.ts'
import { StsError } from './sts-error.ts'
import { keysOfToken, sourceIdentityOfToken, tagsOfToken } from './web-identity-claims.ts'

/**
 * Comes without a signature: nothing is known of who asks before the token is verified, and nothing is fetched for an issuer
 * that the role's account has not registered.
 *
 * @see AWS STS API Reference, AssumeRoleWithWebIdentity
 */
export const assumeRoleWithWebIdentity: Operation<'AssumeRoleWithWebIdentity'> = async (request, context) => {
  const { call, now } = context
  if (request.ProviderId !== undefined) {
    throw new StsError('ValidationError', 'ProviderId is not given for OpenID Connect ID tokens.')
  }
  const { identity, provider } = await verified(request.WebIdentityToken, request.RoleArn, context).catch(
    (error: unknown) => refused(error, now()),
  )
  const standing = standingOf(identity, provider)
  call.audit.identity(standing.caller)

  const role = await findRole(request.RoleArn, context)
  call.audit.resource({ accountId: role.accountId, arn: role.resource.arn })
  const tags = sessionTags(tagsOfToken(identity.claims), undefined)
  const sourceIdentity = sourceIdentityOfToken(identity.claims)
  requireAllowed(standing, role, { tags, sourceIdentity, sessionName: request.RoleSessionName }, context)
  const { principal } = role
  if (principal === undefined) throw new Error('a role that does not exist was allowed to be assumed')

  const policies = await sessionPolicies(request, role.accountId, context)
  const { subject, audience } = identity
  const session = issueRoleSession(
    {
      role: principal,
      sessionName: request.RoleSessionName,
      seconds: roleSeconds(request.DurationSeconds, principal, false),
      policies,
      tags,
      sourceIdentity,
      chained: false,
      assumedBy: [],
      webIdentity: { providerArn: provider.arn, subject, audience },
    },
    context,
  )
  return {
    ...session,
    SubjectFromWebIdentityToken: subject,
    Provider: provider.arn,
    Audience: audience,
  }
}

async function verified(
  text: string,
  roleArn: string,
  { call, oidcProviders, oidcKeys, now }: StsContext,
): Promise<{ identity: WebIdentity; provider: OidcProvider }> {
  const token = readToken(text)
  const { issuer } = token
  const role = parseArn(roleArn)
  if (role === undefined) throw new StsError('ValidationError', `${roleArn} is invalid`)
  const url = issuer.startsWith('https://') ? issuer.slice('https://'.length) : undefined
  const entry =
    url === undefined || url.length > 255
      ? undefined
      : await oidcProviders.load(oidcProviderArn(role.accountId, url, role.partition))
  if (entry === undefined) {
    throw new StsError(
      'InvalidIdentityToken',
      `No OpenIDConnect provider found in your account for ${issuer.slice(0, 255)}`,
    )
  }
  const provider = call.use(entry)
  return { identity: await verifyToken(token, provider, oidcKeys, now()), provider }
}

function requireAllowed(
  standing: Standing,
  { resource }: AssumedRole,
  asked: { tags: SessionTags; sourceIdentity: string | undefined; sessionName: string },
  { call }: StsContext,
): void {
  const { tags, sourceIdentity, sessionName } = asked
  const keys = new Map<string, string | readonly string[]>([['sts:rolesessionname', sessionName]])
  if (sourceIdentity !== undefined) keys.set('sts:sourceidentity', sourceIdentity)
  if (tags.transitiveTagKeys.length > 0) keys.set('sts:transitivetagkeys', tags.transitiveTagKeys)
  // The provider is of the role's account, so its limits are those of the role.
  const within = { ...standing, organization: resource.organization ?? standing.organization }
  const authorize = (action: string): void => {
    const requestTags = tags.tags.length > 0 ? { requestTags: tags.tags } : {}
    const question = { action, resource, context: { get: (key: string) => keys.get(key) }, ...requestTags }
    if (!decideAccess(within, call.facts, question).allowed) {
      throw new StsError('AccessDenied', `Not authorized to perform ${action}`)
    }
  }
  authorize('sts:AssumeRoleWithWebIdentity')
  if (tags.tags.length > 0) authorize('sts:TagSession')
  if (sourceIdentity !== undefined) authorize('sts:SetSourceIdentity')
}

/** Of somebody who has a token of this provider, and no permissions of its own: trust policies alone decide. */
function standingOf(identity: WebIdentity, provider: OidcProvider): Standing {
  const { arn, accountId, url } = provider
  const { audience, subject } = identity
  const keys = keysOfToken(identity, url)
  keys.set('aws:federatedprovider', arn)
  return {
    ...anonymous,
    caller: {
      type: 'WebIdentityUser',
      accountId,
      arn,
      principalId: `${arn}:${audience}:${subject}`,
      accessKeyId: '',
      userName: subject,
    },
    principal: { type: 'federated', accountId, provider: arn },
    context: { get: (key) => keys.get(key) },
  }
}

const noKeys =
  "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
const notReached =
  'The identity provider that was asked to verify the incoming identity token could not be reached.'

function refused(error: unknown, nowMs: number): never {
  if (error instanceof OidcKeysError) {
    throw error.reason === 'unreachable'
      ? new StsError('IDPCommunicationError', notReached)
      : new StsError('InvalidIdentityToken', noKeys)
  }
  if (!(error instanceof WebIdentityError)) throw error
  const { reason, detail = '' } = error
  switch (reason) {
    case 'malformed':
      throw new StsError(
        'InvalidIdentityToken',
        'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
      )
    case 'claim':
      throw new StsError('InvalidIdentityToken', `Missing a required claim: ${detail}`)
    case 'rejected':
      throw new StsError('IDPRejectedClaim', `The claim ${detail} in the identity token is not valid.`)
    case 'audience':
      throw new StsError('InvalidIdentityToken', 'Incorrect token audience')
    case 'early':
      throw new StsError('InvalidIdentityToken', 'The identity token is not valid yet.')
    case 'signature':
      throw new StsError('InvalidIdentityToken', 'The signature of the identity token could not be verified.')
    case 'expired':
      throw new StsError(
        'ExpiredTokenException',
        `Token expired: current date/time ${Math.floor(nowMs / 1000)} must be before the expiration date/time ${detail}`,
      )
  }
}
