/** Why nothing came of an outgoing request. The text names no address that a name resolved to. */
export class EgressError extends Error {
  override readonly name = 'EgressError'
  readonly reason: EgressFailure

  constructor(reason: EgressFailure, options?: ErrorOptions) {
    super(texts[reason], options)
    this.reason = reason
  }
}

export type EgressFailure =
  /** Not an HTTPS URL, or one with a user name. */
  | 'url'
  /** Leads where outgoing connections are not allowed. */
  | 'forbidden'
  | 'unreachable'
  | 'certificate'
  | 'status'
  | 'too-large'
  | 'timeout'
  | 'busy'

const texts: Readonly<Record<EgressFailure, string>> = {
  url: 'Only HTTPS URLs without user name and password are fetched',
  forbidden: 'The host is not one that outgoing connections may lead to (egressAllow)',
  unreachable: 'The host cannot be reached',
  certificate: 'The certificate of the host is not trusted (egressCaFile)',
  status: 'The host did not answer with 200 OK; redirects are not followed',
  'too-large': 'The answer is longer than allowed',
  timeout: 'The host did not answer in time',
  busy: 'Too many outgoing requests are under way',
}
