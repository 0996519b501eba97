import { iamArn, parseArn, partitionOf } from '../arn.ts'
import type { Accounts } from '../identity/accounts.ts'
import { UnknownPrincipalError, type PrincipalBinding } from '../identity/principal-binding.ts'
import { principalArn, type PrincipalKind } from '../identity/principal.ts'
import type { Principals } from '../identity/principals.ts'
import type { ServicePrincipals } from '../identity/service-principals.ts'
import { freshRoleSession } from '../identity/session.ts'
import type { Standings } from '../identity/standing-of.ts'
import type { Standing } from '../identity/standing.ts'
import type { Store } from '../store/store.ts'
import { DeploymentError } from './deployment-error.ts'

/** Somebody who could ask. */
export interface AccessSubject {
  /** An ARN, or the name of a service. */
  readonly name: string
  readonly kind: 'root' | PrincipalKind | 'service'
  readonly accountId: string
  standing(nowMs: number): Promise<Standing | undefined>
}

const ROWS_PER_PAGE = 200

/** Finds and lists those who could ask, and what each stands on when it does. */
export function createAccessSubjects(parts: {
  store: Store
  accounts: Accounts
  principals: Principals
  binding: PrincipalBinding
  standings: Standings
  servicePrincipals: ServicePrincipals
}) {
  const { store, accounts, principals, binding, standings, servicePrincipals } = parts

  function ofRoot(accountId: string, region: string): AccessSubject {
    return {
      name: iamArn({ partition: partitionOf(region), accountId, resource: 'root' }),
      kind: 'root',
      accountId,
      standing: async () => standings.ofRoot(accountId, region, ''),
    }
  }

  function ofPrincipal(
    kind: 'user' | 'role',
    id: string,
    {
      name,
      accountId,
      region,
      sessionName = 'simulation',
    }: { name: string; accountId: string; region: string; sessionName?: string },
  ): AccessSubject {
    return {
      name,
      kind,
      accountId,
      standing: async (nowMs) =>
        kind === 'user'
          ? standings.ofUser(id, region, '')
          : standings.ofSession(
              {
                accessKeyId: '',
                accountId,
                principal: { kind: 'role', id },
                session: freshRoleSession({ roleId: id, sessionName }, nowMs),
              },
              region,
            ),
    }
  }

  return {
    /** @param name the ARN or unique id of a user, role or role session, of a root user or its account, or the name of a service */
    async named(name: string, region: string): Promise<AccessSubject> {
      if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(name)) {
        const service = (await servicePrincipals.list()).find((each) => each.name === name)
        if (service === undefined)
          throw new DeploymentError(`there is no service ${name}: see keywright service list`)
        return {
          name,
          kind: 'service',
          accountId: '',
          standing: async () => standings.ofService({ names: [name], accountId: '' }),
        }
      }
      const bound = await binding.bindPrincipal(store.db, name).catch((cause: unknown) => {
        if (!(cause instanceof UnknownPrincipalError)) throw cause
        throw new DeploymentError(`there is no user, role or root user ${name}`, { cause })
      })
      const { kind, uniqueId, accountId } = bound
      if (kind === 'account') return ofRoot(accountId, region)
      if (kind === 'user') return ofPrincipal('user', uniqueId, { name, accountId, region })
      const sessionName = kind === 'assumed-role' ? parseArn(name)?.resource.split('/')[2] : undefined
      return ofPrincipal('role', uniqueId, {
        name,
        accountId,
        region,
        ...(sessionName !== undefined && { sessionName }),
      })
    },

    /** The root user, the users and the roles of an account, in the order of their names. */
    async *ofAccount(accountId: string, region: string): AsyncGenerator<AccessSubject> {
      yield ofRoot(accountId, region)
      for (const kind of ['user', 'role'] as const) {
        for (let after = ''; ;) {
          const page = await principals.list(store.db, { accountId, kind, after, limit: ROWS_PER_PAGE })
          for (const { principal } of page) {
            yield ofPrincipal(kind, principal.principalId, {
              name: principalArn(principal, partitionOf(region)),
              accountId,
              region,
            })
          }
          const last = page.at(-1)
          if (last === undefined || page.length < ROWS_PER_PAGE) break
          after = last.row.name_key
        }
      }
    },

    async services(): Promise<readonly AccessSubject[]> {
      const all = await servicePrincipals.list()
      return all.map(({ name }) => ({
        name,
        kind: 'service',
        accountId: '',
        standing: async () => standings.ofService({ names: [name], accountId: '' }),
      }))
    },

    async accountIds(): Promise<readonly string[]> {
      return (await accounts.list()).map(({ accountId }) => accountId)
    },
  }
}

export type AccessSubjects = ReturnType<typeof createAccessSubjects>
