import { randomInt } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { RandomSource } from '../crypto/random.ts'
import { newAccessKeyId, newSecretAccessKey, type AccessKey } from '../identity/access-keys.ts'
import { isAccountId, type Account } from '../identity/accounts.ts'
import { createOrganizationRows } from '../identity/organization-rows.ts'
import { listDomains, rewrapMaterialBatch, rewrapUnderRoot } from '../keys/rewrapping.ts'
import { DuplicateRowError, type Store, type Transition } from '../store/store.ts'
import { DeploymentError } from './deployment-error.ts'
import type { OpenedDeployment } from './open-deployment.ts'
import { operatorChanges } from './operator-change.ts'
import type { Operator } from './operator-record.ts'
import {
  createOrganizationPolicyAdministration,
  type OrganizationPolicyAdministration,
} from './organization-policies.ts'
import { createOrganizationAdministration, type OrganizationAdministration } from './organization.ts'
import { createBroughtDeletions, type BroughtDeletions } from './brought-deletions.ts'
import { createKeyPolicyReset, type KeyPolicyReset } from './key-policy-reset.ts'
import { createKeyUsage, type KeyUsage } from './key-usage.ts'
import { createQuarantine, type QuarantineAdministration } from './quarantine.ts'
import {
  forgetOtherRootKeys,
  makeNextRootKey,
  type RootKeyProviderName,
  type RootKeySource,
} from './root-key-source.ts'
import { createLinkedSets } from '../links/linked-sets.ts'
import { createRegionLinkAdministration, type RegionLinkAdministration } from './region-links.ts'
import { createServiceRegistration, type ServiceRegistration } from './service-registration.ts'

const MATERIALS_PER_TRANSITION = 200

/** What an operator does to a deployment from its command line; each change together with its record. */
export interface Administration {
  readonly accounts: {
    create(args: { accountId?: string; name?: string }, operator: Operator): Promise<AccountFacts>
    list(): Promise<readonly AccountFacts[]>
  }
  readonly credentials: {
    create(args: { accountId: string }, operator: Operator): Promise<NewCredential>
    list(args: { accountId?: string }): Promise<readonly CredentialFacts[]>
    disable(args: { accessKeyId: string }, operator: Operator): Promise<void>
    enable(args: { accessKeyId: string }, operator: Operator): Promise<void>
    delete(args: { accessKeyId: string }, operator: Operator): Promise<void>
  }
  readonly rootKey: {
    describe(): Promise<{ provider: RootKeyProviderName; rootKeyId: string }>
    /** A new root key: of the same provider, or of the one that is named. The passphrase provider needs a passphrase. */
    rotate(
      args: { provider?: RootKeyProviderName; passphrase?: Buffer },
      operator: Operator,
    ): Promise<{ rootKeyId: string; rewrapped: number }>
  }
  readonly services: ServiceRegistration
  readonly organization: OrganizationAdministration
  /** Service and resource control policies. */
  readonly organizationPolicies: OrganizationPolicyAdministration
  readonly quarantine: QuarantineAdministration
  readonly keyPolicy: KeyPolicyReset
  readonly broughtDeletions: BroughtDeletions
  readonly regionLinks: RegionLinkAdministration
  readonly keyUsage: KeyUsage
  readonly domainKeys: {
    /** New domain keys for every account and Region; all key material is wrapped under them. */
    rotate(operator: Operator): Promise<{ domains: number; rewrapped: number }>
  }
}

export interface AccountFacts {
  readonly accountId: string
  readonly name: string
  /** Milliseconds since the epoch, as every time here. */
  readonly createdAt: number
}

export interface CredentialFacts {
  readonly accessKeyId: string
  readonly accountId: string
  readonly principal: string
  readonly status: string
  readonly createdAt: number
}

export interface NewCredential {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly accountId: string
  readonly createdAt: number
}

export function createAdministration(
  opened: OpenedDeployment,
  parts: {
    clock: Clock
    random: RandomSource
    rootKeySource: RootKeySource
    /** In whose ARNs principals are told when who asks does not say; `aws` if none is given. */
    partition?: string
    /** That this deployment serves; none where linked deployments are not asked about. */
    regions?: readonly string[]
  },
): Administration {
  const { store, accounts, accessKeys, domainKeys } = opened
  const { clock, random, rootKeySource, partition = 'aws', regions = [] } = parts

  const change = operatorChanges({ store, clock })

  function createAccount({ accountId, name }: { accountId?: string; name?: string }, operator: Operator) {
    const id = accountId ?? String(randomInt(100_000_000_000, 1_000_000_000_000))
    if (!isAccountId(id)) throw new DeploymentError('an account id is twelve digits')
    return change(operator, 'CreateAccount', { accountId: id, name: name ?? '' }, async (tx) => {
      const account = await accounts.create(tx, { accountId: id, name: name ?? '' })
      return { result: accountFacts(account), accountId: id }
    }).catch((cause: unknown) => {
      if (cause instanceof DuplicateRowError)
        throw new DeploymentError(`there is an account ${id} already`, { cause })
      throw cause
    })
  }

  async function createCredential(
    { accountId }: { accountId: string },
    operator: Operator,
  ): Promise<NewCredential> {
    if ((await accounts.load(accountId)) === undefined) {
      throw new DeploymentError(`there is no account ${accountId}: create it with keywright account create`)
    }
    const secretAccessKey = newSecretAccessKey(random)
    const accessKeyId = newAccessKeyId(random)
    return change(operator, 'CreateAccessKey', { accountId }, async (tx) => {
      const made = await accessKeys.create(tx, { accountId, accessKeyId, secretAccessKey })
      const result = { accessKeyId, secretAccessKey, accountId, createdAt: made.createdAtMs }
      return { result, accountId, response: { accessKeyId } }
    })
  }

  function setStatus(accessKeyId: string, status: AccessKey['status'], operator: Operator): Promise<void> {
    return change(operator, 'UpdateAccessKey', { accessKeyId, status }, async (tx) => {
      const stored = await requireAccessKey(accessKeyId)
      await accessKeys.setStatus(tx, stored, status)
      return { result: undefined, accountId: stored.accessKey.accountId }
    })
  }

  function deleteCredential(accessKeyId: string, operator: Operator): Promise<void> {
    return change(operator, 'DeleteAccessKey', { accessKeyId }, async (tx) => {
      const stored = await requireAccessKey(accessKeyId)
      await accessKeys.remove(tx, stored)
      return { result: undefined, accountId: stored.accessKey.accountId }
    })
  }

  async function requireAccessKey(accessKeyId: string) {
    const stored = await accessKeys.read(accessKeyId)
    if (stored === undefined) throw new DeploymentError(`there is no access key ${accessKeyId}`)
    return stored
  }

  async function deploymentRow({ db }: Pick<Transition | Store, 'db'>) {
    const row = await db.selectFrom('deployment').selectAll().where('id', '=', 1).executeTakeFirstOrThrow()
    return store.rows.check('deployment', row)
  }

  const organizationParts = {
    store,
    rows: createOrganizationRows({ store, now: () => clock.now() }),
    managementAccountId: opened.firstAccountId,
    random,
    change,
  }

  let rotating = false

  async function rotateRootKey(
    { provider, passphrase }: { provider?: RootKeyProviderName; passphrase?: Buffer },
    operator: Operator,
  ): Promise<{ rootKeyId: string; rewrapped: number }> {
    if (rotating) throw new DeploymentError('a rotation of the root key is under way: wait for it')
    rotating = true
    try {
      const row = await deploymentRow(store)
      const present = row.root_provider as RootKeyProviderName
      const wanted = provider ?? present
      const from = opened.rootKey.current
      const inForce = { provider: present, rootKeyId: from.id }
      const next = await makeNextRootKey(rootKeySource, inForce, { provider: wanted, passphrase })
      const parameters = { provider: wanted, formerRootKeyId: from.id }
      const rewrapped = await change(operator, 'RotateRootKey', parameters, async (tx) => {
        const current = await deploymentRow(tx)
        if (current.root_key_id !== from.id) {
          throw new DeploymentError(
            'another node rotated the root key: restart this one with the new root key',
          )
        }
        const result = await rewrapUnderRoot(tx, from, next.rootKey)
        await store.rows.update(tx, 'deployment', current, {
          root_provider: next.provider,
          root_key_id: next.rootKey.id,
          root_descriptor: next.descriptor,
        })
        tx.changed('deployment', '1')
        return { result, response: { rootKeyId: next.rootKey.id, rewrapped: result } }
      })
      opened.rootKey.current = next.rootKey
      await forgetOtherRootKeys(rootKeySource, present, next)
      return { rootKeyId: next.rootKey.id, rewrapped }
    } finally {
      rotating = false
    }
  }

  async function rotateDomainKeys(operator: Operator): Promise<{ domains: number; rewrapped: number }> {
    const domains = await listDomains(store)
    if (domains.length === 0) return { domains: 0, rewrapped: 0 }
    await change(operator, 'RotateDomainKeys', { domains: domains.length }, async (tx) => {
      for (const { accountId, region } of domains) await domainKeys.add(tx, accountId, region)
      tx.changed('deployment', '1')
      return { result: undefined }
    })
    let rewrapped = 0
    for (const domain of domains) {
      for (;;) {
        const count = await store.transition(async (tx) => {
          tx.unrecorded = 'part of RotateDomainKeys, which has its record'
          return rewrapMaterialBatch(tx, { store, domainKeys }, domain, MATERIALS_PER_TRANSITION)
        })
        if (count === 0) break
        rewrapped += count
      }
      // What was the newest key when this began is destroyed now, and so is all before it.
      domainKeys.forgetBelow({ ...domain, number: domain.number + 1 })
    }
    return { domains: domains.length, rewrapped }
  }

  return {
    accounts: {
      create: async (args, operator) => createAccount(args, operator),
      list: async () => (await accounts.list()).map(accountFacts),
    },
    credentials: {
      create: createCredential,
      list: async ({ accountId }) => (await accessKeys.list(accountId)).map(credentialFacts),
      disable: ({ accessKeyId }, operator) => setStatus(accessKeyId, 'Inactive', operator),
      enable: ({ accessKeyId }, operator) => setStatus(accessKeyId, 'Active', operator),
      delete: ({ accessKeyId }, operator) => deleteCredential(accessKeyId, operator),
    },
    rootKey: {
      async describe() {
        const row = await deploymentRow(store)
        return { provider: row.root_provider as RootKeyProviderName, rootKeyId: row.root_key_id }
      },
      rotate: rotateRootKey,
    },
    services: createServiceRegistration({ store, servicePrincipals: opened.servicePrincipals, clock }),
    organization: createOrganizationAdministration(organizationParts),
    organizationPolicies: createOrganizationPolicyAdministration(organizationParts),
    quarantine: createQuarantine({ ...opened, partition, clock, change }),
    keyPolicy: createKeyPolicyReset({ keys: opened.keys, change }),
    broughtDeletions: createBroughtDeletions(opened, { clock, change }),
    regionLinks: createRegionLinkAdministration({
      links: opened.links,
      identities: opened.linkIdentities,
      linkedSets: createLinkedSets({ ...opened, ownRegions: new Set(regions) }),
      regions,
      change,
    }),
    keyUsage: createKeyUsage({ ...opened, clock, change }),
    domainKeys: { rotate: rotateDomainKeys },
  }
}

function accountFacts({ accountId, name, createdAtMs }: Account): AccountFacts {
  return { accountId, name, createdAt: createdAtMs }
}

function credentialFacts({
  accessKeyId,
  accountId,
  principal,
  status,
  createdAtMs,
}: AccessKey): CredentialFacts {
  return { accessKeyId, accountId, principal, status, createdAt: createdAtMs }
}
