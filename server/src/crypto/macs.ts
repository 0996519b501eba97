import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { MacMaterial } from './material.ts'
import type { MacHash } from './schemes.ts'

/** Material of a key that makes and verifies HMACs (FIPS 198-1), inside a KeyObject. */
export function macMaterial(materialId: string, key: KeyObject): MacMaterial {
  return {
    use: 'mac',
    materialId,
    mac: async (hash, message) => hmac(key, hash, message),
    verifyMac: async (hash, message, mac) => {
      const expected = hmac(key, hash, message)
      return mac.length === expected.length && timingSafeEqual(mac, expected)
    },
  }
}

function hmac(key: KeyObject, hash: MacHash, message: Uint8Array): Buffer {
  return createHmac(hash, key).update(message).digest()
}
