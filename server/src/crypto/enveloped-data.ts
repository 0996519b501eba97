import { constants, createCipheriv, createHash, publicEncrypt, type KeyObject } from 'node:crypto'
import type { RandomSource } from './random.ts'

const ENVELOPED_DATA = Buffer.from('06092a864886f70d010703', 'hex')
const DATA = Buffer.from('06092a864886f70d010701', 'hex')
const AES_256_CBC = Buffer.from('060960864801650304012a', 'hex')
const VERSION_2 = Buffer.from('020102', 'hex')
/** id-RSAES-OAEP, with SHA-256 and, in MGF1, SHA-256 (RFC 4055, section 4.1; RFC 8017, appendix A.2.1). */
const RSAES_OAEP_SHA_256 = Buffer.from(
  '303c06092a864886f70d010107302f' +
    'a00f300d06096086480165030402010500' +
    'a11c301a06092a864886f70d010108300d06096086480165030402010500',
  'hex',
)

const SEQUENCE = 0x30
const SET = 0x31
const OCTET_STRING = 0x04
/** SubjectKeyIdentifier of a RecipientIdentifier. */
const KEY_IDENTIFIER = 0x80
/** What stands for the content in ContentInfo, and for the encrypted content in EncryptedContentInfo. */
const CONTENT = 0xa0

/**
 * Seals plaintext for one RSA key as AWS KMS does for an enclave: CMS EnvelopedData of version 2 with one recipient,
 * whose key opens a fresh AES-256-CBC key with OAEP.
 *
 * It is BER in the very form that AWS KMS answers with, indefinite lengths where it has them, since the SDK for Nitro
 * Enclaves reads that form. Nothing authenticates the content: an enclave trusts the TLS connection for that, as on AWS.
 * @see RFC 5652, section 6; aws-nitro-enclaves-sdk-c, source/cms.c
 */
export function envelopedData(
  plaintext: Uint8Array,
  recipient: { readonly key: KeyObject; readonly spki: Buffer },
  random: RandomSource,
): Buffer {
  const contentKey = random.bytes(32)
  const iv = random.bytes(16)
  const cipher = createCipheriv('aes-256-cbc', contentKey, iv)
  const content = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const { key } = recipient
  const encryptedKey = publicEncrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    contentKey,
  )
  contentKey.fill(0)

  const keyTransport = definite(
    SEQUENCE,
    VERSION_2,
    // AWS's is of 32 bytes too; what they are it does not say.
    definite(KEY_IDENTIFIER, createHash('sha256').update(recipient.spki).digest()),
    RSAES_OAEP_SHA_256,
    definite(OCTET_STRING, encryptedKey),
  )
  const encryptedContent = indefinite(
    SEQUENCE,
    DATA,
    definite(SEQUENCE, AES_256_CBC, definite(OCTET_STRING, iv)),
    indefinite(CONTENT, definite(OCTET_STRING, content)),
  )
  const enveloped = indefinite(SEQUENCE, VERSION_2, definite(SET, keyTransport), encryptedContent)
  return indefinite(SEQUENCE, ENVELOPED_DATA, indefinite(CONTENT, enveloped))
}

function definite(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content])
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content])
}

function indefinite(tag: number, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([tag, 0x80]), ...parts, Buffer.alloc(2)])
}
