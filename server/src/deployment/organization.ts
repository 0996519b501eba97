import type { RandomSource } from '../crypto/random.ts'
import type { OrganizationRows, StoredOrganization } from '../identity/organization-rows.ts'
import {
  chainTo,
  fullAccess,
  organizationPath,
  parentOf,
  type Attachment,
  type OrganizationalUnit,
} from '../identity/organization-structure.ts'
import type { Db } from '../store/db.ts'
import type { Store, Transition } from '../store/store.ts'
import { DeploymentError } from './deployment-error.ts'
import type { OperatorChange } from './operator-change.ts'
import type { Operator } from './operator-record.ts'
import { lowerCaseId } from './organization-ids.ts'

/** The organization of the deployment's accounts; its first account is the management account. */
export interface OrganizationAdministration {
  create(operator: Operator): Promise<OrganizationDescription>
  show(): Promise<OrganizationDescription>
  /** Only an organization whose one member is the management account, without units. */
  delete(operator: Operator): Promise<void>
  addAccount(
    args: { accountId: string; parent?: string | undefined },
    operator: Operator,
  ): Promise<OrganizationMember>
  removeAccount(args: { accountId: string }, operator: Operator): Promise<void>
  move(args: { accountId: string; parent: string }, operator: Operator): Promise<OrganizationMember>
  createUnit(
    args: { name: string; parent?: string | undefined },
    operator: Operator,
  ): Promise<OrganizationalUnit>
  deleteUnit(args: { unit: string }, operator: Operator): Promise<void>
}

export interface OrganizationDescription {
  readonly organizationId: string
  readonly rootId: string
  readonly managementAccountId: string
  readonly units: readonly OrganizationalUnit[]
  readonly accounts: readonly OrganizationMember[]
  readonly attachments: readonly { readonly target: string; readonly policyId: string }[]
}

export interface OrganizationMember {
  readonly accountId: string
  readonly name: string
  /** The root or a unit. */
  readonly parent: string
  readonly path: string
}

const MAX_UNIT_DEPTH = 5

export function createOrganizationAdministration(parts: {
  store: Store
  rows: OrganizationRows
  managementAccountId: string
  random: RandomSource
  change: OperatorChange
}): OrganizationAdministration {
  const { store, rows, managementAccountId, random, change } = parts

  async function describe(db: Db): Promise<OrganizationDescription> {
    const { structure } = await requireOrganization(rows, db)
    return {
      organizationId: structure.organizationId,
      rootId: structure.rootId,
      managementAccountId,
      units: structure.units,
      accounts: (await rows.members(db)).map((member) => ({ ...member, parent: parentOf(member.path) })),
      attachments: structure.attachments.map(([target, policyId]) => ({ target, policyId })),
    }
  }

  function create(operator: Operator): Promise<OrganizationDescription> {
    return change(operator, 'CreateOrganization', {}, async (tx) => {
      if ((await rows.read(tx.db)) !== undefined)
        throw new DeploymentError('there is an organization already')
      const structure = {
        organizationId: `o-${lowerCaseId(random, 10)}`,
        rootId: `r-${lowerCaseId(random, 4)}`,
        units: [],
      }
      const attachments = [...fullAccessOn(structure.rootId), ...fullAccessOn(managementAccountId)]
      await rows.create(tx, { ...structure, attachments })
      const account = await requireAccount(tx, managementAccountId)
      await rows.place(tx, account, organizationPath({ ...structure, attachments }, [structure.rootId]))
      const { organizationId, rootId } = structure
      return {
        result: await describe(tx.db),
        accountId: managementAccountId,
        response: { organizationId, rootId },
      }
    })
  }

  async function remove(operator: Operator): Promise<void> {
    await change(operator, 'DeleteOrganization', {}, async (tx) => {
      const stored = await requireOrganization(rows, tx.db)
      const others = (await rows.members(tx.db)).filter(({ accountId }) => accountId !== managementAccountId)
      if (others.length > 0 || stored.structure.units.length > 0) {
        throw new DeploymentError('the organization still has accounts or units: remove them first')
      }
      await rows.place(tx, await requireAccount(tx, managementAccountId), undefined)
      await rows.remove(tx, stored)
      return { result: undefined, accountId: managementAccountId }
    })
  }

  const addAccount: OrganizationAdministration['addAccount'] = ({ accountId, parent }, operator) =>
    change(operator, 'AddAccountToOrganization', { accountId, parent }, async (tx) => {
      const stored = await requireOrganization(rows, tx.db)
      const account = await requireAccount(tx, accountId)
      if (account.path !== undefined) {
        throw new DeploymentError(`account ${accountId} is in the organization already`)
      }
      const under = parent ?? stored.structure.rootId
      const path = pathTo(stored, under)
      await rows.place(tx, account, path)
      await rows.change(tx, stored, {
        attachments: [...stored.structure.attachments, ...fullAccessOn(accountId)],
      })
      return { result: { accountId, name: account.row.name, parent: under, path }, accountId }
    })

  async function removeAccount({ accountId }: { accountId: string }, operator: Operator): Promise<void> {
    await change(operator, 'RemoveAccountFromOrganization', { accountId }, async (tx) => {
      const stored = await requireOrganization(rows, tx.db)
      if (accountId === managementAccountId) {
        throw new DeploymentError('the management account cannot leave its organization')
      }
      await rows.place(tx, await requireMember(tx, accountId), undefined)
      await rows.change(tx, stored, { attachments: without(stored.structure.attachments, accountId) })
      return { result: undefined, accountId }
    })
  }

  const move: OrganizationAdministration['move'] = ({ accountId, parent }, operator) =>
    change(operator, 'MoveAccount', { accountId, parent }, async (tx) => {
      const stored = await requireOrganization(rows, tx.db)
      const account = await requireMember(tx, accountId)
      const path = pathTo(stored, parent)
      await rows.place(tx, account, path)
      return { result: { accountId, name: account.row.name, parent, path }, accountId }
    })

  const createUnit: OrganizationAdministration['createUnit'] = ({ name, parent }, operator) =>
    change(operator, 'CreateOrganizationalUnit', { name, parent }, async (tx) => {
      const stored = await requireOrganization(rows, tx.db)
      const { structure } = stored
      const under = parent ?? structure.rootId
      const chain = chainTo(structure, under)
      if (chain === undefined) throw noSuchPlace(under)
      if (chain.length > MAX_UNIT_DEPTH) {
        throw new DeploymentError(`units can be nested ${MAX_UNIT_DEPTH} deep`)
      }
      if (structure.units.some((unit) => unit.parent === under && unit.name === name)) {
        throw new DeploymentError(`there is a unit of this name in ${under} already`)
      }
      const unit = { id: `ou-${structure.rootId.slice(2)}-${lowerCaseId(random, 8)}`, name, parent: under }
      await rows.change(tx, stored, {
        units: [...structure.units, unit],
        attachments: [...structure.attachments, ...fullAccessOn(unit.id)],
      })
      return { result: unit, accountId: managementAccountId, response: { id: unit.id } }
    })

  async function deleteUnit({ unit }: { unit: string }, operator: Operator): Promise<void> {
    await change(operator, 'DeleteOrganizationalUnit', { unit }, async (tx) => {
      const stored = await requireOrganization(rows, tx.db)
      const { units, attachments } = stored.structure
      if (!units.some(({ id }) => id === unit)) throw noSuchPlace(unit)
      const occupied =
        units.some(({ parent }) => parent === unit) ||
        (await rows.members(tx.db)).some(({ path }) => parentOf(path) === unit)
      if (occupied)
        throw new DeploymentError(`${unit} still has accounts or units: move or remove them first`)
      await rows.change(tx, stored, {
        units: units.filter(({ id }) => id !== unit),
        attachments: without(attachments, unit),
      })
      return { result: undefined, accountId: managementAccountId }
    })
  }

  async function requireAccount(tx: Transition, accountId: string) {
    const account = await rows.account(tx.db, accountId)
    if (account === undefined) throw new DeploymentError(`there is no account ${accountId}`)
    return account
  }

  async function requireMember(tx: Transition, accountId: string) {
    const account = await requireAccount(tx, accountId)
    if (account.path === undefined)
      throw new DeploymentError(`account ${accountId} is not in the organization`)
    return account
  }

  return {
    create,
    show: () => describe(store.db),
    delete: remove,
    addAccount,
    removeAccount,
    move,
    createUnit,
    deleteUnit,
  }
}

/** @throws DeploymentError when the deployment has no organization */
export async function requireOrganization(rows: OrganizationRows, db: Db): Promise<StoredOrganization> {
  const stored = await rows.read(db)
  if (stored === undefined) {
    throw new DeploymentError('there is no organization: make one with keywright organization create')
  }
  return stored
}

function pathTo({ structure }: StoredOrganization, target: string): string {
  const chain = chainTo(structure, target)
  if (chain === undefined) throw noSuchPlace(target)
  return organizationPath(structure, chain)
}

export function noSuchPlace(target: string): DeploymentError {
  return new DeploymentError(`there is no ${target} in the organization`)
}

/** What AWS attaches to whatever is new. */
function fullAccessOn(target: string): Attachment[] {
  return [
    [target, fullAccess['service-control'].id],
    [target, fullAccess['resource-control'].id],
  ]
}

function without(attachments: readonly Attachment[], target: string): Attachment[] {
  return attachments.filter(([at]) => at !== target)
}
