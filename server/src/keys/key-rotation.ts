const DAY_MS = 86_400_000

/** AWS's default, and what AWS managed keys have. */
export const DEFAULT_ROTATION_PERIOD_DAYS = 365

/** AWS's quota, which cannot be raised. */
export const ON_DEMAND_ROTATIONS_PER_KEY = 25

export type RotationType = 'AUTOMATIC' | 'ON_DEMAND'

/** That a key is rotated by itself, and when. */
export interface KeyRotation {
  readonly periodDays: number
  /** What the period counts from: when it was switched on, or the last automatic rotation. */
  readonly fromMs: number
}

export function nextRotationMs({ periodDays, fromMs }: KeyRotation): number {
  return fromMs + periodDays * DAY_MS
}
