import { AwsError } from '../../aws-error.ts'

/** IAM's errors by their codes on the wire, with their HTTP statuses. */
const statuses = {
  NoSuchEntity: 404,
  EntityAlreadyExists: 409,
  DeleteConflict: 409,
  LimitExceeded: 409,
  ConcurrentModification: 409,
  MalformedPolicyDocument: 400,
  InvalidInput: 400,
  ValidationError: 400,
  UnmodifiableEntity: 400,
  InvalidAuthenticationCode: 403,
  EntityTemporarilyUnmodifiable: 409,
  PolicyEvaluation: 500,
} as const

export type IamErrorCode = keyof typeof statuses

/** An error of IAM as a client sees it. */
export class IamError extends AwsError {
  constructor(code: IamErrorCode, message: string) {
    super(code, message, statuses[code])
  }
}
