import { dnsSuffixOf } from '../../arn.ts'
import type { Caller } from '../../identity/caller.ts'
import type { Tag } from '../../identity/principal.ts'
import type { GrantLimits } from '../../keys/grant-constraints.ts'
import { multiRegionType, type KmsKey } from '../../keys/key.ts'
import { ambiguous, type ContextValue, type RequestContext } from '../../policy/request.ts'
import { hasConditionKey, type ConditionKeyName, type KmsActionName } from './condition-keys.ts'

/** What a request says that policies and grants can go by. */
export interface Asked {
  readonly encryptionContext?: ReadonlyMap<string, string> | undefined
  readonly grantTokens?: readonly string[] | undefined
  /** The tags that it sets, and the tag keys that it takes away. */
  readonly requestTags?: readonly Tag[] | undefined
  readonly requestTagKeys?: readonly string[] | undefined
  /** What else has a condition key. */
  readonly values?: ConditionValues | undefined
  /** What has to be looked up of the key, once that is known; of management operations only. */
  readonly ofKey?: ((key: KmsKey) => Promise<ConditionValues>) | undefined
  /** Of CreateGrant: what the new grant would allow. */
  readonly newGrant?: GrantLimits | undefined
}

/** By condition key, in lower case. */
export type ConditionValues = {
  readonly [Key in Lowercase<ConditionKeyName> | AttestedRegister]?: ContextValue | undefined
}

type AttestedRegister = `kms:recipientattestation:${'pcr' | 'nitrotpmpcr'}${number}`

/** The key's side of a question; a key that is about to be made has no more. */
export type KeyFacts = Pick<KmsKey, 'region' | 'spec' | 'usage' | 'origin' | 'multiRegion' | 'aliasNames'>

interface ConditionSources {
  readonly action: KmsActionName
  readonly caller: Caller
  readonly region: string
  readonly asked: Asked
  /** Undefined for an action that is not on a key, or a key that is not there. */
  readonly key: KeyFacts | undefined
  /** The alias by which the request named the key, with its prefix. */
  readonly requestAlias: string | undefined
}

const encryptionContextPrefix = 'kms:encryptioncontext:'

/** The condition keys of AWS KMS for one question. Nothing is computed before a policy asks for it. */
export class KmsConditions implements RequestContext {
  readonly #sources: ConditionSources
  #contextValues: ReadonlyMap<string, string | typeof ambiguous> | undefined

  constructor(sources: ConditionSources) {
    this.#sources = sources
  }

  get(key: string): ContextValue | typeof ambiguous | undefined {
    const { action, asked, caller, key: kmsKey, region, requestAlias } = this.#sources
    if (!hasConditionKey(action, key)) return undefined
    if (key.startsWith(encryptionContextPrefix)) {
      this.#contextValues ??= byLoweredName(asked.encryptionContext)
      return this.#contextValues.get(key.slice(encryptionContextPrefix.length))
    }
    const given = asked.values?.[key as keyof ConditionValues]
    if (given !== undefined) return given
    switch (key) {
      case 'kms:calleraccount':
        return caller.type === 'AWSService' ? undefined : caller.accountId
      case 'kms:viaservice':
        return viaService(caller, region)
      case 'kms:grantisforawsresource':
        return String(caller.type === 'AWSService' || caller.session?.forwarded !== undefined)
      case 'kms:encryptioncontextkeys':
        return contextNames(asked.encryptionContext)
      case 'kms:requestalias':
        return requestAlias
      case 'kms:keyspec':
      case 'kms:customermasterkeyspec':
        return kmsKey?.spec
      case 'kms:keyusage':
      case 'kms:customermasterkeyusage':
        return kmsKey?.usage
      case 'kms:keyorigin':
        return kmsKey?.origin
      case 'kms:multiregion':
        return kmsKey && String(kmsKey.multiRegion !== undefined)
      case 'kms:multiregionkeytype':
        return kmsKey && multiRegionType(kmsKey)
      case 'kms:resourcealiases':
        return kmsKey === undefined || kmsKey.aliasNames.length === 0 ? undefined : kmsKey.aliasNames
      default:
        return undefined
    }
  }
}

const noValues: ReadonlyMap<string, string> = new Map()

/** Of names that differ only in case nobody can say which one a condition means. */
function contextNames(
  context: ReadonlyMap<string, string> | undefined,
): readonly string[] | typeof ambiguous | undefined {
  if (context === undefined || context.size === 0) return undefined
  const names = [...context.keys()]
  return new Set(names.map((name) => name.toLowerCase())).size === names.length ? names : ambiguous
}

/** Names in an encryption context know case, condition keys do not. */
function byLoweredName(
  context: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string | typeof ambiguous> {
  if (context === undefined || context.size === 0) return noValues
  const values = new Map<string, string | typeof ambiguous>()
  for (const [name, value] of context) {
    const lowered = name.toLowerCase()
    values.set(lowered, values.has(lowered) ? ambiguous : value)
  }
  return values
}

/** The service through which a user's request came last: `s3.us-east-1.amazonaws.com`. */
function viaService({ session }: Caller, region: string): string | undefined {
  const service = session?.forwarded?.services.at(-1)
  const withoutRegion = service && /^([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(service)
  return withoutRegion ? `${withoutRegion[1]}.${region}.${dnsSuffixOf(region)}` : service
}
