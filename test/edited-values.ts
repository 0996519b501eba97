import type { SQLInputValue } from 'node:sqlite'
import { authenticatedTables, type AuthenticatedTable } from '../server/src/store/authenticated-tables.ts'

export type Row = Record<string, SQLInputValue>

/** Other values for a column: what would be worth most to an intruder, what other rows hold, and plain damage. */
export function otherValues(
  row: Row,
  column: string,
  others: readonly Row[],
  accountIds: string[] = [],
): SQLInputValue[] {
  const value = row[column] as SQLInputValue
  const wanted: Record<string, SQLInputValue[]> = {
    account_id: accountIds,
    region: ['eu-west-1'],
    state: ['Enabled', 'Disabled', 'PendingDeletion'],
    status: ['Active', 'Inactive'],
    principal: ['admin'],
    deletion_at: [null, Date.now() + 1e9],
    key_usage: ['SIGN_VERIFY'],
    key_manager: ['AWS'],
    multi_region: [1],
    primary_region: ['eu-west-1', null],
    replica_regions: ['[]'],
    sync_at: [1],
    tags: ['[["a","b"]]'],
    quarantine: [null],
    boundary_arn: [null],
    group_ids: ['[]'],
    attached_policies: ['[]', '["arn:aws:iam::aws:policy/AdministratorAccess"]'],
    inline_policies: ['[]'],
    organization_path: [null],
    attachments: ['[]'],
    units: ['[]'],
    policy_bindings: [null, '{}'],
    trust_bindings: [null, '{}'],
    constraints: [null],
    operations: ['["Encrypt","Decrypt","GenerateDataKey"]'],
  }
  const damaged: SQLInputValue[] =
    value instanceof Uint8Array
      ? [Uint8Array.from(value, (byte, at) => (at === 0 ? byte ^ 1 : byte)), value.slice(1), new Uint8Array()]
      : typeof value === 'number'
        ? [value + 1, value - 1, 0, String(value)]
        : value === null
          ? [7, 'x', Uint8Array.of(1)]
          : [`${value as string}x`, '', null]
  const candidates = [
    ...(wanted[column] ?? []),
    ...others.slice(0, 2).map((other) => other[column] as SQLInputValue),
    ...damaged,
  ]
  const isOther = (candidate: SQLInputValue) =>
    candidate instanceof Uint8Array && value instanceof Uint8Array
      ? Buffer.compare(candidate, value) !== 0
      : candidate !== value
  // SQLite gives a column's own type back, so the number as a text is the number.
  const isSame = (candidate: SQLInputValue) => typeof value === 'number' && candidate === String(value)
  const distinct = new Map(
    candidates.filter((each) => isOther(each) && !isSame(each)).map((each) => [shown(each), each]),
  )
  // Those that the schema itself refuses count too; the first ones are worth the most.
  return [...distinct.values()].slice(0, 3)
}

export function shown(value: SQLInputValue): string {
  return value instanceof Uint8Array
    ? Buffer.from(value).toString('hex')
    : String(value as string | number | null)
}

export const columnsOf = (table: AuthenticatedTable): string[] => [
  ...authenticatedTables[table].key,
  ...authenticatedTables[table].columns,
  'mac',
]
