import { compilePolicy, type CompiledPolicy } from '../policy/compile.ts'
import { MalformedPolicyError, parsePolicy } from '../policy/document.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { Store } from '../store/store.ts'
import type { OrganizationFacts, OrganizationOf } from './organization-facts.ts'
import {
  chainTo,
  fullAccess,
  fullAccessDocuments,
  organizationPath,
  parentOf,
  structureFromRow,
  type ControlPolicyType,
  type OrganizationStructure,
} from './organization-structure.ts'

/** There is one organization, or none. */
export const ORGANIZATION_ENTITY = '1'

interface Place {
  readonly path: string | undefined
}

interface ControlPolicy {
  readonly type: ControlPolicyType
  /** Undefined when the document is no policy by this release's rules. */
  readonly compiled: CompiledPolicy | undefined
}

type Levels = CompiledPolicy[][]

/**
 * A level of which nothing is known allows nothing: an account whose row says that it is in the organization must not
 * gain by what was taken out of the database.
 */
const refusing: readonly CompiledPolicy[] = []
const refusedPlace: OrganizationFacts = {
  serviceControl: [refusing],
  resourceControl: [refusing],
  entries: [],
}
const outside: Omit<OrganizationFacts, 'entries'> = { serviceControl: [], resourceControl: [] }

/**
 * What accounts are under because of the organization. The management account is the deployment's first: neither service
 * control policies nor resource control policies bind it.
 *
 * @see AWS Organizations User Guide, "SCP evaluation", "Resource control policies"
 */
export function createOrganization(parts: {
  store: Store
  managementAccountId: string
  cacheLimit: number
}): OrganizationOf {
  const { store, managementAccountId, cacheLimit } = parts
  const { feed } = store

  const places = new CoherentCache<Place>({
    feed,
    kind: 'account',
    limit: cacheLimit,
    async load(accountId) {
      const row = await store.db
        .selectFrom('accounts')
        .selectAll()
        .where('account_id', '=', accountId)
        .executeTakeFirst()
      return row && { path: store.rows.check('accounts', row).organization_path ?? undefined }
    },
  })
  const structures = new CoherentCache<OrganizationStructure | 'missing'>({
    feed,
    kind: 'organization',
    limit: 2,
    async load() {
      const row = await store.db.selectFrom('organization').selectAll().where('id', '=', 1).executeTakeFirst()
      return row === undefined ? 'missing' : structureFromRow(store.rows.check('organization', row))
    },
  })
  const policies = new CoherentCache<ControlPolicy | 'missing'>({
    feed,
    kind: 'organization-policy',
    limit: 1000,
    load: loadPolicy,
  })
  const builtIn = new Map(
    (['service-control', 'resource-control'] as const).map((type) => {
      const { id, name } = fullAccess[type]
      const document = parsePolicy(fullAccessDocuments[type], type)
      return [id as string, compilePolicy(document, { type, arn: policyArn(type, id), name })]
    }),
  )

  async function loadPolicy(policyId: string): Promise<ControlPolicy | 'missing'> {
    const row = await store.db
      .selectFrom('organization_policies')
      .selectAll()
      .where('policy_id', '=', policyId)
      .executeTakeFirst()
    if (row === undefined) return 'missing'
    const { name, document } = store.rows.check('organization_policies', row)
    const type = row.type as ControlPolicyType
    try {
      const source = { type, arn: policyArn(type, policyId, managementAccountId), name }
      return { type, compiled: compilePolicy(parsePolicy(document, type), source) }
    } catch (error) {
      // An earlier release took a document that this one refuses.
      if (error instanceof MalformedPolicyError) return { type, compiled: undefined }
      throw error
    }
  }

  /** What was put together, until one of its parts is no longer true. */
  const known = new Map<string, OrganizationFacts>()

  function find(accountId: string): OrganizationFacts | undefined {
    const facts = known.get(accountId)
    if (facts?.entries.every((entry) => entry.valid) === true) return facts
    known.delete(accountId)
    return undefined
  }

  async function load(accountId: string): Promise<OrganizationFacts> {
    const found = find(accountId)
    if (found !== undefined) return found
    for (;;) {
      const facts = await assemble(accountId)
      if (!facts.entries.every((entry) => entry.valid)) continue
      if (facts.entries.length > 0) {
        if (known.size >= cacheLimit) known.clear()
        known.set(accountId, facts)
      }
      return facts
    }
  }

  async function assemble(accountId: string): Promise<OrganizationFacts> {
    const place = await places.get(accountId)
    // No such account: nothing of it is allowed, and the absence is not remembered.
    if (place === undefined) return refusedPlace
    const { path } = place.value
    if (path === undefined) return { ...outside, entries: [place] }

    const structureEntry = (await structures.get(ORGANIZATION_ENTITY)) as CacheEntry<
      OrganizationStructure | 'missing'
    >
    const entries: CacheEntry<unknown>[] = [place, structureEntry]
    const structure = structureEntry.value
    const orgId = path.slice(0, path.indexOf('/'))
    if (accountId === managementAccountId) return { ...outside, orgId, path, entries }

    const chain = structure === 'missing' ? undefined : chainTo(structure, parentOf(path))
    if (structure === 'missing' || chain === undefined || organizationPath(structure, chain) !== path) {
      return { ...refusedPlace, orgId, path, entries }
    }
    const levels = { 'service-control': [] as Levels, 'resource-control': [] as Levels }
    for (const target of [...chain, accountId]) {
      const level: Record<ControlPolicyType, CompiledPolicy[]> = {
        'service-control': [],
        'resource-control': [],
      }
      let complete = true
      for (const [at, policyId] of structure.attachments) {
        if (at !== target) continue
        const { type, compiled } = await policy(policyId, entries)
        if (compiled === undefined) complete = false
        else level[type].push(compiled)
      }
      // A policy that is attached and missing may have been the one that denies.
      levels['service-control'].push(complete ? level['service-control'] : [])
      levels['resource-control'].push(complete ? level['resource-control'] : [])
    }
    return {
      orgId,
      path,
      serviceControl: levels['service-control'],
      resourceControl: levels['resource-control'],
      entries,
    }
  }

  async function policy(policyId: string, entries: CacheEntry<unknown>[]): Promise<ControlPolicy> {
    for (const type of ['service-control', 'resource-control'] as const) {
      if (policyId === fullAccess[type].id) return { type, compiled: builtIn.get(policyId) }
    }
    const entry = (await policies.get(policyId)) as CacheEntry<ControlPolicy | 'missing'>
    entries.push(entry)
    return entry.value === 'missing' ? { type: 'service-control', compiled: undefined } : entry.value
  }

  return { find, load }
}

function policyArn(type: ControlPolicyType, policyId: string, managementAccountId?: string): string {
  const kind = type === 'service-control' ? 'service_control_policy' : 'resource_control_policy'
  const owner = managementAccountId ?? 'aws'
  return `arn:aws:organizations::${owner}:policy/${kind}/${policyId}`
}
