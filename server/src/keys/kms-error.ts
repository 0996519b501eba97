import { AwsError } from '../aws-error.ts'

/**
 * AWS KMS's errors, with the text that is sent when the place that throws has none of its own.
 * Every one of them is sent with HTTP 400, but for those of the service's own making (500).
 *
 * @see AWS KMS API Reference, "Errors" of each operation and "Common Errors"
 */
const defaultTexts = {
  AccessDeniedException: 'You are not authorized to perform this operation.',
  AlreadyExistsException: 'The resource already exists.',
  ConflictException: 'The request conflicts with another one that is under way.',
  CustomKeyStoreNotFoundException: 'The custom key store was not found.',
  DisabledException: 'The KMS key is disabled.',
  DryRunOperationException: 'The request would have succeeded, but the DryRun option is set.',
  ExpiredImportTokenException: 'The import token has expired. Use GetParametersForImport to get a new one.',
  IncorrectKeyException: 'The key ID in the request does not identify a CMK that can perform this operation.',
  // Which of the reasons it is must not be told of material that was sent.
  IncorrectKeyMaterialException: 'The key material in the request is invalid or does not meet expectations.',
  InvalidAliasNameException: 'The alias name is not valid.',
  InvalidArnException: 'The ARN is not valid.',
  // AWS sends no text: a message could tell what was wrong with the ciphertext.
  InvalidCiphertextException: '',
  InvalidGrantIdException: 'The grant ID is not valid.',
  InvalidGrantTokenException: 'The grant token is not valid.',
  InvalidImportTokenException: 'The import token is invalid or is not associated with this KMS key.',
  InvalidKeyUsageException: 'The KMS key cannot be used for this operation.',
  InvalidMarkerException: 'The marker is not valid.',
  KMSInternalException:
    'The request was rejected because an internal exception occurred. The request can be retried.',
  // As for ciphertexts: no text.
  KMSInvalidMacException: '',
  KMSInvalidSignatureException: '',
  KMSInvalidStateException: 'The state of the KMS key is not valid for this request.',
  KeyUnavailableException: 'The KMS key was not available. The request can be retried.',
  LimitExceededException: 'A quota was exceeded.',
  MalformedPolicyDocumentException: 'The policy document is not valid.',
  NotFoundException: 'The resource was not found.',
  TagException: 'The tags are not valid.',
  ThrottlingException:
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  UnsupportedOperationException: 'The operation is not supported for this resource.',
  ValidationException: 'The request is not valid.',
} as const

export type KmsErrorName = keyof typeof defaultTexts

const serverFaults: ReadonlySet<string> = new Set(['KMSInternalException', 'KeyUnavailableException'])

/** What AWS KMS would say. */
export class KmsError extends AwsError {
  constructor(name: KmsErrorName, message: string = defaultTexts[name], options?: ErrorOptions) {
    super(name, message, serverFaults.has(name) ? 500 : 400, options)
  }
}
