import { KMS } from '@aws-sdk/client-kms'
import type { CreateKeyCommandInput } from '@aws-sdk/client-kms'
import type { Credentials, ServerProcess } from './server-process.ts'

/** The AWS SDK's client for a server. One attempt for each request: a test must see each answer. */
export function kmsClient(
  server: Pick<ServerProcess, 'url' | 'credentials'>,
  options: {
    region?: string
    credentials?: Credentials & { sessionToken?: string }
    /** The certificate authority to trust, in PEM. */
    ca?: string
    /** For a server whose clock is moved. */
    clockAheadMs?: number
  } = {},
): KMS {
  const kms = new KMS({
    endpoint: server.url,
    region: options.region ?? 'us-east-1',
    credentials: options.credentials ?? server.credentials,
    maxAttempts: 1,
    ...(options.ca !== undefined && { requestHandler: { httpsAgent: { ca: options.ca } } }),
  })
  if (options.clockAheadMs !== undefined) {
    // The SDK sets its clock by each answer's Date header, which Node writes from a clock that no test can move.
    Object.defineProperty(kms.config, 'systemClockOffset', { get: () => options.clockAheadMs, set: () => {} })
  }
  return kms
}

/** A new KMS key. */
export async function newKey(
  kms: KMS,
  request: CreateKeyCommandInput = {},
): Promise<{ readonly id: string; readonly arn: string }> {
  const { KeyMetadata } = await kms.createKey(request)
  if (KeyMetadata?.KeyId === undefined || KeyMetadata.Arn === undefined)
    throw new Error('a key without id or ARN')
  return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn }
}
