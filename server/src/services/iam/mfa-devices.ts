import type { StoredMfaDevice } from '../../identity/mfa-devices.ts'
import type { Db } from '../../store/db.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import { listOf, pageInput, pageOutput, required, string, structure, timestamp, userName } from './members.ts'
import { enableDateOf, noSuchDevice, serialNumber, serialOf } from './mfa-device-answers.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageBounds, pageOf, type PageRequest } from './paging.ts'
import { callersName, requirePrincipal } from './principal-access.ts'
import { quotaExceeded } from './quotas.ts'

const DEVICES_PER_USER = 8

const code = { type: 'string', min: 6, max: 6, pattern: '[\\d]+', sensitive: true } as const

/** The MFA devices of users, which decide about them. Those of a root user cannot be enabled by the API, as at AWS. */
export const operations: IamOperations = {
  EnableMFADevice: operation({
    input: {
      UserName: required(userName),
      SerialNumber: required(serialNumber),
      AuthenticationCode1: required(code),
      AuthenticationCode2: required(code),
    },
    output: null,
    handler: (request, context) =>
      context.change(async (tx) => {
        const { mfaDevices } = context
        const { UserName, SerialNumber, AuthenticationCode1, AuthenticationCode2 } = request
        const user = await requirePrincipal(context, tx.db, 'user', UserName, 'iam:EnableMFADevice')
        const { principalId } = user.principal
        const stored = await requireDevice(context, tx.db, SerialNumber)
        if (stored.device.principalId !== undefined) {
          throw new IamError('EntityAlreadyExists', 'MFA Device is already in use.')
        }
        if ((await mfaDevices.countOf(tx.db, principalId)) >= DEVICES_PER_USER) {
          throw quotaExceeded('MFADevicesPerUser', DEVICES_PER_USER)
        }
        const codes = [AuthenticationCode1, AuthenticationCode2] as const
        if (!(await mfaDevices.enable(tx, stored, principalId, codes))) throw invalidCode()
        return undefined
      }),
  }),

  DeactivateMFADevice: operation({
    input: { UserName: userName, SerialNumber: required(serialNumber) },
    output: null,
    handler: (request, context) =>
      context.change(async (tx) => {
        const name = request.UserName ?? callersName(context)
        const stored = await requireDeviceOf(
          context,
          tx.db,
          name,
          request.SerialNumber,
          'iam:DeactivateMFADevice',
        )
        await context.mfaDevices.deactivate(tx, stored)
        return undefined
      }),
  }),

  ResyncMFADevice: operation({
    input: {
      UserName: required(userName),
      SerialNumber: required(serialNumber),
      AuthenticationCode1: required(code),
      AuthenticationCode2: required(code),
    },
    output: null,
    handler: (request, context) =>
      context.change(async (tx) => {
        const { UserName, SerialNumber, AuthenticationCode1, AuthenticationCode2 } = request
        const stored = await requireDeviceOf(context, tx.db, UserName, SerialNumber, 'iam:ResyncMFADevice')
        const codes = [AuthenticationCode1, AuthenticationCode2] as const
        if (!(await context.mfaDevices.resync(tx, stored, codes))) throw invalidCode()
        return undefined
      }),
  }),

  ListMFADevices: operation({
    input: { UserName: userName, ...pageInput },
    output: {
      MFADevices: required(
        listOf(
          structure({
            UserName: required(string),
            SerialNumber: required(string),
            EnableDate: required(timestamp),
          }),
        ),
      ),
      ...pageOutput,
    },
    readOnly: true,
    handler: (request, context) => listOfUser(request.UserName ?? callersName(context), request, context),
  }),

  GetMFADevice: operation({
    input: { SerialNumber: required(serialNumber), UserName: userName },
    output: {
      UserName: string,
      SerialNumber: required(string),
      EnableDate: timestamp,
      // Of hardware; a virtual device has none.
      Certifications: { type: 'map', key: string, value: string },
    },
    readOnly: true,
    async handler(request, context) {
      const name = request.UserName ?? callersName(context)
      const { db } = context.store
      const { device } = await requireDeviceOf(context, db, name, request.SerialNumber, 'iam:GetMFADevice')
      return { UserName: name, SerialNumber: device.serialNumber, ...enableDateOf(device) }
    },
  }),
}

/** A device of a user on whom the action was authorized. @throws IamError NoSuchEntity */
async function requireDeviceOf(
  context: IamContext,
  db: Db,
  name: string,
  serial: string,
  action: string,
): Promise<StoredMfaDevice> {
  const { principal } = await requirePrincipal(context, db, 'user', name, action)
  const stored = await requireDevice(context, db, serial)
  if (stored.device.principalId !== principal.principalId) throw noSuchDevice(serial)
  return stored
}

/** A device of the caller's account; whether it may be touched was decided by its user. */
async function requireDevice(
  { accountId, mfaDevices }: IamContext,
  db: Db,
  serial: string,
): Promise<StoredMfaDevice> {
  const stored = await mfaDevices.read(db, serial)
  if (stored?.device.accountId !== accountId) throw noSuchDevice(serial)
  return stored
}

async function listOfUser(name: string, request: PageRequest, context: IamContext): Promise<object> {
  const { mfaDevices, store } = context
  const { principal } = await requirePrincipal(context, store.db, 'user', name, 'iam:ListMFADevices')
  const { after, limit } = pageBounds(request)
  const which = { after, limit: limit + 1 }
  const of = { principalId: principal.principalId }
  const page = pageOf(await mfaDevices.list(store.db, of, which), limit, serialOf)
  return {
    MFADevices: page.items.map((device) => ({
      UserName: principal.name,
      SerialNumber: device.serialNumber,
      ...enableDateOf(device),
    })),
    ...page.rest,
  }
}

function invalidCode(): IamError {
  return new IamError('InvalidAuthenticationCode', 'Authentication code for device is not valid.')
}
