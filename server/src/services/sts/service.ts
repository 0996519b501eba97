import { requireSessionMayCall } from './session-limits.ts'
import type { Service, ServiceOperation } from '../call.ts'
import { assumeRole } from './assume-role.ts'
import { assumeRoleWithWebIdentity } from './assume-role-with-web-identity.ts'
import { getAccessKeyInfo } from './get-access-key-info.ts'
import { getCallerIdentity } from './get-caller-identity.ts'
import { getSessionToken } from './get-session-token.ts'
import { operationNames } from './operation-names.ts'
import type { Operation, StsParts } from './operation.ts'
import { operations, type OperationName, type RequestOf } from './shapes.ts'

/** Each operation of the shape table, with what does it. */
const handlers: { readonly [Name in OperationName]: Operation<Name> } = {
  AssumeRole: assumeRole,
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
  GetAccessKeyInfo: getAccessKeyInfo,
  GetCallerIdentity: getCallerIdentity,
  GetSessionToken: getSessionToken,
}

export const supportedStsOperations = Object.keys(handlers) as OperationName[]

/** AWS STS: everything that a request to it needs. */
export function stsService(parts: StsParts): Service {
  const bind = <Name extends OperationName>(name: Name): ServiceOperation => {
    const handler: Operation<Name> = handlers[name]
    return {
      name,
      input: operations[name].input,
      output: operations[name].output,
      // CloudTrail has all of them as reading, and records whom AssumeRole gave credentials to all the same.
      readOnly: true,
      recordsAnswer: true,
      ...(name === 'AssumeRoleWithWebIdentity' && { unsigned: true }),
      async run(request, call) {
        requireSessionMayCall(call.caller, name)
        return handler(request as RequestOf<Name>, { ...parts, call })
      },
    }
  }
  return {
    signingName: 'sts',
    protocol: {
      type: 'query',
      version: '2011-06-15',
      xmlNamespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    },
    global: true,
    eventSource: 'sts.amazonaws.com',
    operations: new Map(supportedStsOperations.map((name) => [name, bind(name)])),
    operationNames: new Set(operationNames),
  }
}
