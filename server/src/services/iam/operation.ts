import type { Members, StructureOf } from '../../shape.ts'
import type { IamContext } from './iam-context.ts'

/** One operation of IAM: its shapes, and what does it. */
export interface IamOperation {
  readonly input: Members
  readonly output: Members | null
  /** As CloudTrail's `readOnly`. */
  readonly readOnly: boolean
  handler(request: Record<string, unknown>, context: IamContext): Promise<object | undefined>
}

/** The operations of one noun, by the names that AWS gives them. */
export type IamOperations = Readonly<Record<string, IamOperation>>

/** Ties a handler to its shapes: the request that it gets has their types. */
export function operation<const Input extends Members>(definition: {
  readonly input: Input
  readonly output: Members | null
  readonly readOnly?: true
  handler(request: StructureOf<Input>, context: IamContext): Promise<object | undefined>
}): IamOperation {
  const { input, output, readOnly = false, handler } = definition
  return { input, output, readOnly, handler: (request, context) => handler(request as never, context) }
}
