import { parseArn, partitionOf } from '../../arn.ts'
import type { AccessResource } from '../../identity/access.ts'
import { principalArn, type Principal } from '../../identity/principal.ts'
import type { StsContext } from './operation.ts'
import { StsError } from './sts-error.ts'

/** The role that is to be assumed. */
export interface AssumedRole {
  readonly accountId: string
  /** Undefined when there is no such role: then nothing allows, and the refusal is that of a role which trusts others. */
  readonly principal: Principal | undefined
  readonly resource: AccessResource
}

/**
 * Everything that the answer rests on is remembered, a name that nobody has included.
 *
 * @throws StsError ValidationError for what is not a role's ARN
 */
export async function findRole(roleArn: string, context: StsContext): Promise<AssumedRole> {
  const { call, principals, organizations } = context
  const { accountId, name } = parseRoleArn(roleArn)
  const { principalId } = call.use(await principals.idOf(accountId, 'role', name))
  const entry = principalId === undefined ? undefined : await principals.load(principalId)
  const found = entry && call.use(entry)
  const arnOfFound = found && principalArn(found.principal, partitionOf(call.region))
  const role = arnOfFound === roleArn ? found : undefined
  const limits = await organizations.load(accountId)
  for (const limit of limits.entries) call.use(limit)
  return {
    accountId,
    principal: role?.principal,
    resource: {
      arn: roleArn,
      accountId,
      kind: 'trust',
      policy: role?.trustPolicy,
      quarantine: role?.principal.quarantine?.reason,
      tags: role?.principal.tags,
      organization: limits,
    },
  }
}

function parseRoleArn(text: string): { accountId: string; name: string } {
  const arn = parseArn(text)
  const name = /^role\/(?:[\u0021-\u007E]+\/)?([\w+=,.@-]{1,64})$/.exec(arn?.resource ?? '')?.[1]
  if (arn?.service !== 'iam' || arn.region !== '' || !/^\d{12}$/.test(arn.accountId) || name === undefined) {
    throw new StsError('ValidationError', `${text} is invalid`)
  }
  return { accountId: arn.accountId, name }
}
