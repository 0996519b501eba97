import type { KeyObject } from 'node:crypto'
import type { KeyEngine } from '../crypto/key-engine.ts'
import { publicKeyOfPrivateKey } from '../crypto/key-generation.ts'
import type { RandomSource } from '../crypto/random.ts'
import { makeImportToken, readImportToken, type ImportTarget } from './import-token.ts'
import type { Wrapping } from './import-wrapping.ts'
import type { KmsKey } from './key.ts'
import { KmsError } from './kms-error.ts'
import { factsOf } from './specs.ts'

/** What somebody needs to send material. */
export interface ImportParameters {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer
  readonly token: Buffer
  readonly expiresAtMs: number
}

/** Material as it arrived: sound, and of the key's spec. */
export interface ArrivedMaterial {
  /** As it is kept. Whoever received it wipes it. */
  readonly bytes: Buffer
  /** Of a key pair: SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer | undefined
}

/** The way of material from its owner to a key. Nothing is kept between its two ends. */
export interface ImportTransport {
  /** @throws TooManyWaiting */
  parameters(target: ImportTarget, wrapping: Wrapping): Promise<ImportParameters>
  /**
   * @throws KmsError InvalidImportTokenException, ExpiredImportTokenException, InvalidCiphertextException,
   *   IncorrectKeyMaterialException
   * @throws TooManyWaiting
   */
  receive(
    key: ImportTarget & Pick<KmsKey, 'spec'>,
    sent: { readonly token: Uint8Array; readonly wrapped: Uint8Array },
  ): Promise<ArrivedMaterial>
}

/** As at AWS. */
const VALID_MS = 24 * 3_600_000

export function createImportTransport(parts: {
  engine: KeyEngine
  tokenKey: KeyObject
  random: RandomSource
  now: () => number
}): ImportTransport {
  const { engine, tokenKey, random, now } = parts
  return {
    async parameters(target, { algorithm, form }) {
      const { privateKey, publicKey } = await engine.generatePair(form, target.accountId)
      const expiresAtMs = now() + VALID_MS
      const token = makeImportToken(tokenKey, random, target, { algorithm, expiresAtMs, privateKey })
      privateKey.fill(0)
      return { publicKey, token, expiresAtMs }
    },

    async receive(key, { token, wrapped }) {
      const { scheme, wrappingKey } = readImportToken(tokenKey, token, key, now())
      const { accountId } = key
      const arrived = await engine.unwrapImport(wrappingKey, scheme, wrapped, accountId)
      if (arrived === undefined) throw new KmsError('InvalidCiphertextException')
      const { form } = factsOf(key.spec)
      const bytes = await engine.adopt(form, arrived, accountId)
      if (bytes === undefined) throw new KmsError('IncorrectKeyMaterialException')
      return { bytes, publicKey: form.type === 'secret' ? undefined : publicKeyOfPrivateKey(bytes) }
    },
  }
}
