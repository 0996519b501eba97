import { createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { der } from './der.ts'
import { publicKeyBytes } from './key-generation.ts'

const UNCOMPRESSED = 0x04
const COMPRESSED = [0x02, 0x03]

/**
 * The raw shared secret Z, as long as the field (SP 800-56A Rev. 3, section 5.7.1.2).
 *
 * @returns undefined unless the peer's key is a SubjectPublicKeyInfo in DER, with nothing after it, of a point on the same
 *   named curve, whole or compressed
 */
export function agree(privateKey: KeyObject, peerPublicKey: Uint8Array): Buffer | undefined {
  const publicKey = peerOf(privateKey, Buffer.from(peerPublicKey))
  return publicKey && diffieHellman({ privateKey, publicKey })
}

/**
 * Only the point of a peer's key may differ from ours, so all before it is compared and not parsed: OpenSSL would also
 * take the curve's parameters written out, other lengths of lengths, and bytes after the end. That the point is on the curve
 * and not infinity OpenSSL checks; the cofactor of these curves is 1, so that is all there is to check.
 */
function peerOf(privateKey: KeyObject, spki: Buffer): KeyObject | undefined {
  const { algorithm, pointBytes } = partsOf(publicKeyBytes(privateKey))
  const compressedBytes = (pointBytes + 1) / 2
  const whole = isSpkiOf(algorithm, spki, pointBytes) && spki.at(-pointBytes) === UNCOMPRESSED
  const compressed =
    isSpkiOf(algorithm, spki, compressedBytes) && COMPRESSED.includes(spki.at(-compressedBytes) ?? 0)
  if (!whole && !compressed) return undefined
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

/** SEQUENCE { AlgorithmIdentifier, BIT STRING } (RFC 5480, section 2), which OpenSSL wrote. */
function partsOf(spki: Buffer): { algorithm: Buffer; pointBytes: number } {
  const algorithmAt = spki[1] === 0x81 ? 3 : 2
  const algorithm = spki.subarray(algorithmAt, algorithmAt + 2 + (spki[algorithmAt + 1] as number))
  const bitStringAt = algorithmAt + algorithm.length
  const contentAt = bitStringAt + (spki[bitStringAt + 1] === 0x81 ? 3 : 2)
  return { algorithm, pointBytes: spki.length - contentAt - 1 }
}

function isSpkiOf(algorithm: Buffer, spki: Buffer, pointBytes: number): boolean {
  if (spki.length <= pointBytes) return false
  const point = spki.subarray(-pointBytes)
  return spki.equals(der(0x30, algorithm, der(0x03, Buffer.alloc(1), point)))
}
