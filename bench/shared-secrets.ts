import { algorithmsOf } from '../server/src/keys/specs.ts'
import { keyPair } from './crypto-call.ts'
import { answersTo, cryptoCost, type CryptoSubject } from './crypto-cost.ts'
import type { Question } from './question.ts'
import { pairSpecsFor, type PairSpec } from './pair-specs.ts'

/** What do DeriveSharedSecret, Encapsulate and Decapsulate cost, against `node:crypto` alone? */
export const sharedSecrets: Question = {
  name: 'shared-secrets',
  ask: (bench) =>
    cryptoCost(bench, [
      ...pairSpecsFor('KEY_AGREEMENT').map(agreement),
      ...pairSpecsFor('ENCAPSULATE_DECAPSULATE').flatMap(encapsulation),
    ]),
}

function agreement({ spec, form }: PairSpec): CryptoSubject {
  const [KeyAgreementAlgorithm] = algorithmsOf(spec, 'KEY_AGREEMENT')
  return {
    operation: 'DeriveSharedSecret',
    what: spec,
    key: { KeySpec: spec, KeyUsage: 'KEY_AGREEMENT' },
    inputs: (_, __, count) =>
      Array.from({ length: count }, () => ({
        KeyAgreementAlgorithm,
        PublicKey: keyPair(form).publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      })),
    call: { name: 'agree', form },
  }
}

function encapsulation({ spec, form }: PairSpec): CryptoSubject[] {
  const [EncapsulationAlgorithm] = algorithmsOf(spec, 'ENCAPSULATE_DECAPSULATE')
  const common = { what: spec, key: { KeySpec: spec, KeyUsage: 'ENCAPSULATE_DECAPSULATE' } }
  return [
    {
      ...common,
      operation: 'Encapsulate',
      inputs: () => [{ EncapsulationAlgorithm }],
      call: { name: 'encapsulate', form },
    },
    {
      ...common,
      operation: 'Decapsulate',
      async inputs(server, KeyId, count) {
        const made = await answersTo<{ SharedSecretCiphertextBlob: string }>(
          server,
          'Encapsulate',
          Array.from({ length: count }, () => ({ KeyId, EncapsulationAlgorithm })),
        )
        return made.map(({ SharedSecretCiphertextBlob }) => ({
          SharedSecretCiphertextBlob,
          EncapsulationAlgorithm,
        }))
      },
      call: { name: 'decapsulate', form },
    },
  ]
}
