import { formatArn, iamArn } from '../arn.ts'
import type { PrincipalRow } from '../store/rows/identity-rows.ts'

export type PrincipalKind = 'user' | 'group' | 'role'

export interface Tag {
  readonly key: string
  readonly value: string
}

export interface InlinePolicy {
  readonly name: string
  /** The text as it was put. */
  readonly document: string
}

/** Why an operator shut something out, until it is released. */
export interface Quarantine {
  readonly reason: string
  readonly atMs: number
  readonly by: string
}

/** A user, group or role as the store holds it. */
export interface Principal {
  /** AIDA…, AGPA… or AROA…: never given to another one, whatever its name. */
  readonly principalId: string
  readonly accountId: string
  readonly kind: PrincipalKind
  readonly name: string
  /** `/`, or text between two of them. */
  readonly path: string
  readonly createdAtMs: number
  readonly description: string | undefined
  /** In the order of their names. */
  readonly inlinePolicies: readonly InlinePolicy[]
  /** ARNs, in the order in which they were attached. */
  readonly attachedPolicies: readonly string[]
  /** Of a user: the unique ids of its groups. */
  readonly groupIds: readonly string[]
  readonly boundaryArn: string | undefined
  /** Of a role. */
  readonly trustPolicy: string | undefined
  /** ARN → unique id of the principals that the trust policy names. */
  readonly trustBindings: ReadonlyMap<string, string>
  readonly maxSessionSeconds: number | undefined
  readonly tags: readonly Tag[]
  readonly quarantine: Quarantine | undefined
}

/** A principal, with the authenticated row that it was read from and that a change starts from. */
export interface StoredPrincipal {
  readonly principal: Principal
  readonly row: PrincipalRow
}

/** What a principal has beside what it is created with. */
export type PrincipalChange = Partial<Omit<Principal, 'principalId' | 'accountId' | 'kind' | 'createdAtMs'>>

export interface PrincipalName {
  readonly kind: PrincipalKind
  readonly accountId: string
  readonly path: string
  readonly name: string
}

/** `arn:aws:iam::111122223333:user/path/name`. */
export function principalArn({ kind, accountId, path, name }: PrincipalName, partition = 'aws'): string {
  return iamArn({ partition, accountId, resource: `${kind}${path}${name}` })
}

/** `arn:aws:sts::111122223333:assumed-role/name/session`: a session's ARN has no path. */
export function sessionArn(
  role: { accountId: string; name: string },
  sessionName: string,
  partition = 'aws',
): string {
  const resource = `assumed-role/${role.name}/${sessionName}`
  return formatArn({ partition, service: 'sts', region: '', accountId: role.accountId, resource })
}

/** Reads a row that was checked. */
export function principalFromRow(row: PrincipalRow): Principal {
  return {
    principalId: row.principal_id,
    accountId: row.account_id,
    kind: row.kind as PrincipalKind,
    name: row.name,
    path: row.path,
    createdAtMs: row.created_at,
    description: row.description ?? undefined,
    inlinePolicies: pairs(row.inline_policies).map(([name, document]) => ({ name, document })),
    attachedPolicies: JSON.parse(row.attached_policies) as string[],
    groupIds: JSON.parse(row.group_ids) as string[],
    boundaryArn: row.boundary_arn ?? undefined,
    trustPolicy: row.trust_policy ?? undefined,
    trustBindings: bindingsFromText(row.trust_bindings),
    maxSessionSeconds: row.max_session_seconds ?? undefined,
    tags: tagsFromText(row.tags),
    quarantine: quarantineFromText(row.quarantine),
  }
}

/** The columns that a change sets. */
export function columnsOf(change: PrincipalChange): Partial<PrincipalRow> {
  const columns: Partial<PrincipalRow> = {}
  if (change.name !== undefined) {
    columns.name = change.name
    columns.name_key = nameKey(change.name)
  }
  if (change.path !== undefined) columns.path = change.path
  if ('description' in change) columns.description = change.description ?? null
  if (change.inlinePolicies !== undefined) {
    const byName = change.inlinePolicies.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    columns.inline_policies = JSON.stringify(byName.map(({ name, document }) => [name, document]))
  }
  if (change.attachedPolicies !== undefined)
    columns.attached_policies = JSON.stringify(change.attachedPolicies)
  if (change.groupIds !== undefined) columns.group_ids = JSON.stringify(change.groupIds)
  if ('boundaryArn' in change) columns.boundary_arn = change.boundaryArn ?? null
  if ('trustPolicy' in change) columns.trust_policy = change.trustPolicy ?? null
  if (change.trustBindings !== undefined) columns.trust_bindings = bindingsToText(change.trustBindings)
  if ('maxSessionSeconds' in change) columns.max_session_seconds = change.maxSessionSeconds ?? null
  if (change.tags !== undefined) columns.tags = tagsToText(change.tags)
  if ('quarantine' in change) columns.quarantine = quarantineToText(change.quarantine)
  return columns
}

/** Names are unique whatever their case. */
export function nameKey(name: string): string {
  return name.toLowerCase()
}

/** Bindings are one JSON list of [ARN, unique id]; null for none. */
function bindingsToText(bindings: ReadonlyMap<string, string>): string | null {
  return bindings.size === 0 ? null : JSON.stringify([...bindings])
}

const noBindings: ReadonlyMap<string, string> = new Map()

function bindingsFromText(text: string | null): ReadonlyMap<string, string> {
  return text === null ? noBindings : new Map(pairs(text))
}

/** Quarantine is JSON in a column of the row that it shuts out; null for none. */
export function quarantineToText(quarantine: Quarantine | undefined): string | null {
  if (quarantine === undefined) return null
  const { reason, atMs, by } = quarantine
  return JSON.stringify({ reason, at: atMs, by })
}

/** What `quarantineToText` wrote. */
export function quarantineFromText(text: string | null): Quarantine | undefined {
  if (text === null) return undefined
  const { reason, at, by } = JSON.parse(text) as { reason: string; at: number; by: string }
  return { reason, atMs: at, by }
}

/** Tags are one JSON list of [key, value] in the order in which they were set. */
export function tagsToText(tags: readonly Tag[]): string {
  return JSON.stringify(tags.map(({ key, value }) => [key, value]))
}

const noTags: readonly Tag[] = []

/** What `tagsToText` wrote. */
export function tagsFromText(text: string): readonly Tag[] {
  return text === '[]' ? noTags : pairs(text).map(([key, value]) => ({ key, value }))
}

function pairs(text: string): [string, string][] {
  return JSON.parse(text) as [string, string][]
}
