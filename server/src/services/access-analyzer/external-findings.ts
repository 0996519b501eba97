import { createHash } from 'node:crypto'
import type { Principals } from '../../identity/principals.ts'
import type { PolicyDocument } from '../../policy/document.ts'
import { readPrincipalValue } from '../../policy/principal-value.ts'
import { externalAccess } from '../../policy/analysis/external-access.ts'
import type { Grant } from '../../keys/grant.ts'
import type { Grants } from '../../keys/grants.ts'
import type { KmsKey } from '../../keys/key.ts'

/** Somebody outside of a key's account who may use it: what a finding is about. */
export interface ExternalFinding {
  /** The same for as long as the same access is there. */
  readonly id: string
  readonly resource: string
  readonly resourceOwnerAccount: string
  readonly createdAtMs: number
  readonly principal: { readonly type: string; readonly value: string }
  readonly action: readonly string[]
  readonly condition: ReadonlyMap<string, string>
  readonly isPublic: boolean
  readonly source: 'POLICY' | 'GRANT'
}

// Checked in one turn of the loop, in about 2 ms.
const GRANTS_PER_PAGE = 100

/** The findings of one key, from its policy and its grants, in the order of their ids. */
export async function findingsOfKey(
  key: KmsKey,
  { grants, principals }: { grants: Grants; principals: Principals },
): Promise<readonly ExternalFinding[]> {
  const found = new Map<string, ExternalFinding>()
  for (const finding of await ofPolicy(key, principals)) found.set(finding.id, finding)
  for (let after = ''; ;) {
    const page = await grants.list({ key, afterGrantId: after, limit: GRANTS_PER_PAGE })
    for (const grant of page) {
      const finding = ofGrant(key, grant)
      if (finding !== undefined) found.set(finding.id, finding)
    }
    const last = page.at(-1)
    if (last === undefined || page.length < GRANTS_PER_PAGE) break
    after = last.grantId
  }
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

async function ofPolicy(key: KmsKey, principals: Principals): Promise<readonly ExternalFinding[]> {
  const document = key.policy.compiled?.document
  if (document === undefined) return []
  const accountOf = new Map<string, string>()
  for (const id of uniqueIdsIn(document)) {
    const entry = await principals.load(id)
    if (entry !== undefined) accountOf.set(id, entry.value.principal.accountId)
  }
  return externalAccess(document, key.accountId, accountOf).map(
    ({ principal, actions, conditions, isPublic }) =>
      finding(key, {
        principal,
        action: actions,
        condition: conditions,
        isPublic,
        source: 'POLICY',
        createdAtMs: key.createdAtMs,
      }),
  )
}

function uniqueIdsIn({ statements }: PolicyDocument): ReadonlySet<string> {
  const named = statements.flatMap(({ principal }) => principal?.entries ?? [])
  const ids = named.filter(
    ({ type, value }) => type === 'AWS' && readPrincipalValue(value)?.type === 'unique-id',
  )
  return new Set(ids.map(({ value }) => value))
}

function ofGrant(
  key: KmsKey,
  { grantee, operations, constraint, createdAtMs }: Grant,
): ExternalFinding | undefined {
  const named = readPrincipalValue(grantee.name)
  const account = named !== undefined && 'accountId' in named ? named.accountId : undefined
  if (account === undefined || account === key.accountId) return undefined
  const pairs = constraint?.pairs ?? []
  return finding(key, {
    principal: { type: 'AWS', value: grantee.name },
    action: operations.map((operation) => `kms:${operation}`),
    condition: new Map(pairs.map(([name, value]) => [`kms:EncryptionContext:${name}`, value])),
    isPublic: false,
    source: 'GRANT',
    createdAtMs,
  })
}

function finding(
  key: KmsKey,
  access: Omit<ExternalFinding, 'id' | 'resource' | 'resourceOwnerAccount'>,
): ExternalFinding {
  const { principal, action, condition, source } = access
  const told = [
    key.arn,
    principal.type,
    principal.value,
    source,
    action.toSorted(),
    [...condition].map((entry) => entry.join('=')).toSorted(),
  ]
  const hash = createHash('sha256').update(JSON.stringify(told)).digest('hex')
  const id = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    hash.slice(12, 16),
    hash.slice(16, 20),
    hash.slice(20, 32),
  ].join('-')
  return { ...access, id, resource: key.arn, resourceOwnerAccount: key.accountId }
}
