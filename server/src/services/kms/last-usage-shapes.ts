import type { Members, Shape } from '../../shape.ts'
import { enums } from './enums.ts'
import { keyId } from './key-shapes.ts'

/**
 * The shapes of the operation on the last use of a key, as AWS KMS publishes them (API version 2014-11-01, read 2026-11).
 *
 * @see shapes.ts, which they are a part of
 */
const keyLastUsageData = {
  type: 'structure',
  members: {
    Operation: { type: 'string', enum: enums.KeyLastUsageTrackingOperation },
    Timestamp: { type: 'timestamp' },
    CloudTrailEventId: { type: 'string' },
    KmsRequestId: { type: 'string' },
  },
} as const satisfies Shape

export const lastUsageShapes = {
  GetKeyLastUsage: {
    input: { KeyId: keyId },
    output: {
      KeyId: { type: 'string' },
      KeyLastUsage: keyLastUsageData,
      TrackingStartDate: { type: 'timestamp' },
      KeyCreationDate: { type: 'timestamp' },
    },
  },
} as const satisfies Record<string, { input: Members; output: Members | null }>
