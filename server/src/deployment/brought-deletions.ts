import { ERASURES_AT_ONCE } from '../audit/brought-erasures.ts'
import { checkErasure, type ProvenErasure } from '../audit/erasure-record.ts'
import type { Clock } from '../clock.ts'
import { DeploymentError } from './deployment-error.ts'
import { honourBroughtDeletions, type Honoured } from './honour-deletions.ts'
import type { OpenedDeployment } from './open-deployment.ts'
import type { OperatorChange } from './operator-change.ts'
import type { Operator } from './operator-record.ts'

/** Deletions that the database does not have, from a journal that was kept elsewhere. */
export interface BroughtDeletions {
  /**
   * Does them again, as far as this deployment itself once signed that they were done.
   *
   * @param args.deletions what `readBroughtErasures` found, as JSON, at most `ERASURES_AT_ONCE` of them
   * @param args.after the position of the newest change that the copy has: of the database now when it is not said
   */
  apply(
    args: { deletions: string; after?: number | undefined },
    operator: Operator,
  ): Promise<{ outcomes: Honoured[]; after: number }>
}

export function createBroughtDeletions(
  opened: Pick<OpenedDeployment, 'store' | 'keys' | 'imports' | 'signer'>,
  { clock, change }: { clock: Clock; change: OperatorChange },
): BroughtDeletions {
  return {
    async apply({ deletions, after }, operator) {
      const erasures = parse(deletions)
      const beforePosition = after ?? (await opened.store.feed.head())
      await change(operator, 'ApplyDeletions', { deletions: erasures.length }, () =>
        Promise.resolve({ result: undefined }),
      )
      const { publicKey } = opened.signer
      const outcomes = await honourBroughtDeletions({ ...opened, clock, publicKey }, erasures, beforePosition)
      return { outcomes, after: beforePosition }
    },
  }
}

function parse(text: string): ProvenErasure[] {
  let values: unknown
  try {
    values = JSON.parse(text)
  } catch {
    values = undefined
  }
  if (!Array.isArray(values) || values.length > ERASURES_AT_ONCE) throw notDeletions()
  return values.map((value: unknown) => {
    const erasure = typeof value === 'object' && value !== null ? checkErasure({ ...value }) : undefined
    if (erasure === undefined) throw notDeletions()
    return erasure
  })
}

function notDeletions(): DeploymentError {
  return new DeploymentError('these are no deletions of a journal')
}
