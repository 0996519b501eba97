import type { TestContext } from 'node:test'
import { openHeld, type HeldDeployment } from '../../../deployment/testing/deployment-fixture.ts'
import type { Egress } from '../../../egress/egress.ts'
import { EgressError } from '../../../egress/egress-error.ts'
import type { Caller } from '../../../identity/caller.ts'
import { createOidcKeys } from '../../../identity/oidc-keys.ts'
import type { Principal, PrincipalChange } from '../../../identity/principal.ts'
import type { Standing } from '../../../identity/standing.ts'
import { parsePolicy } from '../../../policy/document.ts'
import { there } from '../../../testing/there.ts'
import { REGION, testCall } from '../../../testing/test-call.ts'
import { stsService } from '../service.ts'

/** STS over a deployment of its own, without a wire: whoever calls is given, not authenticated. */
export interface StsRig extends HeldDeployment {
  readonly accountId: string
  account(accountId: string): Promise<void>
  user(name: string, change?: PrincipalChange & { accountId?: string }): Promise<TestUser>
  /** @param trust the statements of its trust policy */
  role(
    name: string,
    trust: readonly object[],
    change?: PrincipalChange & { accountId?: string },
  ): Promise<Principal>
  call(standing: Standing, operation: string, request: Record<string, unknown>): Promise<StsAnswer>
  /** The standing of whoever holds temporary credentials. */
  holderOf(answer: StsAnswer): Promise<Standing>
  root(accountId?: string): Promise<Standing>
}

export interface TestUser {
  readonly principal: Principal
  readonly accessKeyId: string
  standing(): Promise<Standing>
}

/** Loosely typed: tests look into it as a client would. */
export interface StsAnswer {
  readonly answer: Record<string, unknown> & {
    readonly Credentials: {
      readonly AccessKeyId: string
      readonly SecretAccessKey: string
      readonly SessionToken: string
      readonly Expiration: Date
    }
  }
  /** Who a request without a signature turned out to be. */
  readonly identity: Caller | undefined
}

export async function stsRig(t: TestContext, egress: Egress = nowhere): Promise<StsRig> {
  const held = await openHeld(t)
  const { opened, clock, change } = held
  const { principals, accounts, accessKeys, binding, standings, sessionTokens } = opened
  const now = () => clock.now()
  const oidcKeys = createOidcKeys({ egress, now, onFailure() {} })
  const service = stsService({ ...opened, oidcKeys, now })
  const accountId = opened.firstAccountId

  return {
    ...held,
    accountId,
    account: async (id) => {
      await change((tx) => accounts.create(tx, { accountId: id, name: 'another' }))
    },
    root: async (id = accountId) => there(await standings.ofRoot(id, REGION, 'AKIAROOTROOTROOTROOT')),
    async user(name, { accountId: id = accountId, ...rest } = {}) {
      const { principal } = await change((tx) =>
        principals.create(tx, { accountId: id, kind: 'user', name, ...rest }),
      )
      const accessKeyId = `AKIA${name.toUpperCase().padEnd(16, 'A')}`
      await change((tx) =>
        accessKeys.create(tx, {
          accountId: id,
          accessKeyId,
          secretAccessKey: 'a'.repeat(40),
          principal: principal.principalId,
        }),
      )
      return {
        principal,
        accessKeyId,
        standing: async () => there(await standings.ofUser(principal.principalId, REGION, accessKeyId)),
      }
    },
    async role(name, trust, { accountId: id = accountId, ...rest } = {}) {
      const trustPolicy = JSON.stringify({ Version: '2012-10-17', Statement: trust })
      const { principal } = await change(async (tx) => {
        const document = parsePolicy(trustPolicy, 'trust')
        const trustBindings = await binding.bindPrincipals(tx.db, document, 'aws')
        return principals.create(tx, {
          accountId: id,
          kind: 'role',
          name,
          trustPolicy,
          trustBindings,
          ...rest,
        })
      })
      return principal
    },
    async call(standing, name, request) {
      const { call, outcome } = testCall(standing, { timeMs: clock.now(), sourceIp: '192.0.2.1' }, change)
      const answer = await there(service.operations.get(name)).run(request, call)
      return { answer: answer as StsAnswer['answer'], identity: outcome.identity }
    },
    holderOf: async ({ answer: { Credentials } }) =>
      there(
        await standings.ofSession(
          sessionTokens.open(Credentials.SessionToken, Credentials.AccessKeyId, clock.now()),
          REGION,
        ),
      ),
  }
}

/** There is no network. */
const nowhere: Egress = { get: () => Promise.reject(new EgressError('unreachable')) }
