import type { Operator } from '../deployment/operator-record.ts'
import type { Deployment } from './deployment.ts'

/** One argument of an administrative command. */
export interface ArgumentRule {
  /** Completes "must be …". */
  readonly form: string
  readonly pattern: RegExp
  readonly required?: true
}

export type Arguments = Readonly<Record<string, string>>

export interface Command<Result> {
  readonly arguments: Readonly<Record<string, ArgumentRule>>
  run(deployment: Deployment, args: Arguments, operator: Operator): Promise<Result>
}

export const command = <Result>(
  rules: Command<Result>['arguments'],
  run: Command<Result>['run'],
): Command<Result> => ({ arguments: rules, run })

/** An argument whose rule says that it is there. */
export function required(args: Arguments, name: string): string {
  const value = args[name]
  if (value === undefined) throw new Error(`${name} was not checked`)
  return value
}
