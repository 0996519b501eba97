import {
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'

/**
 * X-Wing, a hybrid of ML-KEM-768 and X25519: what is encapsulated stays secret as long as one of the two holds. Put together
 * from the runtime's own ML-KEM, X25519, SHA3-256 and SHAKE-256.
 *
 * @see draft-connolly-cfrg-xwing-kem, sections 5.2 to 5.6
 */
export const X_WING_SEED_BYTES = 32
const X_WING_PUBLIC_KEY_BYTES = 1216
export const X_WING_CIPHERTEXT_BYTES = 1120

const ML_KEM_PUBLIC_KEY_BYTES = 1184
const ML_KEM_CIPHERTEXT_BYTES = 1088
const ML_KEM_SEED_BYTES = 64
const LABEL = Buffer.from('5c2e2f2f5e5c', 'hex')

export interface XWingPublicKey {
  /** As it travels: the key of ML-KEM, then that of X25519. */
  readonly bytes: Buffer
  readonly mlKem: KeyObject
  readonly x25519: KeyObject
}

export interface XWingPrivateKey {
  readonly publicKey: XWingPublicKey
  readonly mlKem: KeyObject
  readonly x25519: KeyObject
}

/** @throws RangeError for another length, Error for bytes that are no key */
export function xWingPublicKey(bytes: Uint8Array): XWingPublicKey {
  requireLength(bytes, X_WING_PUBLIC_KEY_BYTES)
  const raw = Buffer.from(bytes)
  return {
    bytes: raw,
    mlKem: createPublicKey({
      key: raw.subarray(0, ML_KEM_PUBLIC_KEY_BYTES),
      format: 'raw-public',
      asymmetricKeyType: 'ml-kem-768',
    }),
    x25519: createPublicKey({
      key: raw.subarray(ML_KEM_PUBLIC_KEY_BYTES),
      format: 'raw-public',
      asymmetricKeyType: 'x25519',
    }),
  }
}

/** The keys that belong to a seed, which the caller wipes. */
export function xWingPrivateKey(seed: Uint8Array): XWingPrivateKey {
  requireLength(seed, X_WING_SEED_BYTES)
  const expanded = createHash('shake256', { outputLength: ML_KEM_SEED_BYTES + 32 })
    .update(seed)
    .digest()
  try {
    const mlKem = createPrivateKey({
      key: expanded.subarray(0, ML_KEM_SEED_BYTES),
      format: 'raw-seed',
      asymmetricKeyType: 'ml-kem-768',
    })
    const x25519 = createPrivateKey({
      key: expanded.subarray(ML_KEM_SEED_BYTES),
      format: 'raw-private',
      asymmetricKeyType: 'x25519',
    })
    const bytes = Buffer.concat([rawPublic(mlKem), rawPublic(x25519)])
    return { publicKey: xWingPublicKey(bytes), mlKem, x25519 }
  } finally {
    expanded.fill(0)
  }
}

/** The caller wipes the secret. */
export function encapsulateXWing(publicKey: XWingPublicKey): { secret: Buffer; ciphertext: Buffer } {
  const ephemeral = generateKeyPairSync('x25519')
  const ephemeralPublic = rawPublic(ephemeral.privateKey)
  const { sharedKey, ciphertext } = encapsulate(publicKey.mlKem)
  const agreed = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicKey.x25519 })
  return {
    secret: combined(sharedKey, agreed, ephemeralPublic, publicKey),
    ciphertext: Buffer.concat([ciphertext, ephemeralPublic]),
  }
}

/**
 * The caller wipes the secret. A ciphertext of the right length always gives one (ML-KEM rejects implicitly), but for a
 * point of small order.
 *
 * @returns undefined for another length, and for such a point
 */
export function decapsulateXWing(privateKey: XWingPrivateKey, ciphertext: Uint8Array): Buffer | undefined {
  if (ciphertext.length !== X_WING_CIPHERTEXT_BYTES) return undefined
  const ephemeralPublic = Buffer.from(ciphertext.subarray(ML_KEM_CIPHERTEXT_BYTES))
  const shared = decapsulate(privateKey.mlKem, ciphertext.subarray(0, ML_KEM_CIPHERTEXT_BYTES))
  let agreed: Buffer
  try {
    const publicKey = createPublicKey({
      key: ephemeralPublic,
      format: 'raw-public',
      asymmetricKeyType: 'x25519',
    })
    agreed = diffieHellman({ privateKey: privateKey.x25519, publicKey })
  } catch {
    shared.fill(0)
    return undefined
  }
  return combined(shared, agreed, ephemeralPublic, privateKey.publicKey)
}

function combined(
  shared: Buffer,
  agreed: Buffer,
  ephemeralPublic: Uint8Array,
  { bytes }: XWingPublicKey,
): Buffer {
  const secret = createHash('sha3-256')
    .update(shared)
    .update(agreed)
    .update(ephemeralPublic)
    .update(bytes.subarray(ML_KEM_PUBLIC_KEY_BYTES))
    .update(LABEL)
    .digest()
  shared.fill(0)
  agreed.fill(0)
  return secret
}

function rawPublic(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'raw-public' })
}

function requireLength(bytes: Uint8Array, lengthBytes: number): void {
  if (bytes.length !== lengthBytes) throw new RangeError(`X-Wing wants ${lengthBytes} bytes here`)
}
