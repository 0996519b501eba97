import type { MfaDevice } from '../../identity/mfa-devices.ts'
import { date } from './answers.ts'
import { IamError } from './iam-error.ts'

/** What the operations on MFA devices say alike, whether by their user or on their own. */

export const serialNumber = { type: 'string', min: 9, max: 256, pattern: '[\\w+=/:,.@-]+' } as const

export function serialOf(device: MfaDevice): string {
  return device.serialNumber
}

export function enableDateOf({ enabledAtMs }: MfaDevice) {
  return enabledAtMs === undefined ? {} : { EnableDate: date(enabledAtMs) }
}

export function noSuchDevice(serial: string): IamError {
  return new IamError('NoSuchEntity', `VirtualMFADevice with serial number ${serial} doesn't exist.`)
}
