import type { RandomSource } from '../crypto/random.ts'
import type {
  OrganizationPolicy,
  OrganizationRows,
  StoredOrganizationPolicy,
} from '../identity/organization-rows.ts'
import {
  fullAccess,
  fullAccessDocuments,
  type ControlPolicyType,
  type OrganizationStructure,
} from '../identity/organization-structure.ts'
import { MalformedPolicyError, parsePolicy } from '../policy/document.ts'
import { DuplicateRowError, type Store, type Transition } from '../store/store.ts'
import { DeploymentError } from './deployment-error.ts'
import type { OperatorChange } from './operator-change.ts'
import type { Operator } from './operator-record.ts'
import { lowerCaseId } from './organization-ids.ts'
import { noSuchPlace, requireOrganization } from './organization.ts'

/** Service and resource control policies, and where they are attached. */
export interface OrganizationPolicyAdministration {
  create(
    args: { type: ControlPolicyType; name: string; document: string; description?: string | undefined },
    operator: Operator,
  ): Promise<PolicySummary>
  update(
    args: {
      policyId: string
      name?: string | undefined
      document?: string | undefined
      description?: string | undefined
    },
    operator: Operator,
  ): Promise<PolicySummary>
  /** Only one that is attached nowhere. */
  delete(args: { policyId: string }, operator: Operator): Promise<void>
  attach(args: { policyId: string; target: string }, operator: Operator): Promise<void>
  detach(args: { policyId: string; target: string }, operator: Operator): Promise<void>
  list(args: { type?: ControlPolicyType | undefined }): Promise<readonly PolicySummary[]>
  show(args: { policyId: string }): Promise<PolicyDescription>
}

export interface PolicySummary {
  readonly policyId: string
  readonly type: ControlPolicyType
  readonly name: string
  readonly description: string
  /** Of AWS: it cannot be changed. */
  readonly awsManaged: boolean
}

export interface PolicyDescription extends PolicySummary {
  readonly document: string
  readonly targets: readonly string[]
}

const MAX_DOCUMENT_LENGTH = 5120
const POLICIES_PER_TARGET = 5
const types: readonly ControlPolicyType[] = ['service-control', 'resource-control']

export function createOrganizationPolicyAdministration(parts: {
  store: Store
  rows: OrganizationRows
  managementAccountId: string
  random: RandomSource
  change: OperatorChange
}): OrganizationPolicyAdministration {
  const { store, rows, managementAccountId, random, change } = parts
  const accountId = managementAccountId

  const create: OrganizationPolicyAdministration['create'] = async (args, operator) => {
    const { type, name, document, description } = args
    requireDocument(document, type)
    const parameters = { type, name, description, document }
    return taken(name, () =>
      change(operator, 'CreateOrganizationPolicy', parameters, async (tx) => {
        await requireOrganization(rows, tx.db)
        if (name === fullAccess[type].name) throw new DuplicateRowError('organization_policies')
        const policyId = `p-${lowerCaseId(random, 8)}`
        const made = await rows.createPolicy(tx, { policyId, type, name, document, description })
        return { result: summaryOf(made), accountId, response: { policyId } }
      }),
    )
  }

  const update: OrganizationPolicyAdministration['update'] = ({ policyId, ...wanted }, operator) =>
    taken(wanted.name ?? '', () =>
      change(operator, 'UpdateOrganizationPolicy', { policyId, ...wanted }, async (tx) => {
        const stored = await requireOwn(tx, policyId)
        if (wanted.document !== undefined) requireDocument(wanted.document, stored.policy.type)
        const { type } = stored.policy
        const named = [fullAccess[type].name as string, ...(await namesOf(tx, type, policyId))]
        if (wanted.name !== undefined && named.includes(wanted.name))
          throw new DuplicateRowError('organization_policies')
        return { result: summaryOf(await rows.changePolicy(tx, stored, wanted)), accountId }
      }),
    )

  async function remove({ policyId }: { policyId: string }, operator: Operator): Promise<void> {
    await change(operator, 'DeleteOrganizationPolicy', { policyId }, async (tx) => {
      const stored = await requireOwn(tx, policyId)
      const organization = await rows.read(tx.db)
      if (organization !== undefined && targetsOf(organization.structure, policyId).length > 0) {
        throw new DeploymentError(`${policyId} is attached: detach it first`)
      }
      await rows.removePolicy(tx, stored)
      return { result: undefined, accountId }
    })
  }

  async function attach(args: { policyId: string; target: string }, operator: Operator): Promise<void> {
    const { policyId, target } = args
    await change(operator, 'AttachOrganizationPolicy', args, async (tx) => {
      const type = await requireType(tx, policyId)
      const stored = await requireOrganization(rows, tx.db)
      await requireTarget(tx, stored.structure, target)
      const there = await attachedTo(tx, stored.structure, target, type)
      if (there.includes(policyId)) throw new DeploymentError(`${policyId} is attached to ${target} already`)
      if (there.length >= POLICIES_PER_TARGET) {
        throw new DeploymentError(
          `${target} has ${POLICIES_PER_TARGET} policies of this type, as many as it can`,
        )
      }
      await rows.change(tx, stored, { attachments: [...stored.structure.attachments, [target, policyId]] })
      return { result: undefined, accountId }
    })
  }

  async function detach(args: { policyId: string; target: string }, operator: Operator): Promise<void> {
    const { policyId, target } = args
    await change(operator, 'DetachOrganizationPolicy', args, async (tx) => {
      const stored = await requireOrganization(rows, tx.db)
      const { attachments } = stored.structure
      if (!attachments.some(([at, id]) => at === target && id === policyId)) {
        throw new DeploymentError(`${policyId} is not attached to ${target}`)
      }
      if (policyId === fullAccess['resource-control'].id) {
        throw new DeploymentError(`${fullAccess['resource-control'].name} cannot be detached`)
      }
      const type = await requireType(tx, policyId)
      const there = await attachedTo(tx, stored.structure, target, type)
      if (type === 'service-control' && there.length === 1) {
        throw new DeploymentError(
          `${policyId} is the last service control policy of ${target}: attach another one first`,
        )
      }
      await rows.change(tx, stored, {
        attachments: attachments.filter(([at, id]) => at !== target || id !== policyId),
      })
      return { result: undefined, accountId }
    })
  }

  async function show({ policyId }: { policyId: string }): Promise<PolicyDescription> {
    const organization = await rows.read(store.db)
    const targets = organization === undefined ? [] : targetsOf(organization.structure, policyId)
    const builtIn = types.find((type) => fullAccess[type].id === policyId)
    if (builtIn !== undefined) {
      return { ...awsSummary(builtIn), document: fullAccessDocuments[builtIn], targets }
    }
    const stored = await rows.policy(store.db, policyId)
    if (stored === undefined) throw noSuchPolicy(policyId)
    return { ...summaryOf(stored.policy), document: stored.policy.document, targets }
  }

  async function namesOf(tx: Transition, type: ControlPolicyType, but: string): Promise<string[]> {
    const others = (await rows.policies(tx.db)).filter(
      (policy) => policy.type === type && policy.policyId !== but,
    )
    return others.map(({ name }) => name)
  }

  async function requireOwn(tx: Transition, policyId: string): Promise<StoredOrganizationPolicy> {
    if (types.some((type) => fullAccess[type].id === policyId)) {
      throw new DeploymentError(`${policyId} is AWS's own and cannot be changed`)
    }
    const stored = await rows.policy(tx.db, policyId)
    if (stored === undefined) throw noSuchPolicy(policyId)
    return stored
  }

  async function requireType(tx: Transition, policyId: string): Promise<ControlPolicyType> {
    const type = await typeOf(tx, policyId)
    if (type === undefined) throw noSuchPolicy(policyId)
    return type
  }

  async function typeOf(tx: Transition, policyId: string): Promise<ControlPolicyType | undefined> {
    const builtIn = types.find((type) => fullAccess[type].id === policyId)
    return builtIn ?? (await rows.policy(tx.db, policyId))?.policy.type
  }

  async function attachedTo(
    tx: Transition,
    { attachments }: OrganizationStructure,
    target: string,
    type: ControlPolicyType,
  ): Promise<string[]> {
    const found: string[] = []
    for (const [at, policyId] of attachments) {
      if (at === target && (await typeOf(tx, policyId)) === type) found.push(policyId)
    }
    return found
  }

  async function requireTarget(
    tx: Transition,
    structure: OrganizationStructure,
    target: string,
  ): Promise<void> {
    if (target === structure.rootId || structure.units.some(({ id }) => id === target)) return
    const account = await rows.account(tx.db, target)
    if (account?.path === undefined) throw noSuchPlace(target)
  }

  return {
    create,
    update,
    delete: remove,
    attach,
    detach,
    async list({ type }) {
      const all = [...types.map(awsSummary), ...(await rows.policies(store.db)).map(summaryOf)]
      return type === undefined ? all : all.filter((policy) => policy.type === type)
    },
    show,
  }
}

function requireDocument(document: string, type: ControlPolicyType): void {
  if (document.length > MAX_DOCUMENT_LENGTH) {
    throw new DeploymentError(`the policy has more than ${MAX_DOCUMENT_LENGTH} characters`)
  }
  try {
    parsePolicy(document, type)
  } catch (cause) {
    if (!(cause instanceof MalformedPolicyError)) throw cause
    const { line, column } = cause.location
    throw new DeploymentError(`the policy is malformed: ${cause.message} (line ${line}, column ${column})`, {
      cause,
    })
  }
}

async function taken<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof DuplicateRowError)) throw cause
    throw new DeploymentError(`there is a policy ${name} of this type already`, { cause })
  }
}

function targetsOf({ attachments }: OrganizationStructure, policyId: string): string[] {
  return attachments.filter(([, id]) => id === policyId).map(([target]) => target)
}

function noSuchPolicy(policyId: string): DeploymentError {
  return new DeploymentError(`there is no policy ${policyId}`)
}

function summaryOf({ policyId, type, name, description }: OrganizationPolicy): PolicySummary {
  return { policyId, type, name, description: description ?? '', awsManaged: false }
}

function awsSummary(type: ControlPolicyType): PolicySummary {
  return {
    policyId: fullAccess[type].id,
    type,
    name: fullAccess[type].name,
    description: '',
    awsManaged: true,
  }
}
