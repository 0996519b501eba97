import type { IssuedCredentials } from '../../identity/session-tokens.ts'

/** Temporary credentials as an answer has them. */
export function credentialsOf({ accessKeyId, secretAccessKey, sessionToken, expiration }: IssuedCredentials) {
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: expiration,
  }
}
