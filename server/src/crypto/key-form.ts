/** What the material of a key is, before anyone says what it is used for. */
export type KeyForm = SecretForm | PrivateKeyForm

/** So many random bytes. */
export interface SecretForm {
  readonly type: 'secret'
  readonly lengthBytes: number
}

/** A private key; kept and given out as PKCS #8 in DER, ML-DSA and ML-KEM keys as their seeds. */
export type PrivateKeyForm =
  | { readonly type: 'rsa'; readonly modulusBits: 2048 | 3072 | 4096 }
  | { readonly type: 'ec'; readonly namedCurve: 'prime256v1' | 'secp384r1' | 'secp521r1' | 'secp256k1' }
  /** On sm2p256v1 of GB/T 32918.5. */
  | { readonly type: 'sm2' }
  | { readonly type: 'ed25519' }
  | { readonly type: 'ml-dsa'; readonly parameterSet: 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87' }
  | { readonly type: 'ml-kem'; readonly parameterSet: 'ml-kem-512' | 'ml-kem-768' | 'ml-kem-1024' }
