import { iamArn } from '../../arn.ts'
import { oidcProviderArn, type StoredOidcProvider } from '../../identity/oidc-providers.ts'
import type { Db } from '../../store/db.ts'
import { date, tagList, tagsShape } from './answers.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import {
  arn,
  listOf,
  pageInput,
  pageOutput,
  required,
  string,
  structure,
  tagKeys,
  tags,
  timestamp,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { quotaExceeded } from './quotas.ts'
import { requireTags, withoutTags, withTags } from './tag-rules.ts'

const PROVIDERS_PER_ACCOUNT = 100
const CLIENT_IDS_PER_PROVIDER = 100
const MOST_THUMBPRINTS = 5

const url = { type: 'string', min: 1, max: 255 } as const
const clientId = { type: 'string', min: 1, max: 255 } as const
const clientIds = { type: 'list', of: clientId } as const
const thumbprints = { type: 'list', of: { type: 'string', min: 40, max: 40 } } as const
const tagging = { OpenIDConnectProviderArn: required(arn) } as const

/**
 * OpenID Connect providers. Nothing is fetched when one is made: what decides whom its keys are fetched from are certificate
 * authorities, so thumbprints are kept and shown, and none are made up for a provider that names none.
 */
export const operations: IamOperations = {
  CreateOpenIDConnectProvider: operation({
    input: { Url: required(url), ClientIDList: clientIds, ThumbprintList: thumbprints, Tags: tags },
    output: { OpenIDConnectProviderArn: string, Tags: tagsShape },
    async handler(request, context) {
      const { accountId, oidcProviders } = context
      const address = requireUrl(request.Url)
      const requestTags = requireTags(request.Tags)
      const ids = [...new Set(request.ClientIDList)]
      requireClientIds(ids)
      const prints = requireThumbprints(request.ThumbprintList ?? [])
      const providerArn = oidcProviderArn(accountId, address, context.partition)
      return context.change(async (tx) => {
        context.authorize('iam:CreateOpenIDConnectProvider', { arn: providerArn }, { requestTags })
        if (requestTags.length > 0) {
          context.authorize('iam:TagOpenIDConnectProvider', { arn: providerArn }, { requestTags })
        }
        if ((await oidcProviders.read(tx.db, providerArn)) !== undefined) {
          throw new IamError('EntityAlreadyExists', `Provider with url ${request.Url} already exists.`)
        }
        if ((await oidcProviders.list(tx.db, accountId)).length >= PROVIDERS_PER_ACCOUNT) {
          throw quotaExceeded('OpenIdConnectProvidersPerAccount', PROVIDERS_PER_ACCOUNT)
        }
        await oidcProviders.create(tx, {
          arn: providerArn,
          accountId,
          url: address,
          clientIds: ids,
          thumbprints: prints,
          tags: requestTags,
        })
        return {
          OpenIDConnectProviderArn: providerArn,
          ...(requestTags.length > 0 && { Tags: tagList(requestTags) }),
        }
      })
    },
  }),

  GetOpenIDConnectProvider: operation({
    input: tagging,
    output: {
      Url: string,
      ClientIDList: listOf(string),
      ThumbprintList: listOf(string),
      CreateDate: timestamp,
      Tags: tagsShape,
    },
    readOnly: true,
    async handler({ OpenIDConnectProviderArn }, context) {
      const { db } = context.store
      const { provider } = await requireProvider(
        context,
        db,
        OpenIDConnectProviderArn,
        'iam:GetOpenIDConnectProvider',
      )
      return {
        Url: provider.url,
        ClientIDList: provider.clientIds,
        ThumbprintList: provider.thumbprints,
        CreateDate: date(provider.createdAtMs),
        ...(provider.tags.length > 0 && { Tags: tagList(provider.tags) }),
      }
    },
  }),

  ListOpenIDConnectProviders: operation({
    input: {},
    output: { OpenIDConnectProviderList: listOf(structure({ Arn: string })) },
    readOnly: true,
    async handler(_request, context) {
      const { accountId, oidcProviders, partition, store } = context
      const all = iamArn({ partition, accountId, resource: 'oidc-provider/*' })
      context.authorize('iam:ListOpenIDConnectProviders', { arn: all })
      const providers = await oidcProviders.list(store.db, accountId)
      return { OpenIDConnectProviderList: providers.map((provider) => ({ Arn: provider.arn })) }
    },
  }),

  DeleteOpenIDConnectProvider: operation({
    input: tagging,
    output: null,
    handler: ({ OpenIDConnectProviderArn }, context) =>
      context.change(async (tx) => {
        const action = 'iam:DeleteOpenIDConnectProvider'
        const stored = await requireProvider(context, tx.db, OpenIDConnectProviderArn, action)
        await context.oidcProviders.remove(tx, stored)
        return undefined
      }),
  }),

  UpdateOpenIDConnectProviderThumbprint: operation({
    input: { ...tagging, ThumbprintList: required(thumbprints) },
    output: null,
    handler: ({ OpenIDConnectProviderArn, ThumbprintList }, context) =>
      context.change(async (tx) => {
        const action = 'iam:UpdateOpenIDConnectProviderThumbprint'
        const stored = await requireProvider(context, tx.db, OpenIDConnectProviderArn, action)
        await context.oidcProviders.update(tx, stored, { thumbprints: requireThumbprints(ThumbprintList) })
        return undefined
      }),
  }),

  AddClientIDToOpenIDConnectProvider: operation({
    input: { ...tagging, ClientID: required(clientId) },
    output: null,
    handler: ({ OpenIDConnectProviderArn, ClientID }, context) =>
      context.change(async (tx) => {
        const action = 'iam:AddClientIDToOpenIDConnectProvider'
        const stored = await requireProvider(context, tx.db, OpenIDConnectProviderArn, action)
        const ids = [...new Set([...stored.provider.clientIds, ClientID])]
        requireClientIds(ids)
        await context.oidcProviders.update(tx, stored, { clientIds: ids })
        return undefined
      }),
  }),

  RemoveClientIDFromOpenIDConnectProvider: operation({
    input: { ...tagging, ClientID: required(clientId) },
    output: null,
    handler: ({ OpenIDConnectProviderArn, ClientID }, context) =>
      context.change(async (tx) => {
        const action = 'iam:RemoveClientIDFromOpenIDConnectProvider'
        const stored = await requireProvider(context, tx.db, OpenIDConnectProviderArn, action)
        const ids = stored.provider.clientIds.filter((known) => known !== ClientID)
        await context.oidcProviders.update(tx, stored, { clientIds: ids })
        return undefined
      }),
  }),

  TagOpenIDConnectProvider: operation({
    input: { ...tagging, Tags: required(tags) },
    output: null,
    handler: ({ OpenIDConnectProviderArn, Tags }, context) =>
      context.change(async (tx) => {
        const requestTags = requireTags(Tags)
        const action = 'iam:TagOpenIDConnectProvider'
        const stored = await requireProvider(context, tx.db, OpenIDConnectProviderArn, action, {
          requestTags,
        })
        await context.oidcProviders.update(tx, stored, {
          tags: withTags(stored.provider.tags, requestTags),
        })
        return undefined
      }),
  }),

  UntagOpenIDConnectProvider: operation({
    input: { ...tagging, TagKeys: required(tagKeys) },
    output: null,
    handler: ({ OpenIDConnectProviderArn, TagKeys }, context) =>
      context.change(async (tx) => {
        const action = 'iam:UntagOpenIDConnectProvider'
        const more = { requestTagKeys: TagKeys }
        const stored = await requireProvider(context, tx.db, OpenIDConnectProviderArn, action, more)
        await context.oidcProviders.update(tx, stored, { tags: withoutTags(stored.provider.tags, TagKeys) })
        return undefined
      }),
  }),

  ListOpenIDConnectProviderTags: operation({
    input: { ...tagging, ...pageInput },
    output: { Tags: required(tagsShape), ...pageOutput },
    readOnly: true,
    async handler({ OpenIDConnectProviderArn }, context) {
      const { db } = context.store
      const action = 'iam:ListOpenIDConnectProviderTags'
      const { provider } = await requireProvider(context, db, OpenIDConnectProviderArn, action)
      return { Tags: tagList(provider.tags), IsTruncated: false }
    },
  }),
}

/** The provider, on which the action was authorized. @throws IamError NoSuchEntity */
async function requireProvider(
  context: IamContext,
  db: Db,
  providerArn: string,
  action: string,
  more: Parameters<IamContext['authorize']>[2] = {},
): Promise<StoredOidcProvider> {
  const found = await context.oidcProviders.read(db, providerArn)
  const own = found?.provider.accountId === context.accountId ? found : undefined
  context.authorize(action, { arn: providerArn, tags: own?.provider.tags }, more)
  if (own === undefined) {
    throw new IamError('NoSuchEntity', `OpenIDConnect Provider not found for arn ${providerArn}`)
  }
  return own
}

// What may stand in an ARN and before a condition key, without query and fragment. AWS wants no port; issuers inside of a
// network often have one.
const urlPattern =
  /^https:\/\/([a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*(?::\d{1,5})?(?:\/[\w.~!$&'()*+,;=:@%/-]*)?)$/

/** The address without `https://`. @throws IamError ValidationError */
function requireUrl(text: string): string {
  const address = urlPattern.exec(text)?.[1]
  if (address === undefined || !URL.canParse(text)) {
    throw new IamError('ValidationError', 'Invalid Open ID Connect Provider URL')
  }
  return address
}

function requireClientIds(ids: readonly string[]): void {
  if (ids.length > CLIENT_IDS_PER_PROVIDER) {
    throw quotaExceeded('ClientIdsPerOpenIdConnectProvider', CLIENT_IDS_PER_PROVIDER)
  }
}

function requireThumbprints(prints: readonly string[]): readonly string[] {
  if (prints.length > MOST_THUMBPRINTS) {
    throw new IamError('InvalidInput', 'Thumbprint list must contain fewer than 5 entries.')
  }
  if (!prints.every((print) => /^[0-9a-fA-F]{40}$/.test(print))) {
    throw new IamError('InvalidInput', 'Invalid thumbprint: it has 40 hexadecimal digits.')
  }
  return prints.map((print) => print.toLowerCase())
}
