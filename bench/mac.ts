import { macAlgorithms, type MacAlgorithm } from '../server/src/keys/algorithms.ts'
import { algorithmsOf, factsOf, keySpecs } from '../server/src/keys/specs.ts'
import { answersTo, cryptoCost, newMessage, type CryptoSubject } from './crypto-cost.ts'
import type { Question } from './question.ts'

/** What do GenerateMac and VerifyMac cost, against `node:crypto` alone? */
export const mac: Question = {
  name: 'mac',
  ask: (bench) =>
    cryptoCost(
      bench,
      keySpecs.flatMap((KeySpec) =>
        (algorithmsOf(KeySpec, 'GENERATE_VERIFY_MAC') as readonly MacAlgorithm[]).flatMap(
          (MacAlgorithm): CryptoSubject[] => {
            const { form } = factsOf(KeySpec)
            if (form.type !== 'secret') return []
            const newInputs = (count: number) =>
              Array.from({ length: count }, () => ({ Message: newMessage(), MacAlgorithm }))
            const common = {
              what: KeySpec,
              key: { KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' },
              call: { name: 'mac', hash: macAlgorithms[MacAlgorithm], keyBytes: form.lengthBytes },
            } as const
            return [
              { ...common, operation: 'GenerateMac', inputs: (_, __, count) => newInputs(count) },
              {
                ...common,
                operation: 'VerifyMac',
                async inputs(server, KeyId, count) {
                  const inputs = newInputs(count)
                  const made = await answersTo<{ Mac: string }>(
                    server,
                    'GenerateMac',
                    inputs.map((input) => ({ KeyId, ...input })),
                  )
                  return inputs.map((input, n) => ({ ...input, Mac: made[n]?.Mac }))
                },
              },
            ]
          },
        ),
      ),
    ),
}
