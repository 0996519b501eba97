import type { Credentials, ServerProcess } from '../server-process.ts'
import { terminal, type Terminal } from './terminal.ts'

/** What `aws iam create-access-key` prints. */
export interface AccessKeyAnswer {
  readonly AccessKey: { readonly AccessKeyId: string; readonly SecretAccessKey: string }
}

export function issuedKey({ AccessKey }: AccessKeyAnswer): Credentials {
  return { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey }
}

/** Someone's own shell, with a new access key in it. */
export async function terminalOf(user: string, server: ServerProcess, admin: Terminal): Promise<Terminal> {
  const made = await admin.json<AccessKeyAnswer>(`aws iam create-access-key --user-name ${user}`)
  return terminal(server, { endpoint: server.url, credentials: issuedKey(made) })
}

/** What `aws sts assume-role` and `get-session-token` print. */
export interface SessionAnswer {
  readonly Credentials: {
    readonly AccessKeyId: string
    readonly SecretAccessKey: string
    readonly SessionToken: string
    readonly Expiration: string
  }
}

/** Temporary credentials as a shell has them. */
export function sessionOptions({ Credentials: issued }: SessionAnswer): {
  credentials: Credentials
  env: { AWS_SESSION_TOKEN: string }
} {
  return {
    credentials: { accessKeyId: issued.AccessKeyId, secretAccessKey: issued.SecretAccessKey },
    env: { AWS_SESSION_TOKEN: issued.SessionToken },
  }
}
