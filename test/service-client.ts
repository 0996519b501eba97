import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { KMS } from '@aws-sdk/client-kms'
import { systemClock } from '../server/src/clock.ts'
import { prepareSelfSigned } from '../server/src/http/self-signed.ts'
import { createLog } from '../server/src/telemetry/log.ts'
import { temporaryFolder, type Credentials, type ServerProcess } from './server-process.ts'
import { signedRequest, type RawRequest } from './signed-request.ts'

/** What a service shows when it connects. */
export interface Certificate {
  readonly file: string
  readonly cert: string
  readonly key: string
}

/** What an exchange answers; or an error. */
export interface Issued extends Credentials {
  readonly sessionToken: string
  readonly expiration: string
  readonly code?: string
  readonly message?: string
}

export async function newCertificate(): Promise<Certificate> {
  const { certFile, keyFile } = await prepareSelfSigned(
    { directory: temporaryFolder(), names: ['localhost'] },
    { clock: systemClock, log: createLog({ level: 'silent', destination: 2 }) },
  )
  return { file: certFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
}

/** A request that the user signed for a service (S3, if nothing is said), as that service shows it. */
export function shownRequest(
  { credentials }: Pick<ServerProcess, 'credentials'>,
  raw: Partial<RawRequest> = {},
) {
  const path = raw.path ?? '/a%20b/object?x-id=PutObject'
  const method = raw.method ?? 'PUT'
  const { headers, body } = signedRequest(
    { url: 'https://bucket.example', credentials },
    {
      service: 's3',
      target: null,
      body: 'content',
      ...raw,
      method,
      path,
      // As every SDK sends it: two requests of one second are two requests.
      headers: { 'amz-sdk-invocation-id': randomUUID(), ...raw.headers },
    },
  )
  return {
    method,
    target: path,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    bodySha256: createHash('sha256').update(body).digest('hex'),
  }
}

/** Posts to a listener for services, with a client certificate or without one. */
export function postAs(
  url: URL,
  body: object | string,
  { ca, as }: { ca: string; as: Certificate | undefined },
): Promise<{ status: number; body: Issued }> {
  return new Promise((resolve, reject) => {
    const client = as && { cert: as.cert, key: as.key }
    const request = httpsRequest(url, { method: 'POST', ca, agent: false, ...client }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece: string) => (text += piece))
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as Issued })
      })
    })
    request.on('error', reject)
    request.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

/** The SDK of a service: over the services' listener, with the service's certificate. */
export function serviceClient(
  endpoint: string,
  { accessKeyId, secretAccessKey, sessionToken }: Credentials & { sessionToken?: string },
  { ca, as, region = 'us-east-1' }: { ca: string; as: Certificate; region?: string },
): KMS {
  return new KMS({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    maxAttempts: 1,
    requestHandler: { httpsAgent: { ca, cert: as.cert, key: as.key } },
  })
}
