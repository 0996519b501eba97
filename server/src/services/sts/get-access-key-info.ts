import { requireAccess } from '../../identity/access.ts'
import { accountOfTemporaryKeyId } from '../../identity/session-tokens.ts'
import type { Operation } from './operation.ts'
import { StsError } from './sts-error.ts'

/** @see AWS STS API Reference, GetAccessKeyInfo */
export const getAccessKeyInfo: Operation<'GetAccessKeyInfo'> = async (request, { call, accessKeys }) => {
  const { caller, standing, facts } = call
  requireAccess(standing, facts, {
    action: 'sts:GetAccessKeyInfo',
    resource: { arn: '*', accountId: caller.accountId, kind: 'plain' },
  })
  const { AccessKeyId: accessKeyId } = request
  const account =
    accountOfTemporaryKeyId(accessKeyId) ?? (await accessKeys.read(accessKeyId))?.accessKey.accountId
  if (account === undefined) {
    throw new StsError('ValidationError', 'The specified value for accessKeyId is not valid.')
  }
  return { Account: account }
}
