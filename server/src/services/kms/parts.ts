import type { RandomSource } from '../../crypto/random.ts'
import type { Aliases } from '../../keys/aliases.ts'
import type { Keys } from '../../keys/keys.ts'
import type { Store } from '../../store/store.ts'

/** What all operations of KMS work on; one for the process. */
export interface KmsParts {
  readonly store: Store
  readonly keys: Keys
  readonly aliases: Aliases
  readonly random: RandomSource
  /** Milliseconds since the epoch. */
  readonly now: () => number
}
