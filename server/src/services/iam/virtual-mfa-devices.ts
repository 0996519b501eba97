import { iamArn } from '../../arn.ts'
import type { MfaDevice, StoredMfaDevice } from '../../identity/mfa-devices.ts'
import { base32 } from '../../identity/base32.ts'
import type { Db } from '../../store/db.ts'
import { listedUser, tagList, tagsOf, tagsShape, userShape } from './answers.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import {
  listOf,
  pageInput,
  pageOutput,
  path,
  required,
  string,
  structure,
  tagKeys,
  tags,
  timestamp,
} from './members.ts'
import { enableDateOf, noSuchDevice, serialNumber, serialOf } from './mfa-device-answers.ts'
import { qrCodePng } from './mfa-qr-code.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageBounds, pageOf } from './paging.ts'
import { requireTags, withoutTags, withTags } from './tag-rules.ts'

const deviceName = { type: 'string', min: 1, max: 128, pattern: '[\\w+=,.@-]+' } as const
const virtualDevice = structure({
  SerialNumber: required(string),
  Base32StringSeed: { type: 'blob', sensitive: true },
  QRCodePNG: { type: 'blob', sensitive: true },
  User: userShape,
  EnableDate: timestamp,
  Tags: tagsShape,
})

/** Virtual MFA devices as resources of their own, which no user need have. */
export const operations: IamOperations = {
  CreateVirtualMFADevice: operation({
    input: { Path: path, VirtualMFADeviceName: required(deviceName), Tags: tags },
    output: { VirtualMFADevice: required(virtualDevice) },
    async handler(request, context) {
      const { accountId, partition, mfaDevices } = context
      const { Path: devicePath = '/', VirtualMFADeviceName: name } = request
      const requestTags = requireTags(request.Tags)
      const resource = `mfa${devicePath}${name}`
      const serial = iamArn({ partition, accountId, resource })
      return context.change(async (tx) => {
        context.authorize('iam:CreateVirtualMFADevice', { arn: serial }, { requestTags })
        if (requestTags.length > 0) context.authorize('iam:TagMFADevice', { arn: serial }, { requestTags })
        if ((await mfaDevices.read(tx.db, serial)) !== undefined) {
          throw new IamError(
            'EntityAlreadyExists',
            'MFADevice entity at the same path and name already exists.',
          )
        }
        const created = { serialNumber: serial, accountId, tags: requestTags }
        const { device, seed } = await mfaDevices.create(tx, created)
        const secret = base32(seed)
        seed.fill(0)
        return {
          VirtualMFADevice: {
            SerialNumber: serial,
            Base32StringSeed: Buffer.from(secret, 'latin1'),
            QRCodePNG: qrCodePng(otpauthUri(name, accountId, secret)),
            ...tagsOf(device.tags),
          },
        }
      })
    },
  }),

  DeleteVirtualMFADevice: operation({
    input: { SerialNumber: required(serialNumber) },
    output: null,
    handler: ({ SerialNumber }, context) =>
      context.change(async (tx) => {
        const stored = await requireTagged(context, tx.db, SerialNumber, 'iam:DeleteVirtualMFADevice')
        if (stored.device.principalId !== undefined) {
          throw new IamError('DeleteConflict', 'MFA VirtualDevice in use. Must deactivate first.')
        }
        await context.mfaDevices.remove(tx, stored)
        return undefined
      }),
  }),

  ListVirtualMFADevices: operation({
    input: {
      AssignmentStatus: { type: 'string', enum: ['Assigned', 'Unassigned', 'Any'] },
      ...pageInput,
    },
    output: { VirtualMFADevices: required(listOf(virtualDevice)), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { accountId, partition, mfaDevices, store } = context
      const { AssignmentStatus: asked = 'Any' } = request
      const all = iamArn({ partition, accountId, resource: 'mfa/' })
      context.authorize('iam:ListVirtualMFADevices', { arn: all })
      const { after, limit } = pageBounds(request)
      const which = { after, limit: limit + 1, ...(asked !== 'Any' && { assigned: asked === 'Assigned' }) }
      const page = pageOf(await mfaDevices.list(store.db, { accountId }, which), limit, serialOf)
      const devices: object[] = []
      for (const device of page.items) devices.push(await virtualDeviceAnswer(device, context))
      return { VirtualMFADevices: devices, ...page.rest }
    },
  }),

  TagMFADevice: operation({
    input: { SerialNumber: required(serialNumber), Tags: required(tags) },
    output: null,
    handler: (request, context) =>
      context.change(async (tx) => {
        const requestTags = requireTags(request.Tags)
        const more = { requestTags }
        const stored = await requireTagged(context, tx.db, request.SerialNumber, 'iam:TagMFADevice', more)
        await context.mfaDevices.setTags(tx, stored, withTags(stored.device.tags, requestTags))
        return undefined
      }),
  }),

  UntagMFADevice: operation({
    input: { SerialNumber: required(serialNumber), TagKeys: required(tagKeys) },
    output: null,
    handler: (request, context) =>
      context.change(async (tx) => {
        const more = { requestTagKeys: request.TagKeys }
        const stored = await requireTagged(context, tx.db, request.SerialNumber, 'iam:UntagMFADevice', more)
        await context.mfaDevices.setTags(tx, stored, withoutTags(stored.device.tags, request.TagKeys))
        return undefined
      }),
  }),

  ListMFADeviceTags: operation({
    input: { SerialNumber: required(serialNumber), ...pageInput },
    output: { Tags: required(tagsShape), ...pageOutput },
    readOnly: true,
    async handler({ SerialNumber }, context) {
      const { db } = context.store
      const { device } = await requireTagged(context, db, SerialNumber, 'iam:ListMFADeviceTags')
      return { Tags: tagList(device.tags), IsTruncated: false }
    },
  }),
}

/** The device, on which the action was authorized. @throws IamError NoSuchEntity */
async function requireTagged(
  context: IamContext,
  db: Db,
  serial: string,
  action: string,
  more: Parameters<IamContext['authorize']>[2] = {},
): Promise<StoredMfaDevice> {
  const found = await context.mfaDevices.read(db, serial)
  const own = found?.device.accountId === context.accountId ? found : undefined
  context.authorize(action, { arn: serial, tags: own?.device.tags }, more)
  if (own === undefined) throw noSuchDevice(serial)
  return own
}

async function virtualDeviceAnswer(device: MfaDevice, context: IamContext): Promise<object> {
  const { principals, store } = context
  const { principalId, serialNumber: SerialNumber } = device
  const user = principalId === undefined ? undefined : await principals.readById(store.db, principalId)
  return {
    SerialNumber,
    ...(user && { User: listedUser(user.principal, context) }),
    ...enableDateOf(device),
    ...tagsOf(device.tags),
  }
}

/** @see AWS IAM API Reference, VirtualMFADevice: what its QR code says */
function otpauthUri(name: string, accountId: string, secret: string): string {
  const issuer = 'Keywright'
  return `otpauth://totp/${issuer}:${encodeURIComponent(name)}@${accountId}?secret=${secret}&issuer=${issuer}`
}
