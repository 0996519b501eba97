export interface AccountRow {
  account_id: string
  name: string
  created_at: number
  account_alias: string | null
  /** `o-…/r-…/ou-…/`, the organization's id first; null outside of it. */
  organization_path: string | null
  /** Of the account's root user. JSON: {reason, at, by}. */
  quarantine: string | null
  version: number
  mac: Buffer
}

/**
 * `principal` is `root` or `user`; `user_id` is that user's unique id. A node of 0.1.0, which takes every access key for
 * its account's root user's, finds a row with a user unauthentic and refuses it.
 */
export interface AccessKeyRow {
  access_key_id: string
  account_id: string
  principal: string
  status: string
  wrapped_secret: Buffer
  created_at: number
  user_id: string | null
  version: number
  mac: Buffer
}

/**
 * A user, group or role: `kind`. JSON columns: inline_policies [[name, document]…], attached_policies [arn…], group_ids [id…]
 * (of a user), trust_bindings and policy_bindings {arn: unique id}, tags [[key, value]…], quarantine {reason, at, by}. `name_key` is the name in lower case.
 */
export interface PrincipalRow {
  principal_id: string
  account_id: string
  kind: string
  name: string
  name_key: string
  path: string
  created_at: number
  description: string | null
  inline_policies: string
  attached_policies: string
  group_ids: string
  boundary_arn: string | null
  trust_policy: string | null
  trust_bindings: string | null
  max_session_seconds: number | null
  tags: string
  quarantine: string | null
  version: number
  mac: Buffer
}

/** JSON: versions [{number, document, created_at}…], tags. */
export interface ManagedPolicyRow {
  policy_id: string
  account_id: string
  arn: string
  name: string
  name_key: string
  path: string
  description: string | null
  created_at: number
  updated_at: number
  default_version: number
  last_version: number
  versions: string
  tags: string
  version: number
  mac: Buffer
}

export interface InstanceProfileRow {
  profile_id: string
  account_id: string
  name: string
  name_key: string
  path: string
  role_id: string | null
  tags: string
  created_at: number
  version: number
  mac: Buffer
}

/** `last_step` is the newest time step (RFC 6238) of which a code was accepted. */
export interface MfaDeviceRow {
  serial_number: string
  account_id: string
  wrapped_seed: Buffer
  principal_id: string | null
  enabled_at: number | null
  last_step: number | null
  tags: string
  created_at: number
  version: number
  mac: Buffer
}

export interface OidcProviderRow {
  arn: string
  account_id: string
  url: string
  client_ids: string
  thumbprints: string
  tags: string
  created_at: number
  version: number
  mac: Buffer
}

/** One row, id 1. JSON: units [{id, name, parent}…], attachments [[target id, policy id]…]. */
export interface OrganizationRow {
  id: number
  organization_id: string
  root_id: string
  units: string
  attachments: string
  created_at: number
  version: number
  mac: Buffer
}

export interface OrganizationPolicyRow {
  policy_id: string
  type: string
  name: string
  description: string | null
  document: string
  created_at: number
  updated_at: number
  version: number
  mac: Buffer
}

/** A service beside this one; `certificate` is PEM, the fingerprint SHA-256 of its DER in hex. */
export interface ServicePrincipalRow {
  name: string
  certificate_fingerprint: string
  certificate: string
  created_at: number
  version: number
  mac: Buffer
}

/** Not authenticated: it is shown and decides nothing. */
export interface AccessKeyUseRow {
  access_key_id: string
  used_at: number
  region: string
  service: string
}

/** Not authenticated; see docs/security-model.md. */
export interface AcceptedOnceRow {
  digest: string
  expires_at: number
}
