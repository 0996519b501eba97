import { createPublicKey, type KeyObject } from 'node:crypto'
import { createKeyEngine } from '../server/src/crypto/in-process-engine.ts'
import type { KeyForm } from '../server/src/crypto/key-form.ts'
import type { Material } from '../server/src/crypto/material.ts'
import { systemRandom } from '../server/src/crypto/random.ts'

const ids = { keyId: '00000000-0000-4000-8000-000000000000', materialId: '00'.repeat(32) }
const owner = '111122223333'

/** Keys that a test knows as the material that operations use. The engine is for the process; a file that uses it closes it. */
export const engine = createKeyEngine({ random: systemRandom })

export function materialOf<Use extends Material['use']>(
  use: Use,
  form: KeyForm,
  bytes: Buffer,
): Extract<Material, { use: Use }> {
  const material = engine.material({ ids, form, use, bytes, owner })
  if (material.use !== use) throw new Error(`material for ${material.use} instead of ${use}`)
  return material as Extract<Material, { use: Use }>
}

/** Of a new key, with its bytes for the test to know. */
export async function newMaterial<Use extends Material['use']>(
  use: Use,
  form: KeyForm,
): Promise<{ readonly material: Extract<Material, { use: Use }>; readonly bytes: Buffer }> {
  const bytes = await engine.generate(form, owner)
  return { material: materialOf(use, form, Buffer.from(bytes)), bytes }
}

/** For figures that come without a private key. */
export function publicKeyOf(spki: Buffer): KeyObject {
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
}
