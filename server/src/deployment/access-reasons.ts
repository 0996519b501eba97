import type { PolicySource } from '../policy/compile.ts'
import type { Decision } from '../policy/decision.ts'

export interface StatementFacts {
  /** Such as `key policy`, or the ARN of a managed policy. */
  readonly policy: string
  readonly index: number
  readonly sid?: string
  readonly effect: 'Allow' | 'Deny'
}

/** The statements that a decision rests on. */
export function statementFacts({ statements }: Decision): readonly StatementFacts[] {
  return statements.map(({ source, index, sid, effect }) => ({
    policy: policyName(source),
    index,
    ...(sid !== undefined && { sid }),
    effect,
  }))
}

const kinds: Partial<Record<string, string>> = {
  resource: 'key policy',
  identity: 'identity policy',
  boundary: 'permissions boundary',
  session: 'session policy',
  'service-control': 'service control policy',
  'resource-control': 'resource control policy',
  endpoint: 'endpoint policy',
}

function policyName({ type, arn, name }: PolicySource): string {
  const kind = kinds[type] ?? type
  const which = arn ?? name
  return which === undefined || type === 'resource' ? kind : `${kind} ${which}`
}

/** Why it was decided so, in one sentence. */
export function sentenceOf({ reason }: Decision): string {
  switch (reason.type) {
    case 'allowed':
      return {
        'root-user': 'the root user of the account, which the key policy lets in',
        identity: 'the key policy lets the account in, and an identity policy allows the action',
        resource: 'the key policy names the principal',
        grant: 'a grant allows the action',
      }[reason.by]
    case 'quarantine':
      return `the ${reason.quarantine.of === 'principal' ? 'principal' : 'key'} is under quarantine: ${reason.quarantine.reason}`
    case 'explicit-deny':
      return `statement ${reason.statement.sid ?? reason.statement.index} of the ${policyName(reason.source)} denies it`
    case 'too-much-effort':
      return 'the policies take too much effort to evaluate'
    case 'implicit-deny':
      return `no ${kinds[reason.missing] ?? reason.missing} allows it`
  }
}
