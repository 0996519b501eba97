import type { AuthenticatedTable } from '../authenticated-tables.ts'
import type { NewRow } from '../authenticated-rows.ts'

/** Two rows of each table, which differ in their primary key; one has values where the other has nulls. */
export const samples: { [T in AuthenticatedTable]: readonly [NewRow<T>, NewRow<T>] } = {
  deployment: [deployment(1), deployment(2)],
  accounts: [
    {
      account_id: '1',
      name: 'one',
      created_at: 1,
      account_alias: 'one',
      organization_path: 'o-a/r-b/',
      quarantine: '{}',
    },
    { account_id: '2', name: '', created_at: 2 },
  ],
  access_keys: [accessKey('AK1'), accessKey('AK2')],
  kms_keys: [
    kmsKey('k1', {
      deletion_at: 7,
      pending_window_days: 30,
      current_material_id: 'm',
      policy_bindings: '[["arn:aws:iam::1:user/u","AIDAU"]]',
      quarantine: '{"reason":"r","at":1,"by":"b"}',
    }),
    kmsKey('k2', { deletion_at: null, pending_window_days: null, current_material_id: null }),
  ],
  key_materials: [keyMaterial('m1'), keyMaterial('m2')],
  aliases: [alias('alias/a'), alias('alias/b')],
  principals: [
    principal('AIDA1', 'user'),
    {
      ...principal('AROA2', 'role'),
      description: 'words',
      boundary_arn: 'arn:aws:iam::1:policy/p',
      trust_policy: '{}',
      trust_bindings: '[]',
      max_session_seconds: 3600,
      quarantine: '{}',
    },
  ],
  managed_policies: [managedPolicy('p1'), { ...managedPolicy('p2'), description: 'words' }],
  instance_profiles: [instanceProfile('i1'), { ...instanceProfile('i2'), role_id: 'AROA2' }],
  mfa_devices: [mfaDevice('m1'), { ...mfaDevice('m2'), principal_id: 'AIDA1', enabled_at: 5, last_step: 6 }],
  oidc_providers: [oidcProvider('idp.example.com'), oidcProvider('other.example.com')],
  grants: [
    grant('g1'),
    {
      ...grant('g2'),
      name: 'n',
      retiring: 'arn:aws:iam::1:user/r',
      retiring_id: 'AIDA3',
      constraints: '{"equals":[["a","b"]]}',
      source_arn: 'arn:aws:s3:::b',
    },
  ],
  organization: [organization(1), organization(2)],
  organization_policies: [controlPolicy('p-1'), { ...controlPolicy('p-2'), description: 'words' }],
  service_principals: [servicePrincipal('s3.amazonaws.com'), servicePrincipal('ec2.amazonaws.com')],
  link_identity: [linkIdentity(1), linkIdentity(2)],
  region_links: [regionLink('one'), regionLink('other')],
  linked_sets: [
    linkedSet('k1'),
    {
      ...linkedSet('k2'),
      region: 'us-east-1',
      sent_content: 'c',
      received_digest: 'd',
      gone_regions: '["us-east-1"]',
      due_at: 4,
      trouble: 'words',
      trouble_since: 5,
    },
  ],
  linked_replicas: [linkedReplica('k1'), linkedReplica('k2')],
  linked_moves: [linkedMove('k1'), linkedMove('k2')],
  outbox: [
    { event_id: 'e1', position: 1, record: '{}', created_at: 1 },
    { event_id: 'e2', position: 2, record: '{"a":1}', created_at: 2 },
  ],
  journal_chains: [
    journalChain('c1', { closed_sequence: 4, closed_hash: 'ff', closed_reason: 'stopped' }),
    journalChain('c2', { closed_sequence: null, closed_hash: null, closed_reason: null }),
  ],
}

function deployment(id: number): NewRow<'deployment'> {
  return {
    id,
    deployment_id: 'd',
    format: 1,
    created_at: 1,
    dev_auth: 0,
    root_provider: 'file',
    root_key_id: `root-${id}`,
    root_descriptor: '{}',
    first_account_id: '000000000000',
  }
}

function accessKey(access_key_id: string): NewRow<'access_keys'> {
  return {
    access_key_id,
    account_id: '1',
    principal: 'root',
    status: 'Active',
    wrapped_secret: Buffer.from(`secret of ${access_key_id}`),
    created_at: 1,
  }
}

function kmsKey(
  key_id: string,
  rest: Pick<
    NewRow<'kms_keys'>,
    'deletion_at' | 'pending_window_days' | 'current_material_id' | 'policy_bindings' | 'quarantine'
  >,
): NewRow<'kms_keys'> {
  return {
    region: 'us-east-1',
    key_id,
    account_id: '1',
    state: 'Enabled',
    description: 'words',
    key_spec: 'SYMMETRIC_DEFAULT',
    key_usage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_KMS',
    multi_region: 0,
    key_manager: 'CUSTOMER',
    created_at: 1,
    policy: '{"Version":"2012-10-17"}',
    tags: '[]',
    ...rest,
  }
}

function keyMaterial(material_id: string): NewRow<'key_materials'> {
  return {
    region: 'us-east-1',
    key_id: 'k1',
    material_id,
    account_id: '1',
    domain_key_number: 1,
    wrapped: Buffer.from(`material ${material_id}`),
    created_at: 1,
  }
}

function alias(name: string): NewRow<'aliases'> {
  return {
    account_id: '1',
    region: 'us-east-1',
    name,
    key_id: `key of ${name}`,
    created_at: 1,
    updated_at: 2,
  }
}

function journalChain(
  chain_id: string,
  rest: Pick<NewRow<'journal_chains'>, 'closed_sequence' | 'closed_hash' | 'closed_reason'>,
): NewRow<'journal_chains'> {
  return { chain_id, node: 'n', started_at: 1, genesis_hash: 'aa', ...rest }
}

function principal(principal_id: string, kind: string): NewRow<'principals'> {
  return {
    principal_id,
    account_id: '1',
    kind,
    name: principal_id,
    name_key: principal_id.toLowerCase(),
    path: '/',
    created_at: 1,
    inline_policies: '[]',
    attached_policies: '[]',
    group_ids: '[]',
    tags: '[]',
  }
}

function managedPolicy(policy_id: string): NewRow<'managed_policies'> {
  return {
    policy_id,
    account_id: '1',
    arn: `arn:aws:iam::1:policy/${policy_id}`,
    name: policy_id,
    name_key: policy_id,
    path: '/',
    created_at: 1,
    updated_at: 2,
    default_version: 1,
    last_version: 3,
    versions: '[]',
    tags: '[]',
  }
}

function instanceProfile(profile_id: string): NewRow<'instance_profiles'> {
  return {
    profile_id,
    account_id: '1',
    name: profile_id,
    name_key: profile_id,
    path: '/',
    tags: '[]',
    created_at: 1,
  }
}

function mfaDevice(name: string): NewRow<'mfa_devices'> {
  return {
    serial_number: `arn:aws:iam::1:mfa/${name}`,
    account_id: '1',
    wrapped_seed: Buffer.from(`seed of ${name}`),
    tags: '[]',
    created_at: 1,
  }
}

function oidcProvider(url: string): NewRow<'oidc_providers'> {
  return {
    arn: `arn:aws:iam::1:oidc-provider/${url}`,
    account_id: '1',
    url,
    client_ids: '["a"]',
    thumbprints: '[]',
    tags: '[]',
    created_at: 1,
  }
}

function grant(grant_id: string): NewRow<'grants'> {
  return {
    region: 'us-east-1',
    key_id: 'k1',
    grant_id,
    account_id: '1',
    grantee: 'arn:aws:iam::1:user/u',
    grantee_id: 'AIDA1',
    issuing_account: '1',
    operations: '["Encrypt"]',
    created_at: 1,
  }
}

function organization(id: number): NewRow<'organization'> {
  return { id, organization_id: `o-${id}`, root_id: 'r-1', units: '[]', attachments: '[]', created_at: 1 }
}

function controlPolicy(policy_id: string): NewRow<'organization_policies'> {
  return {
    policy_id,
    type: 'service-control',
    name: policy_id,
    document: '{}',
    created_at: 1,
    updated_at: 2,
  }
}

function linkIdentity(id: number): NewRow<'link_identity'> {
  return {
    id,
    certificate: 'PEM',
    wrapped_key: Buffer.from('key'),
    wrapped_seed: Buffer.from('seed'),
    created_at: 1,
  }
}

function regionLink(deployment_id: string): NewRow<'region_links'> {
  return { deployment_id, url: 'https://a:1', identity: '{}', regions: '["us-east-1"]', created_at: 1 }
}

function linkedSet(key_id: string): NewRow<'linked_sets'> {
  return {
    key_id,
    deployment_id: 'one',
    account_id: '1',
    sent: '[[1,"a"]]',
    acknowledged: 1,
    received: 2,
    attempts: 3,
  }
}

function linkedReplica(key_id: string): NewRow<'linked_replicas'> {
  return {
    key_id,
    region: 'us-east-1',
    deployment_id: 'one',
    account_id: '1',
    policy: '{}',
    description: 'd',
    tags: '[["a","b"]]',
    created_at: 1,
  }
}

function linkedMove(key_id: string): NewRow<'linked_moves'> {
  return {
    key_id,
    account_id: '1',
    deployment_id: 'one',
    from_region: 'us-east-1',
    to_region: 'us-west-2',
    phase: 'PREPARING',
    started_at: 1,
  }
}

function servicePrincipal(name: string): NewRow<'service_principals'> {
  return { name, certificate_fingerprint: `fingerprint of ${name}`, certificate: 'PEM', created_at: 1 }
}
