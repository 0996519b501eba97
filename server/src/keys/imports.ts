import type { KeyObject } from 'node:crypto'
import { deriveKey } from '../crypto/kdf.ts'
import type { KeyEngine } from '../crypto/key-engine.ts'
import type { RandomSource } from '../crypto/random.ts'
import type { Store } from '../store/store.ts'
import { createFingerprints, type Fingerprints } from './fingerprints.ts'
import { createImportTransport, type ImportTransport } from './import-transport.ts'
import { createImportedMaterial, type ImportedMaterial } from './imported-material.ts'
import type { Keys } from './keys.ts'

/** Key material that its owner made: its way here, how it is known again, and what it means for a key. */
export interface Imports {
  readonly transport: ImportTransport
  readonly fingerprints: Fingerprints
  readonly material: ImportedMaterial
}

export function createImports(parts: {
  store: Store
  keys: Keys
  engine: KeyEngine
  /** The system key for secrets. */
  secretsKey: KeyObject
  random: RandomSource
  now: () => number
}): Imports {
  const { secretsKey, random } = parts
  const fingerprints = createFingerprints(secretsKey, random)
  return {
    fingerprints,
    transport: createImportTransport({
      ...parts,
      tokenKey: deriveKey(secretsKey, 'keywright import tokens v1'),
    }),
    material: createImportedMaterial({ ...parts, fingerprints }),
  }
}
