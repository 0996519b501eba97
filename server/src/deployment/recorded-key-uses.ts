import { keyIdOf, parseArn } from '../arn.ts'
import {
  lastUsageOperations,
  type LastUsageOperation,
  type UsedKey,
  type UseOperation,
} from '../keys/key-use.ts'

/** What a record of the journal says of uses of keys. */
export interface RecordedUses {
  readonly eventId: string
  readonly requestId: string | null
  readonly usedAtMs: number
  readonly uses: readonly { readonly key: UsedKey; readonly operation: UseOperation }[]
}

const tracked: ReadonlySet<string> = new Set(lastUsageOperations)
const SOURCE = '"eventSource":"kms.amazonaws.com"'

const REGION = /^[a-z0-9-]{1,32}$/
const KEY_ID = /^[A-Za-z0-9-]{1,64}$/
const MATERIAL_ID = /^[0-9a-f]{64}$/
const UUID = /^[0-9a-f-]{36}$/

interface RecordShape {
  readonly eventSource?: unknown
  readonly eventName?: unknown
  readonly eventTime?: unknown
  readonly eventType?: unknown
  readonly errorCode?: unknown
  readonly eventID?: unknown
  readonly requestID?: unknown
  readonly resources?: unknown
  readonly additionalEventData?: unknown
}

/**
 * The uses that a record tells of; undefined for one that tells of none: another operation, or one that did not succeed.
 * The journal may be damaged or edited, so what does not have the form that is written counts as none.
 */
export function recordedUses(record: Buffer): RecordedUses | undefined {
  // Most of what costs time is to parse.
  if (!record.includes(SOURCE)) return undefined
  const shape = parsed(record)
  if (shape === undefined || shape.errorCode !== undefined || shape.eventType !== 'AwsApiCall')
    return undefined
  const { eventName, eventTime, eventID, requestID, resources } = shape
  if (typeof eventName !== 'string' || !tracked.has(eventName)) return undefined
  const usedAtMs = typeof eventTime === 'string' ? Date.parse(eventTime) : Number.NaN
  if (typeof eventID !== 'string' || !UUID.test(eventID) || !Number.isSafeInteger(usedAtMs)) return undefined
  const requestId = typeof requestID === 'string' && UUID.test(requestID) ? requestID : null
  const keys = keysOf(resources)
  const [first] = keys
  const last = keys.at(-1)
  if (first === undefined || last === undefined) return undefined
  const notes = objectOf(shape.additionalEventData)
  const uses =
    eventName === 'ReEncrypt'
      ? [
          use(first, 'ReEncryptFrom', notes['sourceKeyMaterialId']),
          use(last, 'ReEncryptTo', notes['destinationKeyMaterialId']),
        ]
      : [use(first, eventName as Exclude<LastUsageOperation, 'ReEncrypt'>, notes['keyMaterialId'])]
  return { eventId: eventID, requestId, usedAtMs, uses }
}

function use(key: Pick<UsedKey, 'region' | 'keyId'>, operation: UseOperation, materialId: unknown) {
  const isId = typeof materialId === 'string' && MATERIAL_ID.test(materialId)
  return { key: { ...key, materialId: isId ? materialId : undefined }, operation }
}

/** In the order in which the operation came to them. */
function keysOf(resources: unknown): Pick<UsedKey, 'region' | 'keyId'>[] {
  if (!Array.isArray(resources)) return []
  return resources.flatMap((resource: unknown) => {
    const { ARN } = objectOf(resource)
    const arn = typeof ARN === 'string' ? parseArn(ARN) : undefined
    const keyId = (arn && keyIdOf(arn)) ?? ''
    if (arn?.service !== 'kms' || !REGION.test(arn.region) || !KEY_ID.test(keyId)) return []
    return [{ region: arn.region, keyId }]
  })
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function parsed(record: Buffer): RecordShape | undefined {
  try {
    return JSON.parse(record.toString()) as RecordShape
  } catch {
    return undefined
  }
}
