import {
  constants,
  createHash,
  privateEncrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { nothing, numberOf, objectIdentifier, octetString, sequence, tlv } from '../der.ts'

/** The encodings of RFC 8017 written by the book, with a place to go wrong at each step. */

export type Sha = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'

const identifiers: Readonly<Record<Sha, string>> = {
  sha1: '1.3.14.3.2.26',
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
}

export const hashOf = (hash: Sha, ...parts: readonly Uint8Array[]) =>
  createHash(hash).update(Buffer.concat(parts)).digest()

/** The signature of an encoded message: the bare power. */
export function signedEncoding(privateKey: KeyObject, encoding: Buffer): Buffer {
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoding)
}

/** The ciphertext of an encoded message: the bare power. */
export function encryptedEncoding(publicKey: KeyObject, encoding: Buffer): Buffer {
  return publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, encoding)
}

/** MGF1 (appendix B.2.1). */
function mask(hash: Sha, seed: Uint8Array, lengthBytes: number): Buffer {
  const blocks: Buffer[] = []
  for (let counter = 0, length = 0; length < lengthBytes; counter++) {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const block = hashOf(hash, seed, count)
    blocks.push(block)
    length += block.length
  }
  return Buffer.concat(blocks).subarray(0, lengthBytes)
}

function xor(one: Buffer, two: Buffer): Buffer {
  return Buffer.from(one.map((byte, index) => byte ^ (two[index] ?? 0)))
}

interface OaepErrors {
  readonly mgfHash?: Sha
  readonly label?: Buffer
  readonly labelHash?: Buffer
  readonly first?: number
  readonly padding?: number
  readonly separator?: Buffer
}

/** EME-OAEP (section 7.1.1, step 2). */
export function oaep(hash: Sha, lengthBytes: number, message: Buffer, wrong: OaepErrors = {}): Buffer {
  const labelHash = wrong.labelHash ?? hashOf(hash, wrong.label ?? Buffer.alloc(0))
  const separator = wrong.separator ?? Buffer.of(1)
  const seed = randomBytes(labelHash.length)
  const blockBytes = lengthBytes - seed.length - 1
  const paddingBytes = blockBytes - labelHash.length - separator.length - message.length
  const padding = Buffer.alloc(paddingBytes, wrong.padding ?? 0)
  const block = Buffer.concat([labelHash, padding, separator, message])
  const maskedBlock = xor(block, mask(wrong.mgfHash ?? hash, seed, blockBytes))
  const maskedSeed = xor(seed, mask(wrong.mgfHash ?? hash, maskedBlock, seed.length))
  return Buffer.concat([Buffer.of(wrong.first ?? 0), maskedSeed, maskedBlock])
}

interface PssErrors {
  readonly saltBytes?: number
  readonly mgfHash?: Sha
  readonly trailer?: number
  readonly separator?: number
  readonly padding?: number
  readonly zeros?: number
  readonly topBit?: 1
  readonly hidden?: Buffer
}

/** EMSA-PSS (section 9.1.1) for a modulus of whole bytes. */
export function pss(hash: Sha, lengthBytes: number, digest: Buffer, wrong: PssErrors = {}): Buffer {
  const salt = randomBytes(wrong.saltBytes ?? digest.length)
  const h = wrong.hidden ?? hashOf(hash, Buffer.alloc(wrong.zeros ?? 8), digest, salt)
  const blockBytes = lengthBytes - h.length - 1
  const padding = Buffer.alloc(blockBytes - salt.length - 1, wrong.padding ?? 0)
  const block = Buffer.concat([padding, Buffer.of(wrong.separator ?? 1), salt])
  const masked = xor(block, mask(wrong.mgfHash ?? hash, h, blockBytes))
  masked[0] = ((masked[0] ?? 0) & 0x7f) | (wrong.topBit === 1 ? 0x80 : 0)
  return Buffer.concat([masked, h, Buffer.of(wrong.trailer ?? 0xbc)])
}

/** DigestInfo (section 9.2). */
export function digestInfo(hash: Sha, digest: Buffer): Buffer {
  return sequence(sequence(objectIdentifier(identifiers[hash]), nothing), octetString(digest))
}

/** EMSA-PKCS1-v1_5 (section 9.2) around what should be a DigestInfo. */
export function pkcs1(lengthBytes: number, info: Buffer, start: Buffer = Buffer.of(0, 1)): Buffer {
  const filling = Buffer.alloc(lengthBytes - info.length - start.length - 1, 0xff)
  return Buffer.concat([start, filling, Buffer.of(0), info])
}

/** What a lax reader of PKCS #1 v1.5 signatures has been seen to take, by what is wrong with it. */
export function malformedPkcs1(hash: Sha, lengthBytes: number, digest: Buffer): Record<string, Buffer> {
  const info = digestInfo(hash, digest)
  const identifier = objectIdentifier(identifiers[hash])
  const whole = (changed: Buffer) => pkcs1(lengthBytes, changed)
  const filled = (wrong: Buffer, content: Buffer) =>
    Buffer.concat([
      wrong,
      Buffer.of(0),
      content,
      Buffer.alloc(lengthBytes - wrong.length - 1 - content.length),
    ])
  const eight = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(8, 0xff)])
  const right = whole(info)
  const changedAt = (index: number, byte: number) => {
    const changed = Buffer.from(right)
    changed[index] = byte
    return changed
  }
  const infoAt = lengthBytes - info.length
  return {
    'without parameters': whole(sequence(sequence(identifier), octetString(digest))),
    'with a null that has bytes': whole(
      sequence(sequence(identifier, tlv(0x05, Buffer.of(0))), octetString(digest)),
    ),
    'with garbage for parameters': whole(
      sequence(sequence(identifier, octetString(Buffer.alloc(64, 0xaa))), octetString(digest)),
    ),
    'with garbage in the sequence of the algorithm': whole(
      sequence(sequence(identifier, nothing, octetString(Buffer.alloc(8))), octetString(digest)),
    ),
    'with something after the digest in the sequence': whole(
      sequence(sequence(identifier, nothing), octetString(digest), nothing),
    ),
    'with something after the sequence': whole(Buffer.concat([info, Buffer.alloc(3)])),
    'the digest without an algorithm': whole(octetString(digest)),
    'the bare digest': whole(digest),
    'the digest alone at the end': Buffer.concat([Buffer.alloc(lengthBytes - digest.length), digest]),
    'a digest too short': whole(digestInfo(hash, digest.subarray(1))),
    'a digest too long': whole(digestInfo(hash, Buffer.concat([digest, Buffer.of(0)]))),
    'no digest': whole(digestInfo(hash, Buffer.alloc(0))),
    'the digest in two parts': whole(
      sequence(
        sequence(identifier, nothing),
        tlv(0x24, octetString(digest.subarray(0, 8)), octetString(digest.subarray(8))),
      ),
    ),
    'a length in more bytes than it needs': whole(
      Buffer.concat([Buffer.of(0x30, 0x81, info.length - 2), info.subarray(2)]),
    ),
    'an indefinite length': whole(Buffer.concat([Buffer.of(0x30, 0x80), info.subarray(2), Buffer.of(0, 0)])),
    'the name of SHA-1': whole(digestInfo('sha1', digest)),
    'the name of SHA-224': whole(digestInfo('sha224', digest)),
    // Bleichenbacher 2006: little filling, and room for garbage after the DigestInfo.
    'eight bytes of filling and garbage after': filled(eight, info),
    'no filling and garbage after': filled(Buffer.of(0, 1), info),
    'the first byte one': changedAt(0, 1),
    'the block type of encryption': changedAt(1, 2),
    'the block type zero': changedAt(1, 0),
    'filling of other bytes': changedAt(20, 0xfe),
    'a zero in the filling': changedAt(20, 0),
    'no zero after the filling': changedAt(infoAt - 1, 0xff),
    'another byte after the filling': changedAt(infoAt - 1, 1),
    'two zeros after the filling': changedAt(infoAt - 2, 0),
    'everything one byte to the left': Buffer.concat([right.subarray(1), Buffer.of(0)]),
    zeros: Buffer.alloc(lengthBytes),
    one: Buffer.concat([Buffer.alloc(lengthBytes - 1), Buffer.of(1)]),
    'filling alone': Buffer.concat([Buffer.of(0, 1), Buffer.alloc(lengthBytes - 2, 0xff)]),
    'the encoding of PSS': pss(hash, lengthBytes, digest),
  }
}

/**
 * What RFC 8017, section 9.1.2 refuses, and salts of other lengths than AWS makes.
 *
 * @param modulus which what is signed has to be below
 */
export function malformedPss(
  hash: Sha,
  lengthBytes: number,
  digest: Buffer,
  modulus: bigint,
): Record<string, Buffer> {
  const encode = (wrong: PssErrors) => pss(hash, lengthBytes, digest, wrong)
  let withTopBit = encode({ topBit: 1 })
  while (numberOf(withTopBit) >= modulus) withTopBit = encode({ topBit: 1 })
  const most = lengthBytes - digest.length - 2
  const salts = [0, 1, 20, digest.length - 1, digest.length + 1, most].map((saltBytes): [string, Buffer] => [
    `a salt of ${saltBytes} bytes`,
    encode({ saltBytes }),
  ])
  return {
    ...Object.fromEntries(salts),
    'MGF1 with SHA-1': encode({ mgfHash: 'sha1' }),
    'MGF1 with another hash': encode({ mgfHash: hash === 'sha256' ? 'sha512' : 'sha256' }),
    'the trailer of X9.31': encode({ trailer: 0xcc }),
    'a trailer of zero': encode({ trailer: 0 }),
    'the first bit set': withTopBit,
    'the separator zero': encode({ separator: 0 }),
    'the separator two': encode({ separator: 2 }),
    'padding of ones': encode({ padding: 0xff }),
    'padding of one bit': encode({ padding: 1 }),
    'seven zeros before the digest': encode({ zeros: 7 }),
    'no zeros before the digest': encode({ zeros: 0 }),
    'the digest where its hash should be': encode({ hidden: digest }),
    'zeros where the hash should be': encode({ hidden: Buffer.alloc(digest.length) }),
    zeros: Buffer.alloc(lengthBytes),
    'the encoding of PKCS #1 v1.5': pkcs1(lengthBytes, digestInfo(hash, digest)),
  }
}

/** Every way to break EME-OAEP, by what is wrong with it. */
export function malformedOaep(hash: Sha, lengthBytes: number, message: Buffer): Record<string, Buffer> {
  const encode = (wrong: OaepErrors) => oaep(hash, lengthBytes, message, wrong)
  const right = oaep(hash, lengthBytes, message)
  const changedAt = (index: number) => {
    const changed = Buffer.from(right)
    changed[index] = (changed[index] ?? 0) ^ 1
    return changed
  }
  const labelHash = hashOf(hash)
  const hashBytes = labelHash.length
  return {
    // Manger 2001: whoever can tell this one from the others reads the plaintext.
    'a first byte that is not zero': encode({ first: 1 }),
    'a label': encode({ label: Buffer.from('label') }),
    'a label of one zero': encode({ label: Buffer.of(0) }),
    'the first byte of the hash of the label changed': encode({ labelHash: flip(labelHash, 0) }),
    'the last byte of the hash of the label changed': encode({ labelHash: flip(labelHash, hashBytes - 1) }),
    'zeros for the hash of the label': encode({ labelHash: Buffer.alloc(hashBytes) }),
    'MGF1 with another hash': encode({ mgfHash: hash === 'sha1' ? 'sha256' : 'sha1' }),
    'the other hash': oaep(hash === 'sha1' ? 'sha256' : 'sha1', lengthBytes, message),
    'SHA-512': oaep('sha512', lengthBytes, message),
    'padding of ones': encode({ padding: 0xff }),
    'padding of twos': encode({ padding: 2 }),
    'a separator of two': encode({ separator: Buffer.of(2) }),
    'no separator, and a message that begins with another byte': encode({ separator: Buffer.of(0xff) }),
    'no separator and no message': oaep(hash, lengthBytes, Buffer.alloc(0), { separator: Buffer.alloc(0) }),
    'the masked seed changed': changedAt(1),
    'the masked block changed': changedAt(lengthBytes - 1),
    'the encoding of PKCS #1 v1.5': Buffer.concat([
      Buffer.of(0, 2),
      Buffer.alloc(lengthBytes - 3 - message.length, 0x55),
      Buffer.of(0),
      message,
    ]),
    'the message without encoding': Buffer.concat([Buffer.alloc(lengthBytes - message.length), message]),
    zeros: Buffer.alloc(lengthBytes),
    one: Buffer.concat([Buffer.alloc(lengthBytes - 1), Buffer.of(1)]),
  }
}

function flip(bytes: Buffer, index: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[index] = (changed[index] ?? 0) ^ 0x80
  return changed
}
