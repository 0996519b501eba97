import { formatArn, parseArn, partitionOf } from '../../arn.ts'
import type { Call } from '../call.ts'
import { authorize, notFound, type AccessAnalyzerContext, type Operation } from './operation.ts'

/** Each account has one analyzer in each Region, always: its zone of trust is the account. */
const NAME = 'keywright'
const TYPE = 'ACCOUNT'

export const listAnalyzers: Operation<'ListAnalyzers'> = async ({ type }, context) => {
  authorize(context.call, 'access-analyzer:ListAnalyzers')
  return { analyzers: type === undefined || type === TYPE ? [await summary(context)] : [] }
}

export const getAnalyzer: Operation<'GetAnalyzer'> = async ({ analyzerName }, context) => {
  const { caller, region } = context.call
  authorize(context.call, 'access-analyzer:GetAnalyzer', arnOf(caller.accountId, region, analyzerName))
  if (analyzerName !== NAME) throw notFound(`Analyzer ${analyzerName} does not exist.`)
  return { analyzer: await summary(context) }
}

/**
 * The caller's analyzer of an ARN, for an action on it.
 * @throws AwsError AccessDeniedException, ResourceNotFoundException
 */
export function requireAnalyzer(call: Call, arn: string, action: string): void {
  const { caller, region } = call
  authorize(call, action, arn)
  const parts = parseArn(arn)
  if (parts?.accountId !== caller.accountId || arn !== arnOf(caller.accountId, region, NAME)) {
    throw notFound(`Analyzer ${arn} does not exist.`)
  }
}

function arnOf(accountId: string, region: string, name: string): string {
  return formatArn({
    partition: partitionOf(region),
    service: 'access-analyzer',
    region,
    accountId,
    resource: `analyzer/${name}`,
  })
}

async function summary({ call, accounts, now }: AccessAnalyzerContext): Promise<object> {
  const { caller, region } = call
  const account = await accounts.load(caller.accountId)
  return {
    arn: arnOf(caller.accountId, region, NAME),
    createdAt: new Date(account?.value.createdAtMs ?? now()).toISOString(),
    name: NAME,
    status: 'ACTIVE',
    tags: {},
    type: TYPE,
  }
}
