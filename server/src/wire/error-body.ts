import type { AwsError } from '../aws-error.ts'
import type { WireResponse } from './http-message.ts'

export const awsJsonContentType = 'application/x-amz-json-1.1'

/**
 * An error as AWS JSON 1.1 writes it. Without a text the `message` member is left out, as AWS does
 * (`{"__type":"InvalidCiphertextException"}`, seen in aws/aws-cli issue 1100).
 */
export function errorResponse(error: AwsError, requestId: string): WireResponse {
  const members =
    error.message === '' ? { __type: error.code } : { __type: error.code, message: error.message }
  return {
    status: error.httpStatus,
    contentType: awsJsonContentType,
    requestId,
    body: JSON.stringify(members),
  }
}
