import assert from 'node:assert/strict'
import { constants, createDecipheriv, generateKeyPairSync, privateDecrypt, type KeyObject } from 'node:crypto'

/** What wants answers for itself: its key pair, and how it opens them. */
export interface Enclave {
  readonly privateKey: KeyObject
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer
  /** Opens what CiphertextForRecipient holds. */
  open(ciphertext: Uint8Array | undefined): Buffer
}

export function newEnclave(modulusLength = 2048): Enclave {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength })
  return {
    privateKey,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    open(ciphertext) {
      const { encryptedKey, iv, content } = envelopedDataOf(Buffer.from(ciphertext ?? []))
      const padding = constants.RSA_PKCS1_OAEP_PADDING
      const key = privateDecrypt({ key: privateKey, padding, oaepHash: 'sha256' }, encryptedKey)
      const decipher = createDecipheriv('aes-256-cbc', key, iv)
      return Buffer.concat([decipher.update(content), decipher.final()])
    },
  }
}

/** Reads BER and checks what the SDK for Nitro Enclaves (source/cms.c) checks. Written apart from our writer. */
export function envelopedDataOf(ber: Buffer): {
  keyIdentifier: Buffer
  encryptedKey: Buffer
  iv: Buffer
  content: Buffer
} {
  const [contentType, explicit] = only(elements(ber), 0x30).inner
  const [version, recipients, encrypted, ...more] = only(explicit?.inner ?? [], 0x30).inner
  const [recipientVersion, identifier, algorithm, encryptedKey] = only(recipients?.inner ?? [], 0x30).inner
  const [dataType, cipher, content] = encrypted?.inner ?? []
  const shown = (element: Element | undefined) => element?.content.toString('hex')
  assert.deepEqual(
    [
      shown(contentType),
      shown(version),
      more.length,
      shown(recipientVersion),
      identifier?.tag,
      identifier?.content.length,
    ],
    ['2a864886f70d010703', '02', 0, '02', 0x80, 32],
  )
  assert.deepEqual(
    [shown(algorithm?.inner[0]), shown(dataType)],
    ['2a864886f70d010107', '2a864886f70d010701'],
  )
  assert.equal(shown(cipher?.inner[0]), '60864801650304012a')
  return {
    keyIdentifier: identifier?.content ?? Buffer.alloc(0),
    encryptedKey: encryptedKey?.content ?? Buffer.alloc(0),
    iv: cipher?.inner[1]?.content ?? Buffer.alloc(0),
    content: Buffer.concat((content?.inner ?? []).map((part) => part.content)),
  }
}

interface Element {
  readonly tag: number
  readonly content: Buffer
  /** Of a constructed element. */
  readonly inner: readonly Element[]
}

function only(found: readonly Element[], tag: number): Element {
  assert.equal(found.length, 1)
  assert.equal(found[0]?.tag, tag)
  return found[0] as Element
}

function elements(ber: Buffer): readonly Element[] {
  const { found, end } = read(ber, 0, ber.length)
  assert.equal(end, ber.length)
  return found
}

/** To `end`, or to an end-of-contents when that is unknown. */
function read(ber: Buffer, start: number, end: number | undefined): { found: Element[]; end: number } {
  const found: Element[] = []
  let at = start
  while (at !== end) {
    const [tag = 0, first = 0] = ber.subarray(at, at + 2)
    if (end === undefined && tag === 0 && first === 0) return { found, end: at + 2 }
    const digits = first > 0x80 ? first - 0x80 : 0
    const begin = at + 2 + digits
    const length = digits === 0 ? first : ber.readUIntBE(at + 2, digits)
    const close = first === 0x80 ? undefined : begin + length
    assert.ok((close ?? begin) <= ber.length)
    const isConstructed = (tag & 0x20) !== 0
    const inner = isConstructed ? read(ber, begin, close) : { found: [], end: close ?? begin }
    found.push({ tag, content: ber.subarray(begin, inner.end), inner: inner.found })
    at = inner.end
  }
  return { found, end: at }
}
