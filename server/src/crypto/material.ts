import type { EncryptionContext } from './encryption-context.ts'
import type { Envelope } from './envelope.ts'
import type { MacHash, OaepScheme, SignatureScheme, SignedInput } from './schemes.ts'

/**
 * One version of a KMS key's material. Operations use it without seeing a byte of it; it may be in this process, in an
 * HSM or behind a network, so each use is asynchronous and may fail.
 *
 * Slow work is done in turns. `askedBy` is the account whose turn it takes: that of who asks, which may be another than the
 * key's; the key's own when nothing is said.
 *
 * All uses reject with `MaterialUnavailable` when the material cannot be reached, which says nothing about what was given,
 * and with `TooManyWaiting` when more work waits for it than it can do.
 */
export type Material =
  | SymmetricMaterial
  | MacMaterial
  | SigningMaterial
  | DecryptionMaterial
  | AgreementMaterial
  | EncapsulationMaterial

interface AnyMaterial {
  /** 64 hexadecimal digits; random, so it tells nothing about the material. */
  readonly materialId: string
}

interface KeyPairMaterial extends AnyMaterial {
  /** SubjectPublicKeyInfo (RFC 5280) in DER. */
  readonly publicKey: Buffer
}

export interface SymmetricMaterial extends AnyMaterial {
  readonly use: 'seal'
  seal(plaintext: Uint8Array, encryptionContext: EncryptionContext): Promise<Buffer>
  /** Resolves to undefined when the ciphertext or the encryption context is not authentic, always alike. */
  open(envelope: Envelope, encryptionContext: EncryptionContext): Promise<Buffer | undefined>
}

export interface MacMaterial extends AnyMaterial {
  readonly use: 'mac'
  mac(hash: MacHash, message: Uint8Array): Promise<Buffer>
  /** Compares in constant time; a MAC of another length, a truncated one too, is not valid. */
  verifyMac(hash: MacHash, message: Uint8Array, mac: Uint8Array): Promise<boolean>
}

export interface SigningMaterial extends KeyPairMaterial {
  readonly use: 'sign'
  /** @param input fits the scheme, and a digest or μ has its length: the caller has checked both */
  sign(scheme: SignatureScheme, input: SignedInput, message: Uint8Array, askedBy?: string): Promise<Buffer>
  verify(
    scheme: SignatureScheme,
    input: SignedInput,
    message: Uint8Array,
    signature: Uint8Array,
    askedBy?: string,
  ): Promise<boolean>
}

/** RSA, whose public key encrypts what its private key decrypts. */
export interface DecryptionMaterial extends KeyPairMaterial {
  readonly use: 'decrypt'
  /** @param plaintext no longer than the key and the scheme take: the caller has checked it */
  encrypt(scheme: OaepScheme, plaintext: Uint8Array): Promise<Buffer>
  /** Resolves to undefined when the ciphertext does not open, whatever is wrong with it, length included. */
  decrypt(scheme: OaepScheme, ciphertext: Uint8Array, askedBy?: string): Promise<Buffer | undefined>
}

export interface AgreementMaterial extends KeyPairMaterial {
  readonly use: 'agree'
  /**
   * The raw shared secret Z: the x-coordinate of the shared point (SP 800-56A Rev. 3, section 5.7.1.2).
   * Resolves to undefined unless the peer's key is a valid SubjectPublicKeyInfo in DER of a point on the same curve.
   */
  agree(peerPublicKey: Uint8Array, askedBy?: string): Promise<Buffer | undefined>
}

export interface EncapsulationMaterial extends KeyPairMaterial {
  readonly use: 'encapsulate'
  encapsulate(): Promise<{ readonly sharedSecret: Buffer; readonly ciphertext: Buffer }>
  /** Resolves to undefined only for a ciphertext of another length; any other gives a secret (implicit rejection). */
  decapsulate(ciphertext: Uint8Array): Promise<Buffer | undefined>
}

/** Material that is kept elsewhere did not answer. `cause` is for the operator's log; clients see KeyUnavailableException. */
export class MaterialUnavailable extends Error {
  override readonly name = 'MaterialUnavailable'
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
  }
}

/** More slow cryptography waits than can be done soon; the caller may try again. Clients see ThrottlingException. */
export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting'
  constructor() {
    super('Too much slow cryptography is waiting')
  }
}
