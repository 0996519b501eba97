import { ambiguous, type ContextValue, type RequestContext } from '../policy/request.ts'
import type { AccessQuestion } from './access-question.ts'
import type { OrganizationFacts } from './organization-facts.ts'
import type { Tag } from './principal.ts'
import type { RequestFacts } from './request-facts.ts'
import { globalName } from './service-principals.ts'
import type { Standing } from './standing.ts'

/** What the global condition keys are computed from. */
interface Sources {
  readonly standing: Standing
  readonly facts: RequestFacts
  readonly question: AccessQuestion
  /** Of the resource's account. */
  readonly organization: OrganizationFacts | undefined
}

type Found = ContextValue | typeof ambiguous | undefined

/**
 * All condition keys of a request: those that follow from who asks, those of the request, those of the resource, and
 * what the service adds. Nothing is computed before a policy asks for it.
 *
 * @see AWS IAM User Guide, "AWS global condition context keys"
 */
export function requestContext(
  standing: Standing,
  facts: RequestFacts,
  question: AccessQuestion,
  organization: OrganizationFacts | undefined,
): RequestContext {
  const sources: Sources = { standing, facts, question, organization }
  return { get: (key) => valueOf(sources, key) }
}

function valueOf(sources: Sources, key: string): Found {
  const { question, standing } = sources
  if (key.startsWith('aws:')) {
    const global = globals.get(key)
    if (global !== undefined) return global(sources)
    const slash = key.indexOf('/')
    if (slash > 0) {
      const family = key.slice(0, slash + 1)
      if (family === 'aws:resourcetag/' && question.resource.tags !== undefined)
        return tagValue(question.resource.tags, key.slice(slash + 1))
      if (family === 'aws:requesttag/' && question.requestTags !== undefined)
        return tagValue(question.requestTags, key.slice(slash + 1))
    }
  }
  // Who asks comes first: nothing that a service computes from a request can speak for the principal.
  return standing.context.get(key) ?? question.context?.get(key)
}

/** Keys of the request and its resource by their names in lower case; the principal's are its standing's. */
const globals: ReadonlyMap<string, (sources: Sources) => Found> = new Map([
  ['aws:sourceip', ({ facts }) => (facts.endpoint === undefined ? facts.sourceIp : undefined)],
  ['aws:vpcsourceip', ({ facts }) => (facts.endpoint === undefined ? undefined : facts.sourceIp)],
  ['aws:sourcevpce', ({ facts }) => facts.endpoint?.vpceId],
  ['aws:sourcevpc', ({ facts }) => facts.endpoint?.vpcId],
  ['aws:securetransport', ({ facts }) => String(facts.secureTransport)],
  ['aws:useragent', ({ facts }) => facts.userAgent],
  ['aws:requestedregion', ({ facts }) => facts.region],
  ['aws:currenttime', ({ facts }) => isoTime(facts.timeMs)],
  ['aws:epochtime', ({ facts }) => String(Math.floor(facts.timeMs / 1000))],
  ['aws:multifactorauthage', multiFactorAge],
  ['aws:viaawsservice', ({ standing }) => String(calledVia(standing).length > 0)],
  ['aws:calledvia', ({ standing }) => listed(calledVia(standing))],
  ['aws:calledviafirst', ({ standing }) => calledVia(standing)[0]],
  ['aws:calledvialast', ({ standing }) => calledVia(standing).at(-1)],
  ['aws:resourceaccount', ({ question }) => question.resource.accountId],
  ['aws:resourceorgid', ({ organization }) => organization?.orgId],
  ['aws:resourceorgpaths', ({ organization }) => listed([organization?.path])],
  ['aws:tagkeys', tagKeys],
] satisfies [string, (sources: Sources) => Found][])

/** Times as policies write them, to the second. */
export function isoTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`
}

/** Seconds since the second factor was proved; absent without one. */
function multiFactorAge({ standing, facts }: Sources): Found {
  const at = standing.caller.session?.mfaAtMs
  return at === undefined ? undefined : String(Math.max(0, Math.floor((facts.timeMs - at) / 1000)))
}

const noServices: readonly string[] = []

/** As policies name services, without their Regions. */
function calledVia({ caller }: Standing): readonly string[] {
  return caller.session?.forwarded?.services.map(globalName) ?? noServices
}

function listed(values: readonly (string | undefined)[]): Found {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known
}

function tagKeys({ question, standing }: Sources): Found {
  const { requestTags, requestTagKeys } = question
  if (requestTags === undefined && requestTagKeys === undefined) {
    return standing.context.get('aws:tagkeys') ?? question.context?.get('aws:tagkeys')
  }
  return listed([...(requestTags ?? []).map(({ key }) => key), ...(requestTagKeys ?? [])])
}

/**
 * Keys of tags in policies know no case, those of KMS keys do: two that differ only in case make a condition mean both.
 *
 * @param key in lower case
 */
export function tagValue(tags: readonly Tag[], key: string): Found {
  let found: string | undefined
  for (const tag of tags) {
    if (tag.key.length !== key.length || tag.key.toLowerCase() !== key) continue
    if (found !== undefined) return ambiguous
    found = tag.value
  }
  return found
}
