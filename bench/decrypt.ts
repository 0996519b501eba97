import { randomBytes } from 'node:crypto'
import { askAll } from './client-connection.ts'
import { operationCost } from './operation-cost.ts'
import type { Question } from './question.ts'
import { newContext, requestSigner } from './signed-request.ts'

/** What does a Decrypt cost against a bare node:http server? Every request has another ciphertext. */
export const decrypt: Question = {
  name: 'decrypt',
  ask: (bench) => operationCost(bench, { name: 'Decrypt', makeRequests: decryptRequests }),
}

async function decryptRequests(port: number, keyIds: readonly string[], count: number): Promise<Buffer[]> {
  const sign = requestSigner()
  const contexts = Array.from({ length: count }, newContext)
  const sealed = await askAll(
    port,
    contexts.map((EncryptionContext, index) =>
      sign('Encrypt', {
        KeyId: keyIds[index % keyIds.length],
        Plaintext: randomBytes(32).toString('base64'),
        EncryptionContext,
      }),
    ),
  )
  const signLater = requestSigner()
  return sealed.map((body, index) => {
    const { CiphertextBlob } = JSON.parse(body) as { CiphertextBlob: string }
    return signLater('Decrypt', { CiphertextBlob, EncryptionContext: contexts[index] })
  })
}
