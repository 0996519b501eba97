import {
  asymmetricEncryptionAlgorithms,
  type AsymmetricEncryptionAlgorithm,
} from '../server/src/keys/algorithms.ts'
import { algorithmsOf } from '../server/src/keys/specs.ts'
import { answersTo, cryptoCost, newMessage, type CryptoSubject } from './crypto-cost.ts'
import type { Question } from './question.ts'
import { pairSpecsFor } from './pair-specs.ts'

/** What do Encrypt and Decrypt cost with RSA keys, against `node:crypto` alone? */
export const rsaEncryption: Question = {
  name: 'rsa-encryption',
  ask: (bench) =>
    cryptoCost(
      bench,
      pairSpecsFor('ENCRYPT_DECRYPT').flatMap(({ spec: KeySpec, form }) =>
        (algorithmsOf(KeySpec, 'ENCRYPT_DECRYPT') as readonly AsymmetricEncryptionAlgorithm[]).flatMap(
          (EncryptionAlgorithm): CryptoSubject[] => {
            const { scheme } = asymmetricEncryptionAlgorithms[EncryptionAlgorithm]
            const newInputs = (count: number) =>
              Array.from({ length: count }, () => ({ Plaintext: newMessage(), EncryptionAlgorithm }))
            const common = {
              what: `${KeySpec} ${EncryptionAlgorithm}`,
              key: { KeySpec, KeyUsage: 'ENCRYPT_DECRYPT' },
            }
            return [
              {
                ...common,
                operation: 'Encrypt',
                inputs: (_, __, count) => newInputs(count),
                call: { name: 'encrypt', form, scheme },
              },
              {
                ...common,
                operation: 'Decrypt',
                async inputs(server, KeyId, count) {
                  const sealed = await answersTo<{ CiphertextBlob: string }>(
                    server,
                    'Encrypt',
                    newInputs(count).map((input) => ({ KeyId, ...input })),
                  )
                  return sealed.map(({ CiphertextBlob }) => ({ CiphertextBlob, EncryptionAlgorithm }))
                },
                call: { name: 'decrypt', form, scheme },
              },
            ]
          },
        ),
      ),
    ),
}
