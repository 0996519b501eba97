import { formatArn, keyIdOf, parseArn, partitionOf } from '../arn.ts'
import { KmsError } from './kms-error.ts'

/** What a KeyId member names: a key, or an alias that names one. */
export type KeyReference =
  | { readonly form: 'key'; readonly accountId: string; readonly region: string; readonly keyId: string }
  | { readonly form: 'alias'; readonly accountId: string; readonly region: string; readonly name: string }

/** Where the request is made: bare ids and names belong to this account and Region. */
export interface RequestScope {
  readonly accountId: string
  readonly region: string
}

const keyIdPattern = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/
const aliasNamePattern = /^alias\/[a-zA-Z0-9/_-]{1,250}$/
const accountIdPattern = /^[0-9]{12}$/

/**
 * Reads a key id, key ARN, alias name or alias ARN. Operations on keys take the first two;
 * cryptographic ones and DescribeKey take all four.
 *
 * @param accepts what the operation takes
 * @param arnError what the operation answers to an ARN that is not one of a key: not all operations
 *   have InvalidArnException among their errors
 * @throws KmsError NotFoundException or InvalidArnException
 */
export function parseKeyReference(
  text: string,
  scope: RequestScope,
  accepts: 'key' | 'key-or-alias',
  arnError: 'InvalidArnException' | 'NotFoundException',
): KeyReference {
  if (keyIdPattern.test(text)) return { form: 'key', ...scopeOf(scope), keyId: text }
  if (accepts === 'key-or-alias' && aliasNamePattern.test(text)) {
    return { form: 'alias', ...scopeOf(scope), name: text }
  }
  if (!text.startsWith('arn:')) throw new KmsError('NotFoundException', `Invalid keyId '${text}'`)

  const arn = parseArn(text)
  if (arn === undefined || arn.service !== 'kms' || !accountIdPattern.test(arn.accountId)) {
    throw new KmsError(arnError, `Invalid arn ${text}`)
  }
  if (arn.region !== scope.region || arn.partition !== partitionOf(scope.region)) {
    throw new KmsError('NotFoundException', `Invalid arn ${arn.region}`)
  }
  const { region, accountId, resource } = arn
  const keyId = keyIdOf(arn)
  if (keyId !== undefined && keyIdPattern.test(keyId)) return { form: 'key', accountId, region, keyId }
  if (accepts === 'key-or-alias' && aliasNamePattern.test(resource)) {
    return { form: 'alias', accountId, region, name: resource }
  }
  throw new KmsError(arnError, `Invalid arn ${text}`)
}

export function aliasArn(accountId: string, region: string, name: string): string {
  return formatArn({ partition: partitionOf(region), service: 'kms', region, accountId, resource: name })
}

function scopeOf({ accountId, region }: RequestScope): RequestScope {
  return { accountId, region }
}
