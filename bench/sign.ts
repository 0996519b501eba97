import { cryptoCost } from './crypto-cost.ts'
import type { Question } from './question.ts'
import { signingFamilies } from './signing-families.ts'

/** What does a Sign cost with each kind of key, against `node:crypto` alone? */
export const sign: Question = {
  name: 'sign',
  ask: (bench) =>
    cryptoCost(
      bench,
      signingFamilies().map((family) => ({
        ...family,
        operation: 'Sign',
        inputs: (_, __, count) => Array.from({ length: count }, family.newInput),
        call: { name: 'sign', form: family.form, scheme: family.scheme },
      })),
    ),
}
