import type { Tag } from '../../identity/principal.ts'
import type { Transition } from '../../store/store.ts'
import type { Db } from '../../store/db.ts'
import { tagList, tagsShape } from './answers.ts'
import type { IamContext, MoreKeys } from './iam-context.ts'
import { requireProfile } from './instance-profiles.ts'
import {
  arn,
  instanceProfileName,
  pageInput,
  pageOutput,
  required,
  roleName,
  tagKeys,
  tags,
  userName,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageWithin } from './paging.ts'
import { requireOwnPolicy } from './policies.ts'
import { requirePrincipal } from './principal-access.ts'
import { requireTags, withoutTags, withTags } from './tag-rules.ts'

/** Something that has tags, on which the action was authorized. */
interface Tagged {
  readonly tags: readonly Tag[]
  /** Of no use when the tags are only read. */
  set(tx: Transition, tags: readonly Tag[]): Promise<unknown>
}

type Find = (context: IamContext, db: Db, name: string, action: string, more?: MoreKeys) => Promise<Tagged>

const ofPrincipal =
  (kind: 'user' | 'role'): Find =>
  async (context, db, name, action, more) => {
    const stored = await requirePrincipal(context, db, kind, name, action, more)
    return {
      tags: stored.principal.tags,
      set: (tx, next) => context.principals.update(tx, stored, { tags: next }),
    }
  }

const ofPolicy: Find = async (context, db, policyArn, action, more) => {
  const stored = await requireOwnPolicy(context, db, policyArn, action, more)
  return {
    tags: stored.policy.tags,
    set: (tx, next) => context.managedPolicies.update(tx, stored, { tags: next }),
  }
}

const ofProfile: Find = async (context, db, name, action, more) => {
  const stored = await requireProfile(context, db, name, action, more)
  return {
    tags: stored.profile.tags,
    set: (tx, next) => context.instanceProfiles.update(tx, stored, { tags: next }),
  }
}

/** TagUser, UntagUser, ListUserTags, and the same for roles, policies and instance profiles. */
export const operations: IamOperations = {
  ...of('User', 'UserName', userName, ofPrincipal('user')),
  ...of('Role', 'RoleName', roleName, ofPrincipal('role')),
  ...of('Policy', 'PolicyArn', arn, ofPolicy),
  ...of('InstanceProfile', 'InstanceProfileName', instanceProfileName, ofProfile),
}

function of(
  Noun: string,
  member: string,
  name: typeof userName | typeof roleName | typeof arn | typeof instanceProfileName,
  find: Find,
): IamOperations {
  const nameInput = { [member]: required(name) }
  const nameIn = (request: object): string => (request as Record<string, string>)[member] ?? ''

  return {
    [`Tag${Noun}`]: operation({
      input: { ...nameInput, Tags: required(tags) },
      output: null,
      handler: (request, context) =>
        context.change(async (tx) => {
          const requestTags = requireTags(request.Tags)
          const tagged = await find(context, tx.db, nameIn(request), `iam:Tag${Noun}`, { requestTags })
          await tagged.set(tx, withTags(tagged.tags, requestTags))
          return undefined
        }),
    }),
    [`Untag${Noun}`]: operation({
      input: { ...nameInput, TagKeys: required(tagKeys) },
      output: null,
      handler: (request, context) =>
        context.change(async (tx) => {
          const { TagKeys: requestTagKeys } = request
          const tagged = await find(context, tx.db, nameIn(request), `iam:Untag${Noun}`, { requestTagKeys })
          await tagged.set(tx, withoutTags(tagged.tags, requestTagKeys))
          return undefined
        }),
    }),
    [`List${Noun}Tags`]: operation({
      input: { ...nameInput, ...pageInput },
      output: { Tags: required(tagsShape), ...pageOutput },
      readOnly: true,
      async handler(request, context) {
        const tagged = await find(context, context.store.db, nameIn(request), `iam:List${Noun}Tags`)
        // A marker has no room for every key, so it counts.
        const numbered = tagged.tags.map((tag, at) => ({ tag, number: String(at).padStart(2, '0') }))
        const page = pageWithin(numbered, request, ({ number }) => number)
        return { Tags: tagList(page.items.map(({ tag }) => tag)), ...page.rest }
      },
    }),
  }
}
