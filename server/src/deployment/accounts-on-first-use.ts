import type { Administration } from './administration.ts'
import { DeploymentError } from './deployment-error.ts'
import type { Operator } from './operator-record.ts'

/**
 * With `--dev-auth` any twelve digits are an account; it is made when it is first named.
 *
 * @returns resolves when the account is there; those who name it at the same moment wait for one making
 */
export function accountsOnFirstUse(
  accounts: Administration['accounts'],
  operator: Operator,
): (accountId: string) => Promise<void> {
  const making = new Map<string, Promise<void>>()
  const make = async (accountId: string): Promise<void> => {
    try {
      await accounts.create({ accountId, name: 'made on first use' }, operator)
    } catch (error) {
      // Another node made it at the same moment.
      if (!(error instanceof DeploymentError)) throw error
    } finally {
      making.delete(accountId)
    }
  }
  return (accountId) => {
    const running = making.get(accountId) ?? make(accountId)
    making.set(accountId, running)
    return running
  }
}
