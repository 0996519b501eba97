import { operationCost } from './operation-cost.ts'
import type { Question } from './question.ts'
import { newContext, requestSigner } from './signed-request.ts'

/** What does a GenerateDataKey cost against a bare node:http server? */
export const generateDataKey: Question = {
  name: 'generate-data-key',
  ask: (bench) =>
    operationCost(bench, {
      name: 'GenerateDataKey',
      makeRequests(_, keyIds, count) {
        const sign = requestSigner()
        return Array.from({ length: count }, (_, index) =>
          sign('GenerateDataKey', {
            KeyId: keyIds[index % keyIds.length],
            KeySpec: 'AES_256',
            EncryptionContext: newContext(),
          }),
        )
      },
    }),
}
