import { randomUuid } from '../random-uuid.ts'
import type { Members, Shape } from '../shape.ts'

/** Who acted. A root user has its account's id as principal id, as in AWS's own records. */
export type RecordIdentity =
  | {
      readonly type: 'Root' | 'IAMUser' | 'AssumedRole' | 'WebIdentityUser'
      readonly principalId: string
      readonly arn?: string
      readonly accountId?: string
      readonly accessKeyId?: string
      readonly userName?: string
      /** Of temporary credentials: who issued them, when, and how the caller had proved itself. */
      readonly sessionContext?: object
      /** Of a web identity. */
      readonly identityProvider?: string
      /** The service that made the request for the user. */
      readonly invokedBy?: string | undefined
    }
  /** A service for itself. */
  | { readonly type: 'AWSService'; readonly invokedBy: string }
  /** The service itself, when a timer is due. */
  | { readonly accountId: string; readonly invokedBy: 'AWS Internal' }
  /** Whoever ran an operator command. */
  | { readonly type: 'OperatingSystemUser'; readonly userName: string }

/** What a record says. Absent members are left out of the record, or null where AWS writes null. */
export interface RecordFacts {
  readonly clockMs: number
  readonly identity: RecordIdentity
  /** As in the credential scope (`kms`); `keywright` for an operator command. */
  readonly service: string
  readonly operation: string
  readonly region: string | undefined
  /** The account whose record this is. */
  readonly accountId: string | undefined
  readonly sourceIp: string
  readonly userAgent: string | undefined
  /** Already shaped by `recordedParameters`: nothing secret is taken out here. */
  readonly requestParameters?: object | undefined
  /** Already shaped by `recordedResponse`; only for writes. */
  readonly response?: object | undefined
  readonly error?: { readonly code: string; readonly message: string } | undefined
  readonly resources?: readonly RecordResource[] | undefined
  readonly requestId: string | undefined
  readonly readOnly: boolean
  readonly additional?: Readonly<Record<string, unknown>> | undefined
  /** Of a service's own event. Short: it is never cut. */
  readonly serviceEventDetails?: Readonly<Record<string, string>> | undefined
  /** The feed position that this change made; it ties a record to the database's own order. */
  readonly changePosition?: number | undefined
  readonly tls?:
    | { readonly version: string; readonly cipherSuite: string; readonly host?: string }
    | undefined
  /** Of the private endpoint that the request came through. */
  readonly vpcEndpointId?: string | undefined
  readonly eventType?: 'AwsApiCall' | 'AwsServiceEvent' | 'KeywrightOperatorCommand'
  /** A UUID; a fresh random one by default. */
  readonly eventId?: string
}

export interface RecordResource {
  readonly accountId: string
  readonly ARN: string
  readonly type?: string
}

export const MAX_RECORD_BYTES = 64 * 1024

// CloudTrail User Guide, "CloudTrail record contents": userAgent, errorCode, errorMessage hold at most 1 KB.
const MAX_TEXT_LENGTH = 1024

/**
 * One CloudTrail record as one line of JSON without a line feed, at most 64 KiB of UTF-8. What had to be cut or
 * left out to stay within is named in `additionalEventData.truncated`.
 * For an Encrypt with a context of two pairs (1045 bytes) 0.8 µs, as long as V8 takes its fast way through the object,
 * which needs whole strings and plain objects with a prototype; otherwise 2.1 (2 cores, Node 26.10, 2026-11).
 * @see CloudTrail User Guide, "CloudTrail record contents"; KMS Developer Guide, "CloudTrail log entries"
 */
export function cloudTrailRecord(facts: RecordFacts): { eventId: string; record: string } {
  const eventId = facts.eventId ?? randomUuid()
  const texts: Texts = {
    userAgent: facts.userAgent,
    errorCode: facts.error?.code,
    errorMessage: facts.error?.message,
    requestID: facts.requestId,
    sourceIPAddress: facts.sourceIp,
  }
  let cut: string[] | undefined
  for (const name of TEXT_NAMES) {
    const text = texts[name]
    if (text === undefined || text.length <= MAX_TEXT_LENGTH) continue
    texts[name] = shortened(text)
    ;(cut ??= []).push(name)
  }
  const whole = write(facts, eventId, texts, facts, cut)
  // No UTF-16 code unit needs more than three bytes, so most records need no counting.
  if (whole.length * 3 <= MAX_RECORD_BYTES || Buffer.byteLength(whole) <= MAX_RECORD_BYTES) {
    return { eventId, record: whole }
  }
  return { eventId, record: writeWithin(facts, eventId, texts, cut ?? []) }
}

interface Texts {
  userAgent: string | undefined
  errorCode: string | undefined
  errorMessage: string | undefined
  requestID: string | undefined
  sourceIPAddress: string | undefined
}
const TEXT_NAMES = ['userAgent', 'errorCode', 'errorMessage', 'requestID', 'sourceIPAddress'] as const

type Parts = Pick<RecordFacts, 'requestParameters' | 'response' | 'additional' | 'resources'>

function write(facts: RecordFacts, eventId: string, texts: Texts, parts: Parts, cut?: string[]): string {
  const { identity, changePosition, tls } = facts
  const additional =
    parts.additional === undefined && changePosition === undefined && cut === undefined
      ? undefined
      : { ...parts.additional, changePosition, truncated: cut }
  return JSON.stringify({
    eventVersion: '1.11',
    userIdentity: identity,
    eventTime: isoSecond(facts.clockMs),
    eventSource: eventSource(facts.service),
    eventName: facts.operation,
    awsRegion: facts.region,
    sourceIPAddress: texts.sourceIPAddress,
    userAgent: texts.userAgent,
    errorCode: texts.errorCode,
    errorMessage: texts.errorMessage,
    requestParameters: parts.requestParameters ?? null,
    responseElements: parts.response ?? null,
    additionalEventData: additional,
    requestID: texts.requestID,
    eventID: eventId,
    readOnly: facts.readOnly,
    resources: parts.resources?.map(writeResource),
    eventType: facts.eventType ?? 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: facts.accountId,
    serviceEventDetails: facts.serviceEventDetails,
    vpcEndpointId: facts.vpcEndpointId,
    eventCategory: 'Management',
    tlsDetails: tls && {
      tlsVersion: tls.version,
      cipherSuite: tls.cipherSuite,
      clientProvidedHostHeader: tls.host,
    },
  })
}

const eventSources = new Map([['keywright', 'keywright']])

/** Kept, and joined, because JSON.stringify is fast for whole strings only; a template puts one together of two. */
function eventSource(service: string): string {
  let source = eventSources.get(service)
  if (source === undefined) {
    source = [service, 'amazonaws.com'].join('.')
    eventSources.set(service, source)
  }
  return source
}

function writeResource({ accountId, ARN, type }: RecordResource) {
  return { accountId, type: type ?? typeOfArn(ARN), ARN }
}

/** @see CloudFormation's resource types, which CloudTrail uses */
function typeOfArn(arn: string): string {
  const [, type] = /^arn:[^:]*:iam::\d*:(role|user|group|policy)\//.exec(arn) ?? []
  return type === undefined ? 'AWS::KMS::Key' : `AWS::IAM::${type.charAt(0).toUpperCase()}${type.slice(1)}`
}

/** First shortens long strings wherever they stand; if that is not enough, leaves out whole parts, largest first. */
function writeWithin(facts: RecordFacts, eventId: string, texts: Texts, cut: string[]): string {
  const named = new Set(cut)
  const parts: { -readonly [Name in keyof Parts]: Parts[Name] } = {
    requestParameters: shortenStrings(facts.requestParameters, 'requestParameters', named),
    response: shortenStrings(facts.response, 'responseElements', named),
    additional: shortenStrings(facts.additional, 'additionalEventData', named),
    resources: facts.resources,
  }
  const bySize = (['requestParameters', 'response', 'additional', 'resources'] as const)
    .map((name) => ({ name, length: JSON.stringify(parts[name])?.length ?? 0 }))
    .sort((a, b) => b.length - a.length)
  for (const { name } of bySize) {
    const record = write(facts, eventId, texts, parts, [...named])
    if (Buffer.byteLength(record) <= MAX_RECORD_BYTES) return record
    delete parts[name]
    const field = { response: 'responseElements', additional: 'additionalEventData' }[name as string] ?? name
    for (const path of named) if (path === field || path.startsWith(`${field}.`)) named.delete(path)
    named.add(field)
  }
  return write(facts, eventId, texts, parts, [...named])
}

// More names than this would fill the record that they are to keep small.
const MAX_NAMED_CUTS = 32

function shortenStrings<T>(value: T, path: string, cut: Set<string>): T {
  if (typeof value === 'string') {
    if (value.length <= MAX_TEXT_LENGTH) return value
    cut.add(cut.size < MAX_NAMED_CUTS ? path : (path.split('.', 1)[0] as string))
    return shortened(value) as T
  }
  if (Array.isArray(value)) return value.map((item: unknown) => shortenStrings(item, path, cut)) as T
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [name, item] of Object.entries(value)) {
    copy[shortened(name)] = shortenStrings(item as unknown, `${path}.${name.slice(0, 64)}`, cut)
  }
  return copy as T
}

/** At most 1024 code units, never half a surrogate pair. */
function shortened(text: string): string {
  if (text.length <= MAX_TEXT_LENGTH) return text
  const last = text.charCodeAt(MAX_TEXT_LENGTH - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? MAX_TEXT_LENGTH - 1 : MAX_TEXT_LENGTH)
}

let formattedSecond = -1
let formatted = ''

/** CloudTrail writes whole seconds. Thousands of records share one, so the last text is kept. */
function isoSecond(timeMs: number): string {
  const second = Math.floor(timeMs / 1000)
  if (second !== formattedSecond) {
    formatted = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`
    formattedSecond = second
  }
  return formatted
}

interface RecordedMember {
  readonly name: string
  readonly recordedName: string
  readonly shape: Shape
}

const recordedMembers = new WeakMap<Members, readonly RecordedMember[]>()

// These let their bearer act, whatever a table forgets to say.
const NEVER_RECORDED = new Set([
  'GrantToken',
  'GrantTokens',
  'SecretAccessKey',
  'SessionToken',
  'WebIdentityToken',
  'TokenCode',
  'AuthenticationCode1',
  'AuthenticationCode2',
  'Base32StringSeed',
  'QRCodePNG',
])

/**
 * The request parameters of a checked request, as CloudTrail writes them: names begin with a small letter; blobs,
 * sensitive members, tokens and what the table calls unrecorded are left out. Undefined when nothing is left.
 */
export function recordedParameters(
  members: Members,
  checked: Readonly<Record<string, unknown>>,
): object | undefined {
  let list = recordedMembers.get(members)
  if (list === undefined) {
    list = listRecorded(members)
    recordedMembers.set(members, list)
  }
  let parameters: Record<string, unknown> | undefined
  for (const { name, recordedName, shape } of list) {
    const value = checked[name]
    if (value === undefined) continue
    const recorded = recordedValue(shape, value)
    if (recorded !== undefined) (parameters ??= {})[recordedName] = recorded
  }
  return parameters
}

function listRecorded(members: Members): RecordedMember[] {
  return Object.entries(members)
    .filter(
      ([name, member]) => !NEVER_RECORDED.has(name) && member.unrecorded !== true && mayBeRecorded(member),
    )
    .map(([name, shape]) => ({ name, recordedName: lowerFirst(name), shape }))
}

function mayBeRecorded(shape: Shape): boolean {
  if (shape.type === 'blob') return false
  if (shape.type === 'string') return shape.sensitive !== true
  if (shape.type === 'list') return mayBeRecorded(shape.of)
  if (shape.type === 'map') return mayBeRecorded(shape.key) && mayBeRecorded(shape.value)
  return true
}

function recordedValue(shape: Shape, value: unknown): unknown {
  switch (shape.type) {
    case 'blob':
      return undefined
    case 'timestamp':
      return value instanceof Date ? value.toISOString() : undefined
    case 'list':
      return (value as readonly unknown[]).map((item) => recordedValue(shape.of, item) ?? {})
    case 'map':
      return recordedMap(value as ReadonlyMap<string, string>)
    case 'structure':
      return recordedParameters(shape.members, value as Readonly<Record<string, unknown>>)
    default:
      return value
  }
}

/**
 * `__proto__` is a name like any other, but assigning it would make no member. An object without a prototype would need no
 * exception, and V8 takes 2.5 µs instead of 0.7 to write a record that holds one (Node 26.10, 2026-11).
 */
function recordedMap(map: ReadonlyMap<string, string>): object {
  const copy: Record<string, string> = {}
  for (const [name, value] of map) {
    if (name === '__proto__') Object.defineProperty(copy, name, { value, enumerable: true })
    else copy[name] = value
  }
  return copy
}

/**
 * The answer of a write as CloudTrail writes it: what its shape calls bytes, sensitive or unrecorded is left out, at any
 * depth, and so is what the shape does not know; names begin with a small letter (AWS's own records say `aWSAccountId`).
 * Undefined when nothing is left. Never give it the answer of a cryptographic operation.
 */
export function recordedResponse(members: Members | null, answer: unknown): object | undefined {
  if (members === null || typeof answer !== 'object' || answer === null) return undefined
  return recordedParameters(members, answer as Readonly<Record<string, unknown>>)
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}
