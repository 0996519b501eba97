/** One row, id 1: what other deployments know this one by; `certificate` is PEM. */
export interface LinkIdentityRow {
  id: number
  certificate: string
  wrapped_key: Buffer
  wrapped_seed: Buffer
  created_at: number
  version: number
  mac: Buffer
}

/** Another deployment; `identity` is the file that its operator gave, `regions` JSON. */
export interface RegionLinkRow {
  deployment_id: string
  url: string
  identity: string
  regions: string
  created_at: number
  version: number
  mac: Buffer
}

/** Not authenticated: it is shown, and decides nothing. */
export interface RegionLinkStateRow {
  deployment_id: string
  seen_at: number | null
  failing_since: number | null
  failure: string | null
}

/** What one multi-Region set and one other deployment have told each other: see links/channels.ts. */
export interface LinkedSetRow {
  key_id: string
  deployment_id: string
  account_id: string
  /** Of our key that says what the set has in common; null while only the other side does. */
  region: string | null
  /** JSON: [number, digest] of what was lately sent, the newest last. */
  sent: string
  /** The hash of what the newest said. */
  sent_content: string | null
  acknowledged: number
  received: number
  received_digest: string | null
  /** JSON: Regions of ours whose replica is gone, which the other side was not told yet. */
  gone_regions: string | null
  due_at: number | null
  attempts: number
  trouble: string | null
  trouble_since: number | null
  version: number
  mac: Buffer
}

/** A replica that another deployment is to make; `tags` is JSON. */
export interface LinkedReplicaRow {
  key_id: string
  region: string
  deployment_id: string
  account_id: string
  policy: string
  description: string
  tags: string
  created_at: number
  version: number
  mac: Buffer
}

/** A primary key on its way to a Region of another deployment. */
export interface LinkedMoveRow {
  key_id: string
  account_id: string
  deployment_id: string
  from_region: string
  to_region: string
  phase: string
  started_at: number
  version: number
  mac: Buffer
}
