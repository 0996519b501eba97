import type { KeyObject } from 'node:crypto'
import { canonicalPrivateKey } from './import-private-key.ts'
import { unwrapImport } from './import-wrapping.ts'
import { agree } from './key-agreement.ts'
import { generatePrivateKey } from './key-generation.ts'
import { decryptOaep } from './rsa-oaep.ts'
import { sign, verify } from './slow-signatures.ts'
import { agreeSm2 } from './sm2.ts'
import { serveTasks } from './thread-tasks.ts'

const tasks = {
  generatePrivateKey,
  sign,
  verify,
  decryptOaep,
  unwrapImport,
  canonicalPrivateKey,
  agree(privateKey: KeyObject, peerPublicKey: Uint8Array) {
    // To node:crypto an SM2 key is of no type.
    const onItsCurve = privateKey.asymmetricKeyType === 'ec' ? agree : agreeSm2
    return onItsCurve(privateKey, peerPublicKey)
  },
}

export type PrivateKeyTasks = typeof tasks

serveTasks(tasks)
