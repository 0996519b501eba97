import { newAccessKeyId, newSecretAccessKey } from '../access-keys.ts'
import { systemRandom } from '../../crypto/random.ts'
import { openHeld, type HeldDeployment } from '../../deployment/testing/deployment-fixture.ts'
import type { StoredPrincipal } from '../principal.ts'
import type { NewPrincipal } from '../principals.ts'
import type { RequestFacts } from '../request-facts.ts'
import { plainSession, type SessionFacts } from '../session.ts'

export const ACCOUNT = '111122223333'
export const OTHER_ACCOUNT = '444455556666'
export const REGION = 'us-east-1'

/** A deployment of two accounts, and principals of the first. */
export interface IdentityFixture extends HeldDeployment {
  principal(principal: Partial<NewPrincipal> & Pick<NewPrincipal, 'kind' | 'name'>): Promise<StoredPrincipal>
  /** The id of a new access key of a user. */
  accessKey(principal: string): Promise<string>
  /** A row is taken away as somebody does who can write the database; no feed tells of it. */
  takeAway(table: 'principals' | 'managed_policies', column: string, value: string): Promise<void>
}

export async function openIdentityFixture(t: {
  after(cleanUp: () => void | Promise<void>): void
}): Promise<IdentityFixture> {
  const held = await openHeld(t, { accountId: ACCOUNT })
  const { opened, change } = held
  const { accounts, principals, accessKeys } = opened
  await change((tx) => accounts.create(tx, { accountId: OTHER_ACCOUNT, name: 'other' }))
  return {
    ...held,
    principal: (principal) => change((tx) => principals.create(tx, { accountId: ACCOUNT, ...principal })),
    async accessKey(principal) {
      const made = {
        accountId: ACCOUNT,
        principal,
        accessKeyId: newAccessKeyId(systemRandom),
        secretAccessKey: newSecretAccessKey(systemRandom),
      }
      return (await change((tx) => accessKeys.create(tx, made))).accessKeyId
    },
    takeAway: (table, column, value) =>
      change(async (tx) => {
        await tx.db
          .deleteFrom(table)
          .where(column as never, '=', value as never)
          .execute()
      }),
  }
}

/** A request over plain HTTP. */
export function requestFacts(change: Partial<RequestFacts> = {}): RequestFacts {
  return {
    region: REGION,
    timeMs: Date.parse('2026-11-20T10:00:00.500Z'),
    sourceIp: '203.0.113.7',
    userAgent: 'test/1',
    secureTransport: false,
    endpoint: undefined,
    ...change,
  }
}

/** A session without anything special. */
export function sessionFacts(change: Partial<SessionFacts> = {}): SessionFacts {
  return {
    ...plainSession({
      issuedAtMs: Date.parse('2026-11-20T09:59:00Z'),
      expiresAtMs: Date.parse('2026-11-20T10:59:00Z'),
    }),
    ...change,
  }
}

export function allow(action: string | readonly string[], resource = '*'): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: action, Resource: resource }],
  })
}

export function trust(principal: object): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }],
  })
}
