import { parseArn } from '../arn.ts'
import type { PrincipalEntry } from './syntax.ts'

/** What one value under `AWS` in a Principal element names. */
export type PrincipalValue =
  | { readonly type: 'everyone' }
  /** Twelve digits, or the ARN of the account's root user: the account, and so everybody in it. */
  | { readonly type: 'account'; readonly accountId: string }
  | {
      readonly type: 'user' | 'role' | 'role-session' | 'federated-user'
      readonly arn: string
      readonly accountId: string
    }
  /** AIDA… or AROA…: what is left of an ARN when its user or role is gone. */
  | { readonly type: 'unique-id'; readonly id: string }

/** Undefined when no principal can be written so; part of a name is never a wildcard. */
export function readPrincipalValue(value: string): PrincipalValue | undefined {
  if (value === '*') return { type: 'everyone' }
  if (/^[0-9]{12}$/.test(value)) return { type: 'account', accountId: value }
  if (/^A[A-Z0-9]{15,127}$/.test(value)) return { type: 'unique-id', id: value }
  const arn = parseArn(value)
  if (arn === undefined || arn.region !== '' || !/^[0-9]{12}$/.test(arn.accountId)) return undefined
  if (!/^aws(-[a-z]+)*$/.test(arn.partition) || /[*?]/.test(arn.resource)) return undefined
  const { accountId, resource } = arn
  if (arn.service === 'iam') {
    if (resource === 'root') return { type: 'account', accountId }
    const [, kind] = /^(user|role)\/[\u0021-\u007e]+$/.exec(resource) ?? []
    if (kind === 'user' || kind === 'role') return { type: kind, arn: value, accountId }
  }
  if (arn.service === 'sts') {
    if (/^assumed-role\/[^/]+\/[^/]+$/.test(resource)) return { type: 'role-session', arn: value, accountId }
    if (/^federated-user\/[^/]+$/.test(resource)) return { type: 'federated-user', arn: value, accountId }
  }
  return undefined
}

/** Whether an entry of a Principal element is well formed; whether it exists is for others to say. */
export function isPrincipalEntry({ type, value }: PrincipalEntry): boolean {
  switch (type) {
    case 'AWS':
      return readPrincipalValue(value) !== undefined
    case 'Service':
      return /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(value)
    case 'Federated':
      return (
        /^arn:aws[a-z-]*:iam::[0-9]{12}:(oidc-provider|saml-provider)\/[^*?]+$/.test(value) ||
        /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(value)
      )
    case 'CanonicalUser':
      return /^[0-9a-f]{64}$/.test(value)
  }
}

/** Whether a principal can be deleted and made again under the same name. */
export function isBound(
  named: PrincipalValue,
): named is PrincipalValue & { readonly type: 'user' | 'role' | 'role-session' } {
  return named.type === 'user' || named.type === 'role' || named.type === 'role-session'
}
