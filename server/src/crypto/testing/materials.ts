import { createHash, createPublicKey } from 'node:crypto'
import { signingFacts, type SigningAlgorithm } from '../../keys/algorithms.ts'
import { factsOf, materialUse, specs, type KeySpec, type KeyUsage } from '../../keys/specs.ts'
import type { KeyEngine } from '../key-engine.ts'
import type { KeyForm, PrivateKeyForm } from '../key-form.ts'
import type { Material } from '../material.ts'
import type { SignatureScheme, SignedInput } from '../schemes.ts'

/** Of every partition. */
const keySpecs = Object.keys(specs) as readonly KeySpec[]

/** A way to sign that some KMS key has. */
export interface Signing {
  readonly name: string
  readonly form: KeyForm
  readonly scheme: SignatureScheme
  readonly inputs: readonly SignedInput[]
}

/** Every form with which keys of a usage come, by the name of its spec. */
export function formsFor(usage: KeyUsage): readonly (readonly [name: string, form: KeyForm])[] {
  return keySpecs
    .filter((spec) => factsOf(spec).usages[usage] !== undefined)
    .map((spec) => [spec, factsOf(spec).form])
}

export const signings: readonly Signing[] = keySpecs.flatMap((spec) => {
  const { form, usages } = factsOf(spec)
  return (usages.SIGN_VERIFY ?? []).map((algorithm: SigningAlgorithm) => {
    const { scheme, inputs } = signingFacts(algorithm)
    return { name: `${spec} ${algorithm}`, form, scheme, inputs: Object.values(inputs) }
  })
})

/** Every form that pairs for clients come with. */
export const pairForms = keySpecs
  .filter((spec) => factsOf(spec).dataKeyPair)
  .map((spec) => [spec, factsOf(spec).form as PrivateKeyForm] as const)

/** Every form and use that keys come with. */
export const uses: readonly (readonly [name: string, form: KeyForm, use: Material['use']])[] =
  keySpecs.flatMap((spec) => {
    const { form, usages, unsupportedUsage } = factsOf(spec)
    const supported = (Object.keys(usages) as KeyUsage[]).filter((usage) => usage !== unsupportedUsage)
    return supported.map((usage) => [`${spec} ${usage}`, form, materialUse(spec, usage)] as const)
  })

const ids = { keyId: '1234abcd-12ab-34cd-56ef-1234567890ab', materialId: 'ab'.repeat(32) }

type MaterialFor<Use extends Material['use']> = Extract<Material, { use: Use }>

/** Material of a new key; the bytes that it came from are wiped. */
export async function newMaterial<Use extends Material['use']>(
  engine: KeyEngine,
  form: KeyForm,
  use: Use,
): Promise<MaterialFor<Use>> {
  const bytes = await engine.generate(form, 'somebody')
  try {
    return materialOf(engine, form, use, bytes)
  } finally {
    bytes.fill(0)
  }
}

const keptBytes = new Map<KeyForm, Buffer>()

/** Material of one key of this form for the whole file, for tests to which it does not matter: RSA keys take seconds. */
export async function keptMaterial<Use extends Material['use']>(
  engine: KeyEngine,
  form: KeyForm,
  use: Use,
): Promise<MaterialFor<Use>> {
  const bytes = keptBytes.get(form) ?? (await engine.generate(form, 'somebody'))
  keptBytes.set(form, bytes)
  return materialOf(engine, form, use, bytes)
}

export function materialOf<Use extends Material['use']>(
  engine: KeyEngine,
  form: KeyForm,
  use: Use,
  bytes: Buffer,
): MaterialFor<Use> {
  return engine.material({ ids, form, use, bytes, owner: 'somebody' }) as MaterialFor<Use>
}

/** What a client gives for a message as such an input, computed as the standards say. */
export function given(
  message: Buffer,
  input: SignedInput,
  scheme: SignatureScheme,
  publicKey: Buffer,
): Buffer {
  switch (input) {
    case 'message':
      return message
    case 'digest': {
      const hash = 'hash' in scheme ? scheme.hash : 'sha512'
      return createHash(hash).update(message).digest()
    }
    case 'mu': {
      const raw = createPublicKey({ key: publicKey, format: 'der', type: 'spki' }).export({
        format: 'raw-public',
      })
      // FIPS 204, algorithm 2, line 10, with an empty context; algorithm 7, line 6.
      return shake256(shake256(raw), Buffer.of(0, 0), message)
    }
  }
}

function shake256(...parts: readonly Buffer[]): Buffer {
  return createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest()
}
