import type { PrivateKeyForm } from './key-form.ts'

/**
 * Where work with a key is done. `here` is the event loop's thread; to hand a task over and to take its answer costs that
 * thread 20 to 25 µs, and a busy loop delays the answer, so what takes less than half a millisecond stays. What takes long
 * has threads of its own, so that nobody's signature waits for somebody's RSA key.
 */
export type Place = 'here' | 'private key thread' | 'generation thread'

interface Places {
  readonly generate: Place
  /** What needs the private key: to sign, to decrypt, to agree. */
  readonly use: Place
  readonly verify: Place
}

// Milliseconds in the comments: to generate, to use, to verify (Node 26.10, 2 cores, 2026-11). RSA's search for primes
// takes up to five times its mean, ML-DSA's signature up to six times.
const places = {
  // 60, 0.3, 0.03
  'rsa-2048': { generate: 'generation thread', use: 'here', verify: 'here' },
  // 180, 0.7, 0.04
  'rsa-3072': { generate: 'generation thread', use: 'private key thread', verify: 'here' },
  // 500, 1.5, 0.06
  'rsa-4096': { generate: 'generation thread', use: 'private key thread', verify: 'here' },
  // 0.02, 0.02, 0.06; 0.04 to agree
  prime256v1: { generate: 'here', use: 'here', verify: 'here' },
  // 0.8, 0.6, 0.5
  secp384r1: { generate: 'private key thread', use: 'private key thread', verify: 'private key thread' },
  // 1.4, 1.5, 1.1
  secp521r1: { generate: 'private key thread', use: 'private key thread', verify: 'private key thread' },
  // 0.3, 0.3, 0.3
  secp256k1: { generate: 'here', use: 'here', verify: 'here' },
  // 0.3, 0.3, 0.3; 2.4 to agree, in JavaScript, which is loaded in threads only
  sm2: { generate: 'private key thread', use: 'private key thread', verify: 'private key thread' },
  // 0.03, 0.03, 0.08
  ed25519: { generate: 'here', use: 'here', verify: 'here' },
  // 0.1, 0.5, 0.1
  'ml-dsa-44': { generate: 'private key thread', use: 'private key thread', verify: 'here' },
  // 0.2, 0.8, 0.1
  'ml-dsa-65': { generate: 'private key thread', use: 'private key thread', verify: 'here' },
  // 0.2, 0.9, 0.2
  'ml-dsa-87': { generate: 'private key thread', use: 'private key thread', verify: 'here' },
  // 0.1, 0.05 for what a public and a private key do
  'ml-kem-512': { generate: 'here', use: 'here', verify: 'here' },
  'ml-kem-768': { generate: 'here', use: 'here', verify: 'here' },
  'ml-kem-1024': { generate: 'here', use: 'here', verify: 'here' },
} as const satisfies Record<string, Places>

export function placesOf(form: PrivateKeyForm): Places {
  switch (form.type) {
    case 'rsa':
      return places[`rsa-${form.modulusBits}`]
    case 'ec':
      return places[form.namedCurve]
    case 'sm2':
    case 'ed25519':
      return places[form.type]
    case 'ml-dsa':
    case 'ml-kem':
      return places[form.parameterSet]
  }
}
