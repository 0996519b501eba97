/** What temporary credentials say about themselves; sealed in their session token. */
export interface SessionFacts {
  readonly issuedAtMs: number
  readonly expiresAtMs: number
  /** When the caller proved a second factor; undefined when it did not. */
  readonly mfaAtMs: number | undefined
  /** Of AssumeRole and AssumeRoleWithWebIdentity. */
  readonly role: { readonly roleId: string; readonly sessionName: string } | undefined
  /** Of GetSessionToken: the long-lived access key that asked for it. */
  readonly parentAccessKeyId: string | undefined
  readonly tags: readonly { readonly key: string; readonly value: string }[]
  readonly transitiveTagKeys: readonly string[]
  readonly sourceIdentity: string | undefined
  /** A role session that was assumed by a role session. */
  readonly chained: boolean
  /**
   * Whoever assumed the role, and whoever that was assumed by: unique ids of users and roles, account ids of root users. It
   * ends with each of them.
   */
  readonly assumedBy: readonly string[]
  /** Session policies: a document, and ARNs of managed policies. */
  readonly policy: string | undefined
  readonly policyArns: readonly string[]
  /** Of AssumeRoleWithWebIdentity. */
  readonly webIdentity:
    | { readonly providerArn: string; readonly subject: string; readonly audience: string }
    | undefined
  /** Of forward access: the services through which the user's request came, the newest last, and the certificate it is bound to. */
  readonly forwarded:
    | {
        readonly services: readonly string[]
        readonly certificateFingerprint: string
        /** The user signed with a long-lived access key, so policies see no session. */
        readonly ofLongLivedKey?: true
      }
    | undefined
}

/** A session from one moment to another, with nothing that only some sessions have. */
export function plainSession({
  issuedAtMs,
  expiresAtMs,
}: Pick<SessionFacts, 'issuedAtMs' | 'expiresAtMs'>): SessionFacts {
  return {
    issuedAtMs,
    expiresAtMs,
    mfaAtMs: undefined,
    role: undefined,
    parentAccessKeyId: undefined,
    tags: [],
    transitiveTagKeys: [],
    sourceIdentity: undefined,
    chained: false,
    assumedBy: [],
    policy: undefined,
    policyArns: [],
    webIdentity: undefined,
    forwarded: undefined,
  }
}

const ASSUMED_FOR_MS = 3_600_000

/** A session that was assumed just now, without anything that makes it less than its role. */
export function freshRoleSession(role: NonNullable<SessionFacts['role']>, nowMs: number): SessionFacts {
  return { ...plainSession({ issuedAtMs: nowMs, expiresAtMs: nowMs + ASSUMED_FOR_MS }), role }
}
