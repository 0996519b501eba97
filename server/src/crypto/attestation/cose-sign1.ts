import { verify, type KeyObject } from 'node:crypto'
import { AttestationError } from './attestation-error.ts'
import { CborReader } from './cbor-reader.ts'

const COSE_SIGN1_TAG = 18
// AWS's bounds of the parts: attestation_process.md, section 3.1.
const MAX_PAYLOAD_BYTES = 16_384
const SIGNATURE_BYTES = 96
const MAX_HEADER_BYTES = 64

/** { 1: -35 }: the algorithm is ES384. No other header is known here, and one that is not understood may change what is signed. */
const ES384_ALONE = Buffer.from('a1013822', 'hex')

/** A payload that one key signed with ES384 (RFC 9052, section 4.2; RFC 9053, section 2.1). */
export interface CoseSign1 {
  readonly payload: Buffer
  /** Whether the owner of this P-384 key signed it. */
  isSignedBy(publicKey: KeyObject): boolean
}

/**
 * Takes a COSE_Sign1 message apart, with its tag or without it; nothing is verified here. What is outside the signature
 * can have one form only.
 *
 * @throws AttestationError
 */
export function readCoseSign1(message: Buffer): CoseSign1 {
  const reader = new CborReader(message)
  reader.optionalTag(COSE_SIGN1_TAG)
  reader.arrayOf(4)
  const protectedHeader = reader.bytes(0, MAX_HEADER_BYTES)
  reader.map(0, refuseHeader, refuseHeader)
  const payload = reader.bytes(1, MAX_PAYLOAD_BYTES)
  const signature = reader.bytes(SIGNATURE_BYTES, SIGNATURE_BYTES)
  reader.end()
  if (!protectedHeader.equals(ES384_ALONE)) {
    throw new AttestationError('its protected header is not that of ES384 alone')
  }
  return {
    payload,
    isSignedBy: (publicKey) =>
      verify('sha384', sigStructure(payload), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature),
  }
}

/** What is signed: [ "Signature1", protected header, external data (none), payload ] (RFC 9052, section 4.4). */
function sigStructure(payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([0x84, 0x6a]),
    Buffer.from('Signature1'),
    Buffer.from([0x44]),
    ES384_ALONE,
    Buffer.from([0x40]),
    bytesHead(payload.length),
    payload,
  ])
}

function bytesHead(length: number): Buffer {
  if (length < 24) return Buffer.from([0x40 | length])
  if (length < 0x100) return Buffer.from([0x58, length])
  return Buffer.from([0x59, length >> 8, length & 0xff])
}

function refuseHeader(): never {
  throw new AttestationError('its unprotected header is not empty')
}
