import type { OrganizationRow } from '../store/rows/identity-rows.ts'

/** The organization of a deployment's accounts: a root, units below it, and which policy is attached where. */
export interface OrganizationStructure {
  /** `o-…` */
  readonly organizationId: string
  /** `r-…` */
  readonly rootId: string
  readonly units: readonly OrganizationalUnit[]
  readonly attachments: readonly Attachment[]
}

export interface OrganizationalUnit {
  /** `ou-<of the root>-…` */
  readonly id: string
  readonly name: string
  /** The root, or another unit. */
  readonly parent: string
}

/** The root, a unit or an account, and the id of a policy. */
export type Attachment = readonly [targetId: string, policyId: string]

export type ControlPolicyType = 'service-control' | 'resource-control'

/** AWS's own policies, which allow everything and are attached to whatever is new. */
export const fullAccess = {
  'service-control': { id: 'p-FullAWSAccess', name: 'FullAWSAccess' },
  'resource-control': { id: 'p-RCPFullAWSAccess', name: 'RCPFullAWSAccess' },
} as const

export const fullAccessDocuments: Readonly<Record<ControlPolicyType, string>> = {
  'service-control': '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
  'resource-control':
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
}

/** Reads a row whose code was checked. */
export function structureFromRow(row: OrganizationRow): OrganizationStructure {
  return {
    organizationId: row.organization_id,
    rootId: row.root_id,
    units: JSON.parse(row.units) as OrganizationalUnit[],
    attachments: JSON.parse(row.attachments) as Attachment[],
  }
}

/** Root and units from the top down to a target; undefined when one of them is not there. */
export function chainTo(structure: OrganizationStructure, targetId: string): readonly string[] | undefined {
  const chain: string[] = []
  for (let at: string | undefined = targetId; at !== structure.rootId;) {
    const unit: OrganizationalUnit | undefined = structure.units.find(({ id }) => id === at)
    // More steps than units: they would be going round.
    if (unit === undefined || chain.length > structure.units.length) return undefined
    chain.unshift(unit.id)
    at = unit.parent
  }
  return [structure.rootId, ...chain]
}

/** As an account's row and `aws:PrincipalOrgPaths` have it: `o-…/r-…/ou-…/`. */
export function organizationPath(structure: OrganizationStructure, chain: readonly string[]): string {
  return [structure.organizationId, ...chain, ''].join('/')
}

/** The root or unit in which an account with this path is. */
export function parentOf(path: string): string {
  return path.split('/').at(-2) ?? ''
}
