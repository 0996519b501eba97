import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ValueOf } from '../../shape.ts'
import { requireAnalyzer } from './analyzers.ts'
import { findingsOfKey, type ExternalFinding } from './external-findings.ts'
import { invalid, notFound, type AccessAnalyzerContext, type Operation } from './operation.ts'
import { decodeToken, encodeToken } from './paging.ts'
import type { operations, RequestOf } from './shapes.ts'

const DEFAULT_PAGE = 100
/** A page that a filter leaves empty ends all the same: the next one goes on. */
const KEYS_PER_CALL = 500
const KEYS_PER_READ = 100

/** Computed from what is stored now, key by key in the order of their ids. */
export const listFindingsV2: Operation<'ListFindingsV2'> = async (request, context) => {
  requireAnalyzer(context.call, request.analyzerArn, 'access-analyzer:ListFindings')
  if (request.sort?.attributeName !== undefined || request.sort?.orderBy === 'DESC') {
    throw invalid('Findings are sorted by the resource; other orders are not supported by this deployment.')
  }
  const isWanted = filterOf(request)
  const wanted = request.maxResults ?? DEFAULT_PAGE
  const page: ExternalFinding[] = []
  const [, afterKey = '', afterFinding = ''] =
    request.nextToken === undefined ? [] : decodeToken(request.nextToken, /^([0-9a-z-]*)\/([0-9a-f-]*)$/)
  let last = `${afterKey}/${afterFinding}`
  let read = 0
  for await (const { keyId, findings } of keysAfter(context, afterKey, afterFinding !== '')) {
    for (const finding of findings) {
      if (keyId === afterKey && finding.id <= afterFinding) continue
      if (!isWanted(finding)) continue
      if (page.length === wanted) return answer(page, last, context)
      page.push(finding)
      last = `${keyId}/${finding.id}`
    }
    read++
    if (read === KEYS_PER_CALL) return answer(page, `${keyId}/`, context)
  }
  return answer(page, undefined, context)
}

export const getFindingV2: Operation<'GetFindingV2'> = async ({ analyzerArn, id }, context) => {
  requireAnalyzer(context.call, analyzerArn, 'access-analyzer:GetFinding')
  for await (const { findings } of keysAfter(context, '', false)) {
    const finding = findings.find((each) => each.id === id)
    if (finding === undefined) continue
    const { action, condition, isPublic, principal, source } = finding
    const externalAccessDetails = {
      action,
      condition,
      isPublic,
      principal: new Map([[principal.type, principal.value]]),
      // AWS has no word for a grant as a source.
      ...(source === 'POLICY' && { sources: [{ type: 'POLICY' }] }),
    }
    return { ...summary(finding, context), findingDetails: [{ externalAccessDetails }] }
  }
  throw notFound(`Finding ${id} does not exist.`)
}

/** The account's keys in the Region after one, or from that one on, with their findings. */
async function* keysAfter(
  { call, keys, grants, principals, store }: AccessAnalyzerContext,
  afterKey: string,
  again: boolean,
): AsyncGenerator<{ keyId: string; findings: readonly ExternalFinding[] }> {
  const { caller, region } = call
  const first = again ? [afterKey] : []
  for (let ids = first, last = afterKey, more = true; more;) {
    if (ids.length === 0) {
      ids = await keys.list(caller.accountId, region, last, KEYS_PER_READ)
      more = ids.length === KEYS_PER_READ
    }
    for (const keyId of ids) {
      const stored = await keys.read(store.db, region, keyId)
      if (stored?.key.accountId === caller.accountId) {
        yield { keyId, findings: await findingsOfKey(stored.key, { grants, principals }) }
        // A policy takes some microseconds to look at, and there may be hundreds.
        await nextTurn()
      }
      last = keyId
    }
    ids = []
  }
}

function answer(
  page: readonly ExternalFinding[],
  next: string | undefined,
  context: AccessAnalyzerContext,
): object {
  return {
    findings: page.map((finding) => summary(finding, context)),
    nextToken: next === undefined ? undefined : encodeToken(next),
  }
}

function summary(finding: ExternalFinding, { now }: AccessAnalyzerContext): object {
  const { id, resource, resourceOwnerAccount, createdAtMs } = finding
  return {
    analyzedAt: new Date(now()).toISOString(),
    createdAt: new Date(createdAtMs).toISOString(),
    id,
    resource,
    resourceType: 'AWS::KMS::Key',
    resourceOwnerAccount,
    status: 'ACTIVE',
    updatedAt: new Date(createdAtMs).toISOString(),
    findingType: 'ExternalAccess',
  }
}

/** What a filter can ask about, by AWS's names; a condition's by its key. */
function valuesOf(finding: ExternalFinding, attribute: string): readonly string[] | undefined {
  const { principal, condition } = finding
  if (attribute.startsWith('principal.')) {
    return attribute === `principal.${principal.type}` ? [principal.value] : []
  }
  if (attribute.startsWith('condition.')) {
    const value = condition.get(attribute.slice('condition.'.length))
    return value === undefined ? [] : value.split(',')
  }
  switch (attribute) {
    case 'id':
      return [finding.id]
    case 'resource':
      return [finding.resource]
    case 'resourceType':
      return ['AWS::KMS::Key']
    case 'resourceOwnerAccount':
      return [finding.resourceOwnerAccount]
    case 'findingType':
      return ['ExternalAccess']
    case 'status':
      return ['ACTIVE']
    case 'isPublic':
      return [String(finding.isPublic)]
    case 'action':
      return finding.action
    case 'error':
      return []
    default:
      return undefined
  }
}

type Criterion = ValueOf<(typeof operations)['ListFindingsV2']['input']['filter']['value']>

/** All criteria must be met; of the values of one, any. */
function filterOf({ filter }: RequestOf<'ListFindingsV2'>): (finding: ExternalFinding) => boolean {
  const criteria = [...(filter ?? [])]
  const unknown = criteria.find(
    ([attribute]) => !/^(?:principal|condition)\./.test(attribute) && !attributes.has(attribute),
  )
  if (unknown !== undefined) throw invalid(`The filter key ${unknown[0]} is not valid.`)
  return (finding) =>
    criteria.every(([attribute, criterion]) => meets(valuesOf(finding, attribute) ?? [], criterion))
}

const attributes = new Set([
  'id',
  'resource',
  'resourceType',
  'resourceOwnerAccount',
  'findingType',
  'status',
  'isPublic',
  'action',
  'error',
])

function meets(values: readonly string[], { eq, neq, contains, exists }: Criterion): boolean {
  if (exists !== undefined && exists !== values.length > 0) return false
  if (eq !== undefined && !values.some((value) => eq.includes(value))) return false
  if (neq !== undefined && values.some((value) => neq.includes(value))) return false
  return contains === undefined || values.some((value) => contains.some((part) => value.includes(part)))
}
