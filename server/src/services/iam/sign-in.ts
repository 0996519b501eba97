import type { Members } from '../../shape.ts'
import { IamError } from './iam-error.ts'
import {
  boolean,
  listOf,
  pageInput,
  pageOutput,
  required,
  string,
  structure,
  timestamp,
  userName,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { callersName, requirePrincipal } from './principal-access.ts'

/**
 * What users of AWS can have beside access keys, and nobody has here: passwords for the console, SSH keys, signing
 * certificates, credentials of single services. Clients ask before they delete a user, and are told that there are none.
 */
export const operations: IamOperations = {
  GetLoginProfile: operation({
    input: { UserName: userName },
    output: { LoginProfile: required(structure({ UserName: string, CreateDate: timestamp })) },
    readOnly: true,
    async handler({ UserName }, context) {
      const name = UserName ?? callersName(context)
      await requirePrincipal(context, context.store.db, 'user', name, 'iam:GetLoginProfile')
      throw noLoginProfile(name)
    },
  }),

  DeleteLoginProfile: operation({
    input: { UserName: userName },
    output: null,
    async handler({ UserName }, context) {
      const name = UserName ?? callersName(context)
      await requirePrincipal(context, context.store.db, 'user', name, 'iam:DeleteLoginProfile')
      throw noLoginProfile(name)
    },
  }),

  ListSSHPublicKeys: none('ListSSHPublicKeys', 'SSHPublicKeys'),
  ListSigningCertificates: none('ListSigningCertificates', 'Certificates'),
  ListServiceSpecificCredentials: none('ListServiceSpecificCredentials', 'ServiceSpecificCredentials', {
    ServiceName: string,
    AllUsers: boolean,
  }),

  GetAccountPasswordPolicy: operation({
    input: {},
    output: { PasswordPolicy: required(structure({})) },
    readOnly: true,
    handler(_request, context) {
      const { accountId } = context
      context.authorize('iam:GetAccountPasswordPolicy', { arn: '*' })
      const text = `The Password Policy with domain name ${accountId} cannot be found.`
      return Promise.reject(new IamError('NoSuchEntity', text))
    },
  }),
}

function none(name: string, list: string, filters: Members = {}) {
  return operation({
    input: { UserName: userName, ...filters, ...pageInput },
    output: { [list]: listOf(structure({})), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { UserName } = request as { UserName?: string }
      const user = UserName ?? callersName(context)
      await requirePrincipal(context, context.store.db, 'user', user, `iam:${name}`)
      return { [list]: [], IsTruncated: false }
    },
  })
}

function noLoginProfile(name: string): IamError {
  return new IamError('NoSuchEntity', `Login Profile for User ${name} cannot be found.`)
}
