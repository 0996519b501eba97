/** How a message becomes a signature, in the words of the standards; AWS's names for these are in keys/algorithms.ts. */
export type SignatureScheme =
  /** The salt is as long as the hash (RFC 8017, section 9.1). */
  | { readonly type: 'rsa-pss'; readonly hash: Sha2 }
  | { readonly type: 'rsa-pkcs1-v1.5'; readonly hash: Sha2 }
  /** Signatures are ECDSA-Sig-Value in DER (RFC 3279, section 2.2.3). */
  | { readonly type: 'ecdsa'; readonly hash: Sha2 }
  /** GB/T 32918.2 with SM3 and the identifier 1234567812345678; signatures are SEQUENCE { r, s } in DER. */
  | { readonly type: 'sm2dsa' }
  /** Pure, RFC 8032. */
  | { readonly type: 'ed25519' }
  /** Ed25519ph of RFC 8032 with an empty context: the message is hashed before it is signed. */
  | { readonly type: 'ed25519ph' }
  /** Pure ML-DSA of FIPS 204 with an empty context. */
  | { readonly type: 'ml-dsa' }

export type Sha2 = 'sha256' | 'sha384' | 'sha512'

/**
 * What a caller gives to be signed: the message; its hash, which is signed as it is (for Ed25519ph: what is signed is
 * that hash's own hash); or the 64 bytes μ of ML-DSA (FIPS 204, algorithm 7, line 6), computed elsewhere.
 */
export type SignedInput = 'message' | 'digest' | 'mu'

export interface OaepScheme {
  /** Of the label, which is empty, and of MGF1. */
  readonly hash: 'sha1' | 'sha256'
}

export type MacHash = 'sha224' | Sha2
