import type { Clock } from '../clock.ts'
import type { Store, Transition } from '../store/store.ts'
import { operatorRecord, type Operator } from './operator-record.ts'

type Parameters = Readonly<Record<string, unknown>>

/** Runs one change that an operator asks for, together with its record. */
export type OperatorChange = <T>(
  operator: Operator,
  command: string,
  parameters: Parameters,
  /** What it returns beside its result goes into the record. */
  work: (tx: Transition) => Promise<{ result: T; accountId?: string | undefined; response?: Parameters }>,
) => Promise<T>

export function operatorChanges({ store, clock }: { store: Store; clock: Clock }): OperatorChange {
  return (operator, command, parameters, work) =>
    store.transition(async (tx) => {
      const { result, accountId, response } = await work(tx)
      tx.record((changePosition) =>
        operatorRecord({
          clockMs: clock.now(),
          operator,
          command,
          parameters,
          response,
          accountId,
          changePosition,
        }),
      )
      return result
    })
}
