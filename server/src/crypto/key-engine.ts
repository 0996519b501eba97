import type { EnvelopeIds } from './envelope.ts'
import type { KeyForm, PrivateKeyForm } from './key-form.ts'
import type { Material } from './material.ts'

/** Makes keys and uses them, in this process; slow work in threads of its own. One for the process. */
export interface KeyEngine {
  /**
   * New material: random bytes, or a private key as PKCS #8 in DER. The caller wraps the bytes for storage, then wipes
   * them.
   *
   * @param owner the account for which slow work is done: accounts take turns
   * @throws TooManyWaiting
   */
  generate(form: KeyForm, owner: string): Promise<Buffer>
  /**
   * A key pair for a client, which is kept nowhere. RSA pairs come from a few that were made ahead, each given once.
   * The caller wipes the private key.
   *
   * @throws TooManyWaiting
   */
  generatePair(form: PrivateKeyForm, owner: string): Promise<KeyPairBytes>
  /** Material from the bytes that `generate` gave, which the caller wipes. */
  material(source: MaterialSource): Material
  /** Ends the threads; work that waits is rejected. */
  close(): Promise<void>
}

export interface KeyPairBytes {
  /** PKCS #8 in DER. */
  readonly privateKey: Buffer
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer
}

export interface MaterialSource {
  readonly ids: EnvelopeIds
  readonly form: KeyForm
  readonly use: Material['use']
  readonly bytes: Buffer
  readonly owner: string
}
