import { AwsError } from '../../aws-error.ts'

/** By the code on the wire: its HTTP status, when that is not 400. */
const statuses = {
  AccessDenied: 403,
  ExpiredTokenException: 400,
  IDPCommunicationError: 400,
  IDPRejectedClaim: 403,
  InvalidIdentityToken: 400,
  InvalidParameterValue: 400,
  MalformedPolicyDocument: 400,
  PackedPolicyTooLarge: 400,
  ValidationError: 400,
} as const

/** What AWS STS says. */
export class StsError extends AwsError {
  constructor(code: keyof typeof statuses, message: string) {
    super(code, message, statuses[code])
  }
}
