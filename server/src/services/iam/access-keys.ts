import { newAccessKeyId, newSecretAccessKey, type StoredAccessKey } from '../../identity/access-keys.ts'
import { principalArn } from '../../identity/principal.ts'
import type { Db } from '../../store/db.ts'
import { date } from './answers.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import {
  accessKeyId,
  listOf,
  pageInput,
  pageOutput,
  required,
  status,
  string,
  structure,
  timestamp,
  userName,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageWithin } from './paging.ts'
import { callersName, requirePrincipal } from './principal-access.ts'
import { requireRoom } from './quotas.ts'

/** Access keys of users, and of the root user for itself. */
export const operations: IamOperations = {
  CreateAccessKey: operation({
    input: { UserName: userName },
    output: {
      AccessKey: required(
        structure({
          UserName: string,
          AccessKeyId: string,
          Status: string,
          SecretAccessKey: { type: 'string', sensitive: true },
          CreateDate: timestamp,
        }),
      ),
    },
    handler: ({ UserName }, context) =>
      context.change(async (tx) => {
        const { accessKeys, accountId, random } = context
        const owner = await requireOwner(context, tx.db, UserName, 'iam:CreateAccessKey')
        const { principal } = owner
        requireRoom('AccessKeysPerUser', (await accessKeys.listOf(tx.db, accountId, principal)).length)
        const secretAccessKey = newSecretAccessKey(random)
        const created = await accessKeys.create(tx, {
          accountId,
          principal,
          accessKeyId: newAccessKeyId(random),
          secretAccessKey,
        })
        return {
          AccessKey: {
            UserName: owner.name,
            AccessKeyId: created.accessKeyId,
            Status: created.status,
            SecretAccessKey: secretAccessKey,
            CreateDate: date(created.createdAtMs),
          },
        }
      }),
  }),

  ListAccessKeys: operation({
    input: { UserName: userName, ...pageInput },
    output: {
      AccessKeyMetadata: required(
        listOf(structure({ UserName: string, AccessKeyId: string, Status: string, CreateDate: timestamp })),
      ),
      ...pageOutput,
    },
    readOnly: true,
    async handler(request, context) {
      const { accessKeys, accountId, store } = context
      const owner = await requireOwner(context, store.db, request.UserName, 'iam:ListAccessKeys')
      const found = await accessKeys.listOf(store.db, accountId, owner.principal)
      const page = pageWithin(found, request, ({ accessKey }) => accessKey.accessKeyId)
      return {
        AccessKeyMetadata: page.items.map(({ accessKey }) => ({
          UserName: owner.name,
          AccessKeyId: accessKey.accessKeyId,
          Status: accessKey.status,
          CreateDate: date(accessKey.createdAtMs),
        })),
        ...page.rest,
      }
    },
  }),

  UpdateAccessKey: operation({
    input: { UserName: userName, AccessKeyId: required(accessKeyId), Status: required(status) },
    output: null,
    handler: ({ UserName, AccessKeyId, Status }, context) =>
      context.change(async (tx) => {
        const owner = await requireOwner(context, tx.db, UserName, 'iam:UpdateAccessKey')
        const stored = await requireKeyOf(context, tx.db, owner, AccessKeyId)
        await context.accessKeys.setStatus(tx, stored, Status)
        return undefined
      }),
  }),

  DeleteAccessKey: operation({
    input: { UserName: userName, AccessKeyId: required(accessKeyId) },
    output: null,
    handler: ({ UserName, AccessKeyId }, context) =>
      context.change(async (tx) => {
        const owner = await requireOwner(context, tx.db, UserName, 'iam:DeleteAccessKey')
        const stored = await requireKeyOf(context, tx.db, owner, AccessKeyId)
        await context.accessKeys.remove(tx, stored)
        await context.accessKeyUses.remove(tx, AccessKeyId)
        return undefined
      }),
  }),

  GetAccessKeyLastUsed: operation({
    input: { AccessKeyId: required(accessKeyId) },
    output: {
      UserName: string,
      AccessKeyLastUsed: structure({ LastUsedDate: timestamp, ServiceName: string, Region: string }),
    },
    readOnly: true,
    async handler({ AccessKeyId }, context) {
      const { accessKeys, accessKeyUses, accountId, partition, principals, store } = context
      const stored = await accessKeys.read(AccessKeyId)
      const owner =
        stored?.accessKey.accountId === accountId
          ? await principals.readById(store.db, stored.accessKey.principal)
          : undefined
      const arn = owner ? principalArn(owner.principal, partition) : `access key ${AccessKeyId}`
      context.authorize('iam:GetAccessKeyLastUsed', { arn })
      if (stored === undefined || stored.accessKey.accountId !== accountId) throw noSuchKey(AccessKeyId)
      const use = await accessKeyUses.find(AccessKeyId)
      return {
        ...(owner && { UserName: owner.principal.name }),
        AccessKeyLastUsed:
          use === undefined
            ? { ServiceName: 'N/A', Region: 'N/A' }
            : { LastUsedDate: date(use.usedAtMs), ServiceName: use.service, Region: use.region },
      }
    },
  }),
}

/** Whose access keys they are. */
interface Owner {
  /** `root`, or the unique id of a user. */
  readonly principal: string
  /** Undefined of the root user. */
  readonly name: string | undefined
}

/** The user that is named, or the caller itself. */
async function requireOwner(
  context: IamContext,
  db: Db,
  name: string | undefined,
  action: string,
): Promise<Owner> {
  const { caller } = context.call
  if (name === undefined && caller.type === 'Root') {
    context.authorize(action, { arn: caller.arn })
    return { principal: 'root', name: undefined }
  }
  const { principal } = await requirePrincipal(context, db, 'user', name ?? callersName(context), action)
  return { principal: principal.principalId, name: principal.name }
}

async function requireKeyOf(
  { accessKeys, accountId }: IamContext,
  db: Db,
  { principal }: Owner,
  id: string,
): Promise<StoredAccessKey> {
  const stored = await accessKeys.read(id, db)
  const { accessKey } = stored ?? {}
  if (stored === undefined || accessKey?.accountId !== accountId || accessKey.principal !== principal) {
    throw noSuchKey(id)
  }
  return stored
}

function noSuchKey(id: string): IamError {
  return new IamError('NoSuchEntity', `The Access Key with id ${id} cannot be found.`)
}
