import { formatArn, keyIdOf, parseArn, partitionOf } from '../arn.ts'
import { verifySeal, type SigningKey } from '../crypto/signing.ts'
import { identityBytes } from '../crypto/wrap.ts'
import type { ErasedMaterial } from '../store/store.ts'
import { cloudTrailRecord } from './record.ts'

const EVENT = 'EraseKeyMaterial'
const MARK = `"eventName":"${EVENT}"`

/** That key material was taken away for good, as its record proves it by itself: signed by the deployment, whatever became of the chain. */
export interface ProvenErasure extends ErasedMaterial {
  /** In the change feed. */
  readonly position: number
  /** To the second, as it stands in the record. */
  readonly time: string
  /** Base64. */
  readonly signature: string
}

/**
 * The record of an erasure. It is what an older copy of the database is brought up to date by, so it carries a signature of
 * the deployment's own: whoever can write a journal file must not be able to destroy keys by it.
 */
export function erasureRecord(
  erased: ErasedMaterial,
  facts: { readonly clockMs: number; readonly position: number; readonly signer: SigningKey },
): { eventId: string; record: string } {
  const { accountId, region, keyId, materialId } = erased
  const time = isoSecond(facts.clockMs)
  const message = signedMessage({ ...erased, position: facts.position, time })
  const resource = `key/${keyId}`
  return cloudTrailRecord({
    clockMs: facts.clockMs,
    identity: { type: 'AWSService', invokedBy: 'keywright' },
    service: 'keywright',
    operation: EVENT,
    region,
    accountId,
    sourceIp: 'localhost',
    userAgent: 'keywright',
    resources: [
      {
        accountId,
        ARN: formatArn({ partition: partitionOf(region), service: 'kms', region, accountId, resource }),
      },
    ],
    requestId: undefined,
    readOnly: false,
    changePosition: facts.position,
    additional: {
      ...(materialId !== undefined && { keyMaterialId: materialId }),
      signature: facts.signer.sign(message).toString('base64'),
    },
    eventType: 'AwsServiceEvent',
  })
}

/** Whether a record may be one, for whoever has many to look through. */
export function mayBeErasure(record: Buffer | string): boolean {
  return record.includes(MARK)
}

/** What a record says of an erasure, not yet believed; undefined when it is another record. */
export function readErasure(record: unknown): ProvenErasure | undefined {
  if (typeof record !== 'object' || record === null) return undefined
  const { eventName, eventSource, eventTime, resources, additionalEventData } = record as Record<
    string,
    unknown
  >
  if (eventName !== EVENT || eventSource !== 'keywright') return undefined
  const [first] = Array.isArray(resources) ? (resources as unknown[]) : []
  const { ARN: arn } = objectOf(first)
  const { keyMaterialId, signature, changePosition } = objectOf(additionalEventData)
  const parsed = typeof arn === 'string' ? parseArn(arn) : undefined
  return checkErasure({
    accountId: parsed?.accountId,
    region: parsed?.region,
    keyId: parsed && keyIdOf(parsed),
    materialId: keyMaterialId,
    position: changePosition,
    time: eventTime,
    signature,
  })
}

/** The form alone. */
export function checkErasure(value: Readonly<Record<string, unknown>>): ProvenErasure | undefined {
  const { accountId, region, keyId, materialId, position, time, signature } = value
  if (!isText(accountId, /^\d{12}$/) || !isText(region, /^[a-z0-9-]{1,32}$/)) return undefined
  if (!isText(keyId, /^[0-9a-z-]{1,64}$/)) return undefined
  if (materialId !== undefined && !isText(materialId, /^[0-9a-f]{64}$/)) return undefined
  if (!Number.isSafeInteger(position) || (position as number) < 1) return undefined
  if (!isText(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)) return undefined
  if (!isText(signature, /^[A-Za-z0-9+/]{86}==$/)) return undefined
  const erased = { accountId, region, keyId, ...(materialId !== undefined && { materialId }) }
  return { ...erased, position: position as number, time, signature }
}

/**
 * Whether what was erased may be there again, rightly: material that was imported once more, or a replica of a multi-Region key
 * that was made anew. The id of any other key never comes back.
 */
export function mayComeBack({ keyId, materialId }: ErasedMaterial): boolean {
  return materialId !== undefined || keyId.startsWith('mrk-')
}

/** Whether this deployment itself once said so. */
export function erasureHolds(erasure: ProvenErasure, publicKey: Uint8Array): boolean {
  return verifySeal(publicKey, signedMessage(erasure), Buffer.from(erasure.signature, 'base64'))
}

function signedMessage(facts: Omit<ProvenErasure, 'signature'>): Buffer {
  const { accountId, region, keyId, materialId, position, time } = facts
  return identityBytes('keywright/erasure/v1', accountId, region, keyId, materialId ?? '', position, time)
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isoSecond(timeMs: number): string {
  return `${new Date(Math.floor(timeMs / 1000) * 1000).toISOString().slice(0, 19)}Z`
}
