import type { Service, ServiceOperation } from '../call.ts'
import { getAnalyzer, listAnalyzers } from './analyzers.ts'
import { checkAccessNotGranted, checkNoPublicAccess } from './check-policy.ts'
import { getFindingV2, listFindingsV2 } from './findings.ts'
import { operationNames } from './operation-names.ts'
import type { AccessAnalyzerParts, Operation } from './operation.ts'
import { operations, type OperationName, type RequestOf } from './shapes.ts'
import { validatePolicy } from './validate-policy.ts'

/** Each operation of the shape table, with what does it. */
const handlers: { readonly [Name in OperationName]: Operation<Name> } = {
  ValidatePolicy: validatePolicy,
  CheckNoPublicAccess: checkNoPublicAccess,
  CheckAccessNotGranted: checkAccessNotGranted,
  ListFindingsV2: listFindingsV2,
  GetFindingV2: getFindingV2,
  ListAnalyzers: listAnalyzers,
  GetAnalyzer: getAnalyzer,
}

export const supportedAccessAnalyzerOperations = Object.keys(handlers) as OperationName[]

/** IAM Access Analyzer: everything that a request to it needs. */
export function accessAnalyzerService(parts: AccessAnalyzerParts): Service {
  const bind = <Name extends OperationName>(name: Name): ServiceOperation => {
    const handler: Operation<Name> = handlers[name]
    const { input, output, http } = operations[name]
    return {
      name,
      input,
      output,
      http,
      readOnly: true,
      run: (request, call) => handler(request as RequestOf<Name>, { ...parts, call }),
    }
  }
  return {
    signingName: 'access-analyzer',
    protocol: { type: 'rest-json' },
    eventSource: 'access-analyzer.amazonaws.com',
    operations: new Map(supportedAccessAnalyzerOperations.map((name) => [name, bind(name)])),
    operationNames: new Set(operationNames),
  }
}
