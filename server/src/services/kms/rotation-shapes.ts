import type { Members, Shape, StructureOf } from '../../shape.ts'
import { enums } from './enums.ts'
import { keyId, marker, nextPage } from './key-shapes.ts'

/**
 * The shapes of the operations on rotation, as AWS KMS publishes them (API version 2014-11-01, read 2026-11).
 *
 * @see shapes.ts, which they are a part of
 */

const rotationsListEntry = {
  type: 'structure',
  members: {
    KeyId: { type: 'string' },
    KeyMaterialId: { type: 'string' },
    KeyMaterialDescription: { type: 'string' },
    ImportState: { type: 'string', enum: enums.ImportState },
    KeyMaterialState: { type: 'string', enum: enums.KeyMaterialState },
    ExpirationModel: { type: 'string', enum: enums.ExpirationModelType },
    ValidTo: { type: 'timestamp' },
    RotationDate: { type: 'timestamp' },
    RotationType: { type: 'string', enum: enums.RotationType },
  },
} as const satisfies Shape

export type RotationsListEntry = StructureOf<typeof rotationsListEntry.members>

export const rotationShapes = {
  DisableKeyRotation: {
    input: { KeyId: keyId },
    output: null,
  },
  EnableKeyRotation: {
    input: {
      KeyId: keyId,
      RotationPeriodInDays: { type: 'integer', min: 90, max: 2560 },
    },
    output: null,
  },
  GetKeyRotationStatus: {
    input: {
      KeyId: keyId,
    },
    output: {
      KeyRotationEnabled: { type: 'boolean' },
      KeyId: { type: 'string' },
      RotationPeriodInDays: { type: 'integer' },
      NextRotationDate: { type: 'timestamp' },
      OnDemandRotationStartDate: { type: 'timestamp' },
    },
  },
  ListKeyRotations: {
    input: {
      KeyId: keyId,
      IncludeKeyMaterial: { type: 'string', enum: enums.IncludeKeyMaterial },
      Limit: { type: 'integer', min: 1, max: 1000 },
      Marker: marker,
    },
    output: {
      Rotations: { type: 'list', of: rotationsListEntry },
      ...nextPage,
    },
  },
  RotateKeyOnDemand: {
    input: { KeyId: keyId },
    output: { KeyId: { type: 'string' } },
  },
} as const satisfies Record<string, { input: Members; output: Members | null }>
