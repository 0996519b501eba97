import { verifySeal, type SigningKey } from '../crypto/signing.ts'

/** A signed statement that a chain had this hash at this sequence; it covers every record before it. */
export interface Seal {
  readonly chain: string
  readonly sequence: number
  /** 64 hex digits. */
  readonly hash: string
  readonly sealedAtMs: number
}

export interface SignedSeal extends Seal {
  readonly publicKey: Buffer
  readonly signature: Buffer
}

const LABEL = Buffer.from('keywright journal seal v1\0')

/**
 * What is signed: the label, chain id (36 bytes of ASCII), sequence and time (8 bytes each, big endian), hash (32).
 * The deployment needs no place in it: its signing key belongs to it alone, and chain ids are random.
 */
function sealMessage({ chain, sequence, hash, sealedAtMs }: Seal): Buffer {
  const numbers = Buffer.alloc(16)
  numbers.writeBigUInt64BE(BigInt(sequence), 0)
  numbers.writeBigUInt64BE(BigInt(sealedAtMs), 8)
  return Buffer.concat([LABEL, Buffer.from(chain, 'latin1'), numbers, Buffer.from(hash, 'hex')])
}

export function signSeal(signer: SigningKey, seal: Seal): SignedSeal {
  return { ...seal, publicKey: signer.publicKey, signature: signer.sign(sealMessage(seal)) }
}

/** Whether the key that we trust signed this seal; the key that it names itself counts for nothing. */
export function sealHolds(seal: SignedSeal, publicKey: Uint8Array): boolean {
  if (!Number.isSafeInteger(seal.sequence) || seal.sequence < 0) return false
  if (!Number.isSafeInteger(seal.sealedAtMs) || seal.sealedAtMs < 0) return false
  return verifySeal(publicKey, sealMessage(seal), seal.signature)
}
