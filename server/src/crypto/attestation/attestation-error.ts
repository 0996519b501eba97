/** Why an attestation document is not accepted, in words for whoever sent it: nothing of ours is in them. */
export class AttestationError extends Error {
  override readonly name = 'AttestationError'
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
  }
}
