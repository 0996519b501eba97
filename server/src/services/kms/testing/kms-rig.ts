import { createSecretKey } from 'node:crypto'
import { systemRandom } from '../../../crypto/random.ts'
import { openHeld, quietLog, type HeldDeployment } from '../../../deployment/testing/deployment-fixture.ts'
import { principalArn, type Principal, type Tag } from '../../../identity/principal.ts'
import type { RequestFacts } from '../../../identity/request-facts.ts'
import { plainSession, type SessionFacts } from '../../../identity/session.ts'
import type { Standing } from '../../../identity/standing.ts'
import { openLinks } from '../../../links/open-links.ts'
import { commercialRegions } from '../../../regions.ts'
import { there } from '../../../testing/there.ts'
import type { Call } from '../../call.ts'
import { REGION, testCall, type Outcome } from '../../../testing/test-call.ts'
import { KeyAccess } from '../key-access.ts'
import type { KmsParts } from '../parts.ts'
import { kmsService } from '../service.ts'
import type { OperationName, RequestOf, ResponseOf } from '../shapes.ts'

/** A principal to ask as. */
export interface Asker {
  readonly principal: Principal
  readonly arn: string
  standing(session?: Partial<SessionFacts>): Promise<Standing>
}

interface NewAsker {
  readonly name: string
  readonly accountId?: string
  readonly allow?: readonly object[]
  readonly tags?: readonly Tag[]
}

/** AWS KMS over a real store in this process, without the wire; every caller is made by the identity modules. */
export interface KmsRig extends HeldDeployment {
  /** What the last `ask` left behind. */
  readonly last: Outcome
  account(accountId: string): Promise<void>
  root(accountId?: string): Promise<Standing>
  user(made: NewAsker): Promise<Asker>
  role(made: NewAsker): Promise<Asker>
  remove(asker: Asker): Promise<void>
  /** Keys as this caller may see them. */
  access(standing: Standing): KeyAccess
  ask<Name extends OperationName>(
    standing: Standing,
    operation: Name,
    request: RequestOf<Name>,
    facts?: Partial<RequestFacts>,
  ): Promise<ResponseOf<Name>>
}

export async function kmsRig(t: { after(cleanUp: () => Promise<void> | void): void }): Promise<KmsRig> {
  const held = await openHeld(t)
  const { opened, clock, change } = held
  const { accounts, principals, standings } = opened
  const parts: KmsParts = {
    ...opened,
    attestation: undefined,
    linked: openLinks({ ...opened, ownRegions: new Set(commercialRegions), clock, log: quietLog }).keys,
    regions: new Set(commercialRegions),
    random: systemRandom,
    now: () => clock.now(),
  }
  const service = kmsService(parts)
  let last: Outcome = { uses: [], grounds: [], resources: [], notes: {}, identity: undefined }

  async function made(kind: 'user' | 'role', asked: NewAsker): Promise<Asker> {
    const accountId = asked.accountId ?? opened.firstAccountId
    const statements = asked.allow ?? []
    const policy = { name: 'own', document: JSON.stringify({ Version: '2012-10-17', Statement: statements }) }
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: accountId }, Action: 'sts:AssumeRole' }],
    }
    const { principal } = await change((tx) =>
      principals.create(tx, {
        accountId,
        kind,
        name: asked.name,
        path: '/',
        tags: asked.tags ?? [],
        inlinePolicies: statements.length === 0 ? [] : [policy],
        ...(kind === 'role' && { trustPolicy: JSON.stringify(trust), maxSessionSeconds: 3600 }),
      }),
    )
    const { principalId } = principal
    return {
      principal,
      arn: principalArn(principal),
      async standing(session) {
        if (kind === 'user' && session === undefined)
          return there(await standings.ofUser(principalId, REGION, 'AKIAUSER'))
        const facts: SessionFacts = {
          ...plainSession({ issuedAtMs: 0, expiresAtMs: Number.MAX_SAFE_INTEGER }),
          ...(kind === 'role' && { role: { roleId: principalId, sessionName: 'session' } }),
          ...session,
        }
        const signingSecret = createSecretKey(systemRandom.bytes(32))
        const of = { kind, id: principalId }
        const token = { accessKeyId: 'ASIASESSION', accountId, principal: of, session: facts, signingSecret }
        return there(await standings.ofSession(token, REGION))
      },
    }
  }

  function callOf(standing: Standing, facts: Partial<RequestFacts>): Call {
    const { call, outcome } = testCall(standing, { timeMs: clock.now(), ...facts }, change)
    last = outcome
    return call
  }

  return {
    ...held,
    get last() {
      return last
    },
    account: async (accountId) => {
      await change((tx) => accounts.create(tx, { accountId, name: accountId }))
    },
    root: async (accountId = opened.firstAccountId) =>
      there(await standings.ofRoot(accountId, REGION, 'AKIAROOT')),
    user: (asked) => made('user', asked),
    role: (asked) => made('role', asked),
    remove: ({ principal }) =>
      change(async (tx) => {
        await principals.remove(tx, there(await principals.readById(tx.db, principal.principalId)))
      }),

    access: (standing) => new KeyAccess(callOf(standing, {}), parts),
    async ask(standing, operation, request, facts = {}) {
      const answer = await service.operations.get(operation)?.run(request, callOf(standing, facts))
      return answer as ResponseOf<typeof operation>
    },
  }
}
