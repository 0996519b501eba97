/** The value of a condition key in a request: one, or the members of a multivalued key. */
export type ContextValue = string | readonly string[]

/**
 * Two names of the request differ only in case, so a condition key would mean both. A condition on it is
 * never satisfied in an Allow and always in a Deny.
 */
export const ambiguous: unique symbol = Symbol('ambiguous')

/** The condition keys of a request. Computed when asked for: most requests are decided by few of them. */
export interface RequestContext {
  /** @param key in lower case, such as `aws:principaltag/team` or `kms:encryptioncontext:purpose`; undefined when absent */
  get(key: string): ContextValue | typeof ambiguous | undefined
}

/** Who asks, as policies can name it. */
export type RequestPrincipal =
  | { readonly type: 'root'; readonly accountId: string; readonly arn: string }
  | { readonly type: 'user'; readonly accountId: string; readonly arn: string; readonly id: string }
  | {
      readonly type: 'assumed-role'
      readonly accountId: string
      /** Of the session: `arn:aws:sts::111122223333:assumed-role/Role/session`. */
      readonly arn: string
      readonly roleArn: string
      /** AROA… */
      readonly roleId: string
      readonly sessionName: string
    }
  /** Whoever presents a web identity token: `provider` is the ARN of the OIDC provider. */
  | { readonly type: 'federated'; readonly accountId: string; readonly provider: string }
  /** An AWS service of its own accord; it may have several names. */
  | { readonly type: 'service'; readonly names: readonly string[] }
  | { readonly type: 'anonymous' }

export interface PolicyRequest {
  /** Such as `kms:Decrypt`. */
  readonly action: string
  /** An ARN, or `*` for an action that is on no resource. */
  readonly resource: string
  readonly principal: RequestPrincipal
  readonly context: RequestContext
}
