import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import type { KeyEngine, MaterialSource } from './key-engine.ts'
import type { PrivateKeyForm } from './key-form.ts'
import { generatePrivateKey, privateKeyBytes, publicKeyBytes } from './key-generation.ts'
import {
  agreementMaterial,
  decryptionMaterial,
  encapsulationMaterial,
  signingMaterial,
} from './key-pair-material.ts'
import { macMaterial } from './macs.ts'
import type { Material } from './material.ts'
import { PairReserve } from './pair-reserve.ts'
import { placesOf } from './places.ts'
import type { RandomSource } from './random.ts'
import { openSlowThreads, type SlowThreads } from './slow-threads.ts'
import { symmetricMaterial } from './symmetric-material.ts'

/** Keys as KeyObjects in this process; what is slow is done in threads, which start with the first such work. */
export function createKeyEngine({ random }: { random: RandomSource }): KeyEngine {
  const threads = openSlowThreads()
  const reserve = new PairReserve((form) => threads.generation.runSpare('generatePrivateKey', form))

  async function newPrivateKey(form: PrivateKeyForm, owner: string): Promise<KeyObject> {
    switch (placesOf(form).generate) {
      case 'generation thread':
        return threads.generation.run(owner, 'generatePrivateKey', form)
      case 'private key thread':
        return threads.privateKeys.run(owner, 'generatePrivateKey', form)
      case 'here':
        return generatePrivateKey(form)
    }
  }

  return {
    async generate(form, owner) {
      if (form.type === 'secret') return random.bytes(form.lengthBytes)
      return privateKeyBytes(await newPrivateKey(form, owner))
    },
    async generatePair(form, owner) {
      const ready = form.type === 'rsa' ? reserve.take(form) : undefined
      const privateKey = ready ?? (await newPrivateKey(form, owner))
      return { privateKey: privateKeyBytes(privateKey), publicKey: publicKeyBytes(privateKey) }
    },
    unwrapImport: (wrappingKey, scheme, wrapped, owner) =>
      threads.privateKeys.run(owner, 'unwrapImport', wrappingKey, scheme, wrapped),
    async adopt(form, given, owner) {
      switch (form.type) {
        case 'secret':
          return given.symmetricKeySize === form.lengthBytes ? given.export() : undefined
        // Its primes take up to 300 ms to look at, as long as smaller ones to find.
        case 'rsa':
          return threads.generation.run(owner, 'canonicalPrivateKey', form, given)
        case 'ec':
        case 'sm2':
        case 'ed25519':
          return threads.privateKeys.run(owner, 'canonicalPrivateKey', form, given)
        case 'ml-dsa':
        case 'ml-kem':
          return undefined
      }
    },
    material: (source) => materialOf(source, random, threads),
    async close() {
      reserve.close()
      await threads.close()
    },
  }
}

/** The bytes may be wiped when this has returned: what is made of them does not refer to them. */
function materialOf(source: MaterialSource, random: RandomSource, threads: SlowThreads): Material {
  const { ids, form, use, bytes, owner } = source
  if (form.type === 'secret') {
    const key = createSecretKey(bytes)
    if (use === 'seal') return symmetricMaterial(ids, key, random)
    if (use === 'mac') return macMaterial(ids.materialId, key)
    throw new TypeError(`A secret is not there to ${use}`)
  }
  const privateKey = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
  const keyPair = {
    materialId: ids.materialId,
    form,
    owner,
    privateKey,
    publicKey: createPublicKey(privateKey),
    threads: threads.privateKeys,
  }
  switch (use) {
    case 'sign':
      return signingMaterial(keyPair)
    case 'decrypt':
      return decryptionMaterial(keyPair)
    case 'agree':
      return agreementMaterial(keyPair)
    case 'encapsulate':
      return encapsulationMaterial(keyPair)
    case 'seal':
    case 'mac':
      throw new TypeError(`A private key is not there to ${use}`)
  }
}
