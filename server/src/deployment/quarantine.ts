import { iamArn, parseArn } from '../arn.ts'
import type { Clock } from '../clock.ts'
import type { Accounts } from '../identity/accounts.ts'
import { UnknownPrincipalError, type PrincipalBinding } from '../identity/principal-binding.ts'
import { principalArn } from '../identity/principal.ts'
import type { Principals } from '../identity/principals.ts'
import type { Grant } from '../keys/grant.ts'
import type { Grants } from '../keys/grants.ts'
import { keyArn, type KmsKey } from '../keys/key.ts'
import type { KeyChange } from '../keys/key-change.ts'
import type { Keys } from '../keys/keys.ts'
import type { Transition } from '../store/store.ts'
import { DeploymentError } from './deployment-error.ts'
import { requireKeyNamed } from './key-named.ts'
import type { OperatorChange } from './operator-change.ts'
import type { Operator } from './operator-record.ts'

/**
 * A deny that nothing overrides, on a key or on a principal. It stands in the row of what it shuts out, so it cannot be
 * taken away without taking that away too; and whatever rests on the row is decided again on every node.
 */
export interface QuarantineAdministration {
  /** @param args.id a key id or key ARN */
  key(args: { id: string; reason: string }, operator: Operator): Promise<Quarantined>
  /** @param args.id of a user or role: an ARN or unique id; of a root user: its ARN or the account id */
  principal(args: { id: string; reason: string }, operator: Operator): Promise<Quarantined>
  releaseKey(args: { id: string }, operator: Operator): Promise<Released>
  releasePrincipal(args: { id: string }, operator: Operator): Promise<Released>
}

export interface Quarantined {
  readonly arn: string
  readonly reason: string
  /** Milliseconds since the epoch, as every time here. */
  readonly at: number
  /** The grants on the key, or those that the principal has; the first thousand. */
  readonly grants: readonly GrantFacts[]
  /** Whether there are more than those. */
  readonly moreGrants: boolean
}

export interface Released {
  readonly arn: string
  /** Why it was under quarantine. */
  readonly reason: string
}

export interface GrantFacts {
  readonly grantId: string
  readonly keyArn: string
  readonly grantee: string
  readonly operations: readonly string[]
  readonly createdAt: number
}

interface Mark {
  readonly reason: string
  readonly atMs: number
  readonly by: string
}

/** A row that can be under quarantine. */
interface Subject {
  readonly arn: string
  readonly accountId: string
  readonly present: Mark | undefined
  set(mark: Mark | undefined): Promise<unknown>
  /** One page of its grants, after one of them. */
  grants(after: Grant | undefined, limit: number): Promise<readonly Grant[]>
}

const GRANTS_SHOWN = 1000
const RELEASED_WINDOW_DAYS = 7
// Checked in one turn of the loop, in about 2 ms.
const GRANTS_PER_PAGE = 100

export function createQuarantine(parts: {
  keys: Keys
  grants: Grants
  accounts: Accounts
  principals: Principals
  binding: PrincipalBinding
  partition: string
  clock: Clock
  change: OperatorChange
}): QuarantineAdministration {
  const { keys, grants, accounts, principals, binding, clock, change } = parts

  async function keySubject(tx: Transition, id: string): Promise<Subject> {
    const stored = await requireKeyNamed(keys, tx.db, id)
    const { key } = stored
    return {
      arn: key.arn,
      accountId: key.accountId,
      present: key.quarantine,
      set: (mark) =>
        keys.change(
          tx,
          stored,
          mark === undefined
            ? { quarantine: null, ...deferredDeletion(key, clock.now()) }
            : { quarantine: mark },
        ),
      grants: (after, limit) => grants.list({ key, afterGrantId: after?.grantId ?? '', limit }),
    }
  }

  async function principalSubject(tx: Transition, id: string): Promise<Subject> {
    const { kind, uniqueId, accountId } = await binding.bindPrincipal(tx.db, id).catch((cause: unknown) => {
      if (!(cause instanceof UnknownPrincipalError)) throw cause
      throw new DeploymentError(`there is no user, role or root user ${id}`, { cause })
    })
    const partition = parseArn(id)?.partition ?? parts.partition
    const ofGrantee = (after: Grant | undefined, limit: number) =>
      grants.listOfGrantee({ granteeId: uniqueId, after, limit })
    if (kind === 'account') {
      return {
        arn: iamArn({ partition, accountId, resource: 'root' }),
        accountId,
        present: await accounts.quarantineOf(tx.db, accountId),
        set: (mark) => accounts.setQuarantine(tx, accountId, mark),
        grants: ofGrantee,
      }
    }
    if (kind === 'assumed-role') {
      throw new DeploymentError(
        `${id} is a session: put its role under quarantine, which ends all its sessions`,
      )
    }
    const stored = await principals.readById(tx.db, uniqueId)
    if (stored === undefined) throw new DeploymentError(`there is no user or role ${id}`)
    return {
      arn: principalArn(stored.principal, partition),
      accountId,
      present: stored.principal.quarantine,
      set: (mark) => principals.update(tx, stored, { quarantine: mark }),
      grants: ofGrantee,
    }
  }

  function quarantine(
    command: string,
    find: (tx: Transition, id: string) => Promise<Subject>,
    { id, reason }: { id: string; reason: string },
    operator: Operator,
  ): Promise<Quarantined> {
    return change(operator, command, { id, reason }, async (tx) => {
      const { arn, accountId, set, grants: grantsOf } = await find(tx, id)
      const atMs = clock.now()
      await set({ reason, atMs, by: operator.userName })
      const found = await firstGrants(grantsOf)
      const shown = found.slice(0, GRANTS_SHOWN).map(grantFacts)
      const moreGrants = found.length > GRANTS_SHOWN
      const result = { arn, reason, at: atMs, grants: shown, moreGrants }
      return { result, accountId, response: { arn, grants: shown.length, moreGrants } }
    })
  }

  function release(
    command: string,
    find: (tx: Transition, id: string) => Promise<Subject>,
    { id }: { id: string },
    operator: Operator,
  ): Promise<Released> {
    return change(operator, command, { id }, async (tx) => {
      const { arn, accountId, present, set } = await find(tx, id)
      if (present === undefined) throw new DeploymentError(`${arn} is not under quarantine`)
      await set(undefined)
      return { result: { arn, reason: present.reason }, accountId, response: { arn, reason: present.reason } }
    })
  }

  return {
    key: (args, operator) => quarantine('QuarantineKey', keySubject, args, operator),
    principal: (args, operator) => quarantine('QuarantinePrincipal', principalSubject, args, operator),
    releaseKey: (args, operator) => release('ReleaseKey', keySubject, args, operator),
    releasePrincipal: (args, operator) => release('ReleasePrincipal', principalSubject, args, operator),
  }
}

/**
 * A deletion waits while its key is under quarantine. After the release its owner has the shortest waiting period that
 * AWS knows in which to cancel it.
 */
function deferredDeletion({ state, deletionAtMs }: KmsKey, nowMs: number): Pick<KeyChange, 'deletion'> {
  const earliestMs = nowMs + RELEASED_WINDOW_DAYS * 24 * 60 * 60 * 1000
  if (state !== 'PendingDeletion' || deletionAtMs === undefined || deletionAtMs >= earliestMs) return {}
  return { deletion: { atMs: earliestMs, windowDays: RELEASED_WINDOW_DAYS } }
}

/** As many as are shown, and one more if there is one. */
async function firstGrants(page: Subject['grants']): Promise<readonly Grant[]> {
  const found: Grant[] = []
  for (;;) {
    const limit = Math.min(GRANTS_PER_PAGE, GRANTS_SHOWN + 1 - found.length)
    const more = await page(found.at(-1), limit)
    found.push(...more)
    if (more.length < limit || found.length > GRANTS_SHOWN) return found
  }
}

function grantFacts(grant: Grant): GrantFacts {
  return {
    grantId: grant.grantId,
    keyArn: keyArn(grant.accountId, grant.region, grant.keyId),
    grantee: grant.grantee.name,
    operations: grant.operations,
    createdAt: grant.createdAtMs,
  }
}
