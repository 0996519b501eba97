import type { Members } from '../../shape.ts'
import { keyId, keyMetadata, tag } from './key-shapes.ts'

/**
 * The shapes of the operations on multi-Region keys, as AWS KMS publishes them (API version 2014-11-01, read 2026-11).
 *
 * @see shapes.ts, which they are a part of
 */
const region = {
  type: 'string',
  min: 1,
  max: 32,
  pattern: '^([a-z]+-){2,3}\\d+$',
  required: true,
} as const

export const multiRegionShapes = {
  ReplicateKey: {
    input: {
      KeyId: keyId,
      ReplicaRegion: region,
      Policy: { type: 'string', min: 1, max: 131072, pattern: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+' },
      BypassPolicyLockoutSafetyCheck: { type: 'boolean' },
      Description: { type: 'string', max: 8192 },
      Tags: { type: 'list', of: tag },
    },
    output: {
      ReplicaKeyMetadata: keyMetadata,
      ReplicaPolicy: { type: 'string' },
      ReplicaTags: { type: 'list', of: tag },
    },
  },
  UpdatePrimaryRegion: {
    input: { KeyId: keyId, PrimaryRegion: region },
    output: null,
  },
} as const satisfies Record<string, { input: Members; output: Members | null }>
