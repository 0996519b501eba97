import { plainSession } from '../../identity/session.ts'
import type { Standing } from '../../identity/standing.ts'
import type { StoredMfaDevice } from '../../identity/mfa-devices.ts'
import type { Db } from '../../store/db.ts'
import type { Transition } from '../../store/store.ts'
import type { StsContext } from './operation.ts'
import { StsError } from './sts-error.ts'

/** A code of a device of the caller's, right when it was looked at, and not accepted yet. */
export interface SecondFactor {
  readonly serialNumber: string
  /** Accepts the code, so that no node accepts it again. @throws StsError when that has happened meanwhile */
  accept(tx: Transition): Promise<void>
}

const bothOrNone =
  'MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.'
const wrongDevice =
  'MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.'
const wrongCode = 'MultiFactorAuthentication failed with invalid MFA one time pass code.'

/**
 * The second factor that a request shows; undefined when it shows none. Devices belong to users and root users; a role
 * session has none.
 *
 * @throws StsError AccessDenied
 */
export async function checkSecondFactor(
  request: { readonly SerialNumber?: string; readonly TokenCode?: string },
  { call, store, mfaDevices, mfaAttempts }: StsContext,
): Promise<SecondFactor | undefined> {
  const { SerialNumber: serialNumber, TokenCode: code } = request
  if (serialNumber === undefined && code === undefined) return undefined
  if (serialNumber === undefined || code === undefined) throw new StsError('AccessDenied', bothOrNone)

  const { caller } = call
  const isOwn = (stored: StoredMfaDevice | undefined): stored is StoredMfaDevice =>
    stored?.device.principalId === caller.principalId && stored.device.accountId === caller.accountId
  const read = async (db: Db): Promise<StoredMfaDevice> => {
    const stored = await mfaDevices.read(db, serialNumber)
    if (!isOwn(stored)) throw new StsError('AccessDenied', wrongDevice)
    return stored
  }

  const stored = await read(store.db)
  // One that may not be tried is refused as a wrong one, right or not.
  if (!mfaAttempts.allows(serialNumber)) throw new StsError('AccessDenied', wrongCode)
  if (!mfaDevices.check(stored, code)) {
    mfaAttempts.failed(serialNumber)
    throw new StsError('AccessDenied', wrongCode)
  }
  return {
    serialNumber,
    async accept(tx) {
      if (!(await mfaDevices.accept(tx, await read(tx.db), code)))
        throw new StsError('AccessDenied', wrongCode)
      mfaAttempts.succeeded(serialNumber)
    },
  }
}

/** The standing of a caller that has just shown a second factor, for the decision about this request alone. */
export function withSecondFactor(standing: Standing, nowMs: number): Standing {
  const { caller, context } = standing
  const session = caller.session ?? plainSession({ issuedAtMs: 0, expiresAtMs: 0 })
  return {
    ...standing,
    caller: { ...caller, session: { ...session, mfaAtMs: nowMs } },
    context: { get: (key) => (key === 'aws:multifactorauthpresent' ? 'true' : context.get(key)) },
  }
}
