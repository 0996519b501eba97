import { operationCost } from './operation-cost.ts'
import type { Question } from './question.ts'
import { encryptRequests } from './signed-request.ts'

/** What does an Encrypt cost, with its signature, its durable record and all checks, against a bare node:http server? */
export const encrypt: Question = {
  name: 'encrypt',
  ask: (bench) =>
    operationCost(bench, {
      name: 'Encrypt',
      makeRequests: (_, keyIds, count) => encryptRequests(keyIds, count),
      ratioTarget: 0.25,
      p99TargetMs: 20,
    }),
}
