import type { PrivateKeyForm } from '../server/src/crypto/key-form.ts'
import { algorithmsOf, factsOf, keySpecs, type KeySpec, type KeyUsage } from '../server/src/keys/specs.ts'

export interface PairSpec {
  readonly spec: KeySpec
  readonly form: PrivateKeyForm
}

/** Specs of key pairs that a key of this usage can have. */
export function pairSpecsFor(usage: KeyUsage): PairSpec[] {
  return keySpecs
    .filter((spec) => algorithmsOf(spec, usage).length > 0)
    .flatMap((spec) => {
      const { form } = factsOf(spec)
      return form.type === 'secret' ? [] : [{ spec, form }]
    })
}
