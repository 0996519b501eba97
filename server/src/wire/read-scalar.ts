import type { Shape } from '../shape.ts'
import { serializationError } from './errors.ts'

export type ScalarShape = Exclude<Shape, { type: 'list' | 'map' | 'structure' }>

const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)

/** A Date holds 100 million days either way. */
const LATEST_SECONDS = 8.64e12

/**
 * Turns a JSON value into what a scalar member holds.
 *
 * The texts are those that AWS's current JSON services answer (recorded from SQS, Athena, CodeDeploy and
 * Kinesis; DynamoDB has words of its own). Two things AWS takes are refused, for they would mean something
 * else than was written: a number with a fraction or beyond its type, which AWS cuts, and a boolean written
 * as a string. The value itself is never repeated: it may be a plaintext.
 * @throws AwsError SerializationException
 */
export function readScalar(shape: ScalarShape, value: unknown): unknown {
  switch (shape.type) {
    case 'string':
      return typeof value === 'string' ? value : refuse(value, 'can not be converted to a String')
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse(value, 'can not be converted to a Boolean')
    case 'integer':
      return Number.isInteger(value) && (value as number) <= INT32_MAX && (value as number) >= INT32_MIN
        ? value
        : refuse(value, 'can not be converted to an Integer')
    case 'long':
      return Number.isSafeInteger(value) ? value : refuse(value, 'can not be converted to a Long')
    case 'timestamp':
      return typeof value === 'number' && Math.abs(value) <= LATEST_SECONDS
        ? new Date(Math.round(value * 1000))
        : refuse(value, 'can not be converted to milliseconds since epoch')
    case 'blob':
      return typeof value === 'string' ? decodeBase64(value) : refuse(value, 'can not be converted to a Blob')
  }
}

function refuse(value: unknown, why: string): never {
  if (Array.isArray(value)) throw serializationError('Start of list found where not expected')
  if (typeof value === 'object')
    throw serializationError('Start of structure or map found where not expected.')
  throw serializationError(`${tokenOf(value)} ${why}`)
}

function tokenOf(value: unknown): string {
  if (typeof value === 'string') return 'STRING_VALUE'
  if (typeof value === 'number') return 'NUMBER_VALUE'
  return value === true ? 'TRUE_VALUE' : 'FALSE_VALUE'
}

/**
 * RFC 4648 §4 without leniency: padding is required, bits after the last byte are zero, nothing else
 * occurs. Node skips what it does not know; writing the bytes again shows whether it did.
 */
function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') === text) return bytes
  const why =
    text.length % 4 !== 0
      ? `Base64 encoded length is expected a multiple of 4 bytes but found: ${text.length}`
      : /^[A-Za-z0-9+/]*={0,2}$/.test(text)
        ? 'Invalid last non-pad Base64 character dectected' // AWS's spelling
        : 'Invalid Base64 character'
  throw serializationError(`STRING_VALUE can not be converted to a Blob: ${why}`)
}
