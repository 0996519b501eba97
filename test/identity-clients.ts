import assert from 'node:assert/strict'
import { IAM } from '@aws-sdk/client-iam'
import { STS, type Credentials as IssuedCredentials } from '@aws-sdk/client-sts'
import type { Credentials, ServerProcess } from './server-process.ts'

export type AnyCredentials = Credentials & { readonly sessionToken?: string }

type Server = Pick<ServerProcess, 'url' | 'credentials'>

/** The AWS SDK's clients of STS and IAM for a server. One attempt for each request: a test must see each answer. */
export function stsClient(server: Server, credentials: AnyCredentials = server.credentials): STS {
  return new STS({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 })
}

export function iamClient(server: Server, credentials: AnyCredentials = server.credentials): IAM {
  return new IAM({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 })
}

/** Temporary credentials as a client is given them. */
export function sessionCredentials(issued: IssuedCredentials | undefined): Required<AnyCredentials> {
  assert.ok(issued?.AccessKeyId && issued.SecretAccessKey && issued.SessionToken)
  return {
    accessKeyId: issued.AccessKeyId,
    secretAccessKey: issued.SecretAccessKey,
    sessionToken: issued.SessionToken,
  }
}

/** A new user with an access key. */
export async function newUser(iam: IAM, UserName: string, policy?: object): Promise<Credentials> {
  await iam.createUser({ UserName })
  if (policy !== undefined) {
    await iam.putUserPolicy({ UserName, PolicyName: 'inline', PolicyDocument: JSON.stringify(policy) })
  }
  const { AccessKey } = await iam.createAccessKey({ UserName })
  assert.ok(AccessKey?.AccessKeyId && AccessKey.SecretAccessKey)
  return { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey }
}

export function policyOf(...Statement: object[]): object {
  return { Version: '2012-10-17', Statement }
}

/** A policy document as IAM's answers show it: URL-encoded. */
export function decodedDocument(document: string | undefined): unknown {
  return JSON.parse(decodeURIComponent(document ?? ''))
}

/** A call of the SDK is refused with this code, status and text. */
export async function assertRefusedWith(
  call: Promise<unknown>,
  code: string,
  httpStatus: number,
  text?: string | RegExp,
): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Error)
    const { $metadata, Code } = error as Error & { $metadata?: { httpStatusCode?: number }; Code?: string }
    // The SDK calls what its model knows by the model's name, and keeps the code as it was sent.
    assert.equal(Code ?? error.name, code, error.message)
    assert.equal($metadata?.httpStatusCode, httpStatus, error.message)
    if (typeof text === 'string') assert.equal(error.message, text)
    else if (text !== undefined) assert.match(error.message, text)
    return true
  })
}
