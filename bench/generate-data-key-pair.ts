import { dataKeyPairSpecs, factsOf } from '../server/src/keys/specs.ts'
import { cryptoCost, type CryptoSubject } from './crypto-cost.ts'
import type { Question } from './question.ts'
import { newContext } from './signed-request.ts'

/**
 * What does a GenerateDataKeyPair cost for each kind of pair, against `node:crypto` alone? For RSA this is the rate at which
 * pairs can be made, and not that at which those made ahead are given out: that reserve is empty when its round
 * begins, and it is filled only while nobody waits for a key.
 */
export const generateDataKeyPair: Question = {
  name: 'generate-data-key-pair',
  ask: (bench) =>
    cryptoCost(
      bench,
      dataKeyPairSpecs.flatMap((KeyPairSpec): CryptoSubject[] => {
        const { form } = factsOf(KeyPairSpec)
        if (form.type === 'secret') return []
        return [
          {
            operation: 'GenerateDataKeyPair',
            what: KeyPairSpec,
            key: { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT' },
            inputs: (_, __, count) =>
              Array.from({ length: count }, () => ({ KeyPairSpec, EncryptionContext: newContext() })),
            call: { name: 'generate', form },
            ...(form.type === 'rsa' && { few: bench.quick ? 10 : 40 }),
          },
        ]
      }),
    ),
}
