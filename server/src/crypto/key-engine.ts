import type { KeyObject } from 'node:crypto'
import type { EnvelopeIds } from './envelope.ts'
import type { ImportScheme } from './import-wrapping.ts'
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
  /**
   * What somebody wrapped for its way here, under the public half of the wrapping key; undefined whatever it is that does
   * not fit.
   *
   * @throws TooManyWaiting
   */
  unwrapImport(
    wrappingKey: KeyObject,
    scheme: ImportScheme,
    wrapped: Uint8Array,
    owner: string,
  ): Promise<KeyObject | undefined>
  /**
   * Material that somebody else made, as `generate` gives it; undefined unless it is sound material of that form. The
   * caller wipes the bytes.
   *
   * @throws TooManyWaiting
   */
  adopt(form: KeyForm, given: KeyObject, owner: string): Promise<Buffer | undefined>
  /** Material from the bytes that `generate` or `adopt` gave, which the caller wipes. */
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
