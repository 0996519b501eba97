/**
 * Every fact about a key spec, in one table; code below it never lists specs again.
 *
 * @see AWS KMS Developer Guide, "Key spec reference"
 */
export const specs = {
  SYMMETRIC_DEFAULT: {
    usages: { ENCRYPT_DECRYPT: { encryptionAlgorithms: ['SYMMETRIC_DEFAULT'] } },
    defaultUsage: 'ENCRYPT_DECRYPT',
    maxPlaintextBytes: 4096,
    materialBytes: 32,
  },
} as const

export type KeySpec = keyof typeof specs
/** AWS's usages; a key has one, and its spec says which it may be. */
export type KeyUsage =
  | 'ENCRYPT_DECRYPT'
  | 'SIGN_VERIFY'
  | 'GENERATE_VERIFY_MAC'
  | 'KEY_AGREEMENT'
  | 'ENCAPSULATE_DECAPSULATE'
