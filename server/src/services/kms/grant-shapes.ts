import type { Members, Shape } from '../../shape.ts'
import { grantOperations } from '../../keys/grant-operations.ts'
import { marker, nextPage } from './key-shapes.ts'

/**
 * The shapes of the operations on grants, as AWS KMS publishes them (API version 2014-11-01, read 2026-11).
 *
 * @see shapes.ts, which they are a part of
 */
const keyId = { type: 'string', min: 1, max: 2048 } as const
const grantId = { type: 'string', min: 1, max: 128 } as const
const principal = { type: 'string', min: 1, max: 256, pattern: '^[\\w+=,.@:/-]+$' } as const
const servicePrincipal = {
  type: 'string',
  min: 1,
  max: 128,
  pattern: '^([A-Za-z0-9\\-]+)\\.([A-Za-z0-9\\-]+)(\\.[A-Za-z0-9\\-]+)+$',
} as const
const token = { type: 'string', min: 1, max: 8192 } as const
const name = { type: 'string', min: 1, max: 256, pattern: '^[a-zA-Z0-9:/_-]+$' } as const
const limit = { type: 'integer', min: 1, max: 1000 } as const
const contextMap = { type: 'map', key: { type: 'string' }, value: { type: 'string' } } as const
const operation = { type: 'string', enum: grantOperations } as const satisfies Shape

const constraints = {
  type: 'structure',
  members: {
    EncryptionContextSubset: contextMap,
    EncryptionContextEquals: contextMap,
    SourceArn: {
      type: 'string',
      min: 20,
      max: 512,
      pattern: '^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$',
    },
  },
} as const satisfies Shape

export const grantListEntry = {
  type: 'structure',
  members: {
    KeyId: keyId,
    GrantId: grantId,
    Name: name,
    CreationDate: { type: 'timestamp' },
    GranteePrincipal: principal,
    RetiringPrincipal: principal,
    IssuingAccount: principal,
    Operations: { type: 'list', of: operation },
    Constraints: constraints,
    GranteeServicePrincipal: servicePrincipal,
    RetiringServicePrincipal: servicePrincipal,
  },
} as const satisfies Shape

const grantList = {
  Grants: { type: 'list', of: grantListEntry },
  ...nextPage,
} as const satisfies Members

export const grantShapes = {
  CreateGrant: {
    input: {
      KeyId: { ...keyId, required: true },
      GranteePrincipal: principal,
      RetiringPrincipal: principal,
      Operations: { type: 'list', of: operation, required: true },
      Constraints: constraints,
      GrantTokens: { type: 'list', min: 0, max: 10, of: token, unrecorded: true },
      Name: name,
      DryRun: { type: 'boolean' },
      GranteeServicePrincipal: servicePrincipal,
      RetiringServicePrincipal: servicePrincipal,
    },
    output: {
      GrantToken: { ...token, unrecorded: true },
      GrantId: grantId,
    },
  },
  ListGrants: {
    input: {
      Limit: limit,
      Marker: marker,
      KeyId: { ...keyId, required: true },
      GrantId: grantId,
      GranteePrincipal: principal,
      GranteeServicePrincipal: servicePrincipal,
    },
    output: grantList,
  },
  ListRetirableGrants: {
    input: {
      Limit: limit,
      Marker: marker,
      RetiringPrincipal: principal,
      RetiringServicePrincipal: servicePrincipal,
    },
    output: grantList,
  },
  RetireGrant: {
    input: {
      GrantToken: { ...token, unrecorded: true },
      KeyId: keyId,
      GrantId: grantId,
      DryRun: { type: 'boolean' },
    },
    output: null,
  },
  RevokeGrant: {
    input: {
      KeyId: { ...keyId, required: true },
      GrantId: { ...grantId, required: true },
      DryRun: { type: 'boolean' },
    },
    output: null,
  },
} as const satisfies Record<string, { input: Members; output: Members | null }>
