import { cloudTrailRecord, type RecordFacts } from './record.ts'

type EventFacts = Pick<RecordFacts, 'clockMs' | 'operation'> &
  Partial<
    Pick<
      RecordFacts,
      | 'service'
      | 'readOnly'
      | 'response'
      | 'requestId'
      | 'serviceEventDetails'
      | 'additional'
      | 'changePosition'
      | 'eventType'
    >
  >

/**
 * What happens to a key without anybody's request: an event of AWS KMS itself, unless it says of which service.
 * @see CloudTrail User Guide, "AWS service events"
 */
export function serviceEvent(
  { accountId, region, arn }: { readonly accountId: string; readonly region: string; readonly arn: string },
  facts: EventFacts,
): { eventId: string; record: string } {
  return cloudTrailRecord({
    identity: { accountId, invokedBy: 'AWS Internal' },
    service: 'kms',
    region,
    accountId,
    sourceIp: 'AWS Internal',
    userAgent: 'AWS Internal',
    resources: [{ accountId, ARN: arn }],
    requestId: undefined,
    readOnly: false,
    eventType: 'AwsServiceEvent',
    ...facts,
  })
}
