import { answersTo, cryptoCost } from './crypto-cost.ts'
import type { Question } from './question.ts'
import { signingFamilies } from './signing-families.ts'

/** What does a Verify of a valid signature cost with each kind of key, against `node:crypto` alone? */
export const verify: Question = {
  name: 'verify',
  ask: (bench) =>
    cryptoCost(
      bench,
      signingFamilies().map((family) => ({
        ...family,
        operation: 'Verify',
        async inputs(server, KeyId, count) {
          const inputs = Array.from({ length: count }, family.newInput)
          const signed = await answersTo<{ Signature: string }>(
            server,
            'Sign',
            inputs.map((input) => ({ KeyId, ...input })),
          )
          return inputs.map((input, n) => ({ ...input, Signature: signed[n]?.Signature }))
        },
        call: { name: 'verify', form: family.form, scheme: family.scheme },
      })),
    ),
}
