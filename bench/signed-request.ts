import { createHmac, hash, randomBytes, randomUUID } from 'node:crypto'

/** Of the deployments that the bench makes and throws away. */
export const credentials = {
  accessKeyId: 'AKIABENCH00000000000',
  secretAccessKey: 'only-for-deployments-that-the-bench-makes',
} as const
export const region = 'us-east-1'
export const accountId = '000000000000'

/** Whoever signs: the root user, or a session. */
export interface Signer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

const host = '127.0.0.1:5567'
const userAgent = 'aws-sdk-js/3.1162.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#26.10.0 api/kms#3.1162.0'

// The headers that the AWS SDK for JavaScript signs, in the order that SigV4 wants.
const headersBefore =
  'amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-content-sha256;x-amz-date'
const headersAfter = 'x-amz-target;x-amz-user-agent'

/** Makes signed requests that are valid for five minutes from now. */
export function requestSigner(
  { accessKeyId, secretAccessKey, sessionToken }: Signer = credentials,
  nowMs = Date.now(),
): (operation: string, input: object) => Buffer {
  const signedToken = sessionToken === undefined ? '' : `x-amz-security-token:${sessionToken}\n`
  const sentToken = sessionToken === undefined ? '' : `x-amz-security-token: ${sessionToken}\r\n`
  const signedHeaders = `${headersBefore};${sessionToken === undefined ? '' : 'x-amz-security-token;'}${headersAfter}`
  const amzDate = `${new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
  const scope = `${amzDate.slice(0, 8)}/${region}/kms/aws4_request`
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`)
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest()

  return (operation, input) => {
    const body = JSON.stringify(input)
    const payloadHash = hash('sha256', body)
    const invocationId = randomUUID()
    const lengthBytes = Buffer.byteLength(body)
    const target = `TrentService.${operation}`
    const canonical =
      `POST\n/\n\namz-sdk-invocation-id:${invocationId}\namz-sdk-request:attempt=1; max=3\n` +
      `content-length:${lengthBytes}\ncontent-type:application/x-amz-json-1.1\nhost:${host}\n` +
      `x-amz-content-sha256:${payloadHash}\nx-amz-date:${amzDate}\n${signedToken}x-amz-target:${target}\n` +
      `x-amz-user-agent:${userAgent}\n\n${signedHeaders}\n${payloadHash}`
    const stringToSign = `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${hash('sha256', canonical)}`
    const signature = createHmac('sha256', key).update(stringToSign).digest('hex')
    return Buffer.from(
      `POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.1\r\nx-amz-target: ${target}\r\n` +
        `content-length: ${lengthBytes}\r\nhost: ${host}\r\nx-amz-user-agent: ${userAgent}\r\n` +
        `user-agent: ${userAgent}\r\namz-sdk-invocation-id: ${invocationId}\r\namz-sdk-request: attempt=1; max=3\r\n` +
        `x-amz-date: ${amzDate}\r\nx-amz-content-sha256: ${payloadHash}\r\n${sentToken}authorization: AWS4-HMAC-SHA256 ` +
        `Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}\r\n\r\n` +
        body,
    )
  }
}

/** An encryption context as applications use them: what for, and which record. */
export function newContext(): Record<string, string> {
  return { purpose: 'bench', record: randomUUID() }
}

/** Signs Encrypt requests over these keys in turn: another plaintext of 32 bytes and another context each. */
export function encryptRequests(keyIds: readonly string[], count: number, signer?: Signer): Buffer[] {
  const sign = requestSigner(signer)
  return Array.from({ length: count }, (_, index) =>
    sign('Encrypt', {
      KeyId: keyIds[index % keyIds.length],
      Plaintext: randomBytes(32).toString('base64'),
      EncryptionContext: newContext(),
    }),
  )
}
