import type { KmsKey } from './key.ts'
import { factsOf, materialUse } from './specs.ts'

/** What AWS calls the type of a KMS key: an alias stays with one. */
export function keyType({
  spec,
  usage,
}: Pick<KmsKey, 'spec' | 'usage'>): 'symmetric' | 'HMAC' | 'asymmetric' {
  if (factsOf(spec).form.type !== 'secret') return 'asymmetric'
  return usage === 'GENERATE_VERIFY_MAC' ? 'HMAC' : 'symmetric'
}

/** Encryption contexts, and constraints on them, are of these keys only; so is more than one version of material. */
export function isSymmetricEncryption({ spec, usage }: Pick<KmsKey, 'spec' | 'usage'>): boolean {
  return materialUse(spec, usage) === 'seal'
}
