import { createHash, randomUUID, sign, verify, type KeyObject } from 'node:crypto'
import { identityBytes } from '../crypto/wrap.ts'
import { readStrictJson, StrictJsonError } from '../strict-json.ts'

/** What two linked deployments say to each other: one JSON object each way, signed with the sender's certificate. */
export interface Message {
  readonly version: 1
  /** Deployment ids. */
  readonly from: string
  readonly to: string
  /** Its own, or of what is answered. */
  readonly id: string
  readonly kind: string
  readonly body: Readonly<Record<string, unknown>>
}

/** A message or an answer that is not one, or not for us; it says no more to whoever sent it. */
export class MessageError extends Error {
  override readonly name = 'MessageError'
}

export const MOST_MESSAGE_BYTES = 1024 * 1024
export const SIGNATURE_HEADER = 'keywright-signature'
export const MESSAGE_PATH = '/v1/messages'

const DEEPEST = 8
const MOST_PARTS = 50_000
const MOST_SIGNATURE_LENGTH = 200
const idForm = /^[0-9a-f-]{36}$/
const kindForm = /^[a-z -]{1,40}$/

export function newMessage(facts: Pick<Message, 'from' | 'to' | 'kind' | 'body'>): Message {
  return { version: 1, id: randomUUID(), ...facts }
}

export function answerTo({ from, to, id, kind }: Message, body: Message['body']): Message {
  return { version: 1, from: to, to: from, id, kind, body }
}

/** An answer's signature covers the message that it answers: it fits no other. */
export function writeMessage(
  message: Message,
  privateKey: KeyObject,
  asked?: Uint8Array,
): { bytes: Buffer; signature: string } {
  const bytes = Buffer.from(JSON.stringify(message))
  if (bytes.length > MOST_MESSAGE_BYTES) throw new MessageError('the message would be too long')
  return { bytes, signature: sign('sha256', signedBytes(bytes, asked), privateKey).toString('base64') }
}

/** @throws MessageError */
export function readMessage(
  bytes: Buffer,
  signature: unknown,
  expected: {
    readonly from: string
    readonly to: string
    readonly publicKey: KeyObject
    /** Of an answer: what was asked, and as which bytes. */
    readonly asked?: { readonly message: Message; readonly bytes: Uint8Array }
  },
): Message {
  if (typeof signature !== 'string' || signature.length > MOST_SIGNATURE_LENGTH) {
    throw new MessageError('the signature is missing')
  }
  const signed = signedBytes(bytes, expected.asked?.bytes)
  if (!verify('sha256', signed, expected.publicKey, Buffer.from(signature, 'base64'))) {
    throw new MessageError('the signature is not that of the linked deployment')
  }
  const message = parse(bytes)
  const { from, to, id, kind } = message
  if (from !== expected.from || to !== expected.to) throw new MessageError('it is between other deployments')
  const asked = expected.asked?.message
  if (asked !== undefined && (id !== asked.id || kind !== asked.kind)) {
    throw new MessageError('it answers something else')
  }
  return message
}

function signedBytes(bytes: Uint8Array, asked: Uint8Array | undefined): Buffer {
  const hash = (of: Uint8Array) => createHash('sha256').update(of).digest()
  return asked === undefined
    ? identityBytes('keywright/link-message/v1', hash(bytes))
    : identityBytes('keywright/link-answer/v1', hash(asked), hash(bytes))
}

function parse(bytes: Buffer): Message {
  let value: unknown
  try {
    value = readStrictJson(bytes.toString('utf8'), DEEPEST, MOST_PARTS)
  } catch (cause) {
    if (cause instanceof StrictJsonError) throw new MessageError('it is no message', { cause })
    throw cause
  }
  const { version, from, to, id, kind, body } = asRecord(value)
  if (version !== 1) throw new MessageError('it is of another version of Keywright')
  if (
    typeof from !== 'string' ||
    typeof to !== 'string' ||
    typeof id !== 'string' ||
    !idForm.test(id) ||
    typeof kind !== 'string' ||
    !kindForm.test(kind)
  ) {
    throw new MessageError('it is no message')
  }
  return { version, from, to, id, kind, body: asRecord(body) }
}

/** @throws MessageError unless it is a JSON object */
export function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MessageError('it is no message')
  }
  return value as Record<string, unknown>
}
