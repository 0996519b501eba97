import { cloudTrailRecord } from '../audit/record.ts'

/** Who gave an administrative command. */
export interface Operator {
  /** Of the operating system. */
  readonly userName: string
}

/** The journal's record of an administrative command; its parameters never hold a secret. */
export function operatorRecord(facts: {
  clockMs: number
  operator: Operator
  command: string
  parameters?: Readonly<Record<string, unknown>> | undefined
  response?: Readonly<Record<string, unknown>> | undefined
  accountId?: string | undefined
  changePosition?: number
}): { eventId: string; record: string } {
  return cloudTrailRecord({
    clockMs: facts.clockMs,
    identity: { type: 'OperatingSystemUser', userName: facts.operator.userName },
    service: 'keywright',
    operation: facts.command,
    region: undefined,
    accountId: facts.accountId,
    sourceIp: 'localhost',
    userAgent: 'keywright',
    requestParameters: facts.parameters,
    response: facts.response,
    requestId: undefined,
    readOnly: false,
    changePosition: facts.changePosition,
    eventType: 'KeywrightOperatorCommand',
  })
}
