import type { AwsError } from '../../aws-error.ts'
import { accessDenied, decideAccess, type AccessQuestion } from '../../identity/access.ts'
import type { OrganizationFacts } from '../../identity/organization-facts.ts'
import { actionBit } from '../../keys/grant-operations.ts'
import type { GrantMatch } from '../../keys/grants.ts'
import { aliasArn, type KeyReference } from '../../keys/key-reference.ts'
import { keyArn, type KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { Decision } from '../../policy/decision.ts'
import type { Call } from '../call.ts'
import type { KmsActionName } from './condition-keys.ts'
import { KmsConditions, type Asked, type KeyFacts } from './conditions.ts'
import type { KmsParts } from './parts.ts'

/** Stands for any key of an account, where an alias names none. */
export const ANY_KEY = '00000000-0000-0000-0000-000000000000'

/** What may be done to which key, as one request asks it. */
export interface KeyAction {
  readonly action: KmsActionName
  readonly asked: Asked
  /** The alias by which the request named the key. */
  readonly alias?: string | undefined
  /** Of the key's account, when it is not the caller's. */
  readonly organization?: OrganizationFacts | undefined
  /** What a refusal calls the key, when the request did not name it. */
  readonly onWhat?: string | undefined
}

export const onCiphertext = 'the resource associated with this ciphertext'
const noLimits: OrganizationFacts = { serviceControl: [], resourceControl: [], entries: [] }

/**
 * Asks what one caller may do, for the keys that `KeyAccess` finds, and words the refusals. A grant is looked for only
 * when no policy allows and none denies.
 */
export class KeyQuestions {
  readonly #call: Call
  readonly #parts: KmsParts
  readonly #accountId: string

  constructor(call: Call, parts: KmsParts) {
    this.#call = call
    this.#parts = parts
    this.#accountId = call.caller.accountId
  }

  /**
   * Throws what AWS says to a caller who may not do this to a key that it may know of.
   *
   * @returns nothing when that is clear at once, otherwise a promise to wait for
   */
  authorize(key: KmsKey, asking: KeyAction): undefined | Promise<void> {
    if (key.accountId === this.#accountId) this.#note(key)
    const question = this.#onKey(key, asking)
    const decision = this.#decide(question, key, asking.asked)
    if (decision instanceof Promise) {
      return decision.then((decided) => {
        this.#accept(decided, question, key)
      })
    }
    this.#accept(decision, question, key)
    return undefined
  }

  /**
   * The refusal of an action on another account's key, if it is refused: in the words used for a key that is not there,
   * unless the key policy lets the caller's account in.
   */
  async refusalOf(key: KmsKey, asking: KeyAction): Promise<AwsError | undefined> {
    const question = this.#onKey(key, asking)
    const decision = await this.#decide(question, key, asking.asked)
    if (!decision.allowed) return accessDenied(this.#call.standing, question, decision)
    this.#note(key)
    return undefined
  }

  /** What AWS says of a key or alias that is not there, or of which this caller must not learn whether it is. */
  unknown(reference: KeyReference, asking: KeyAction): AwsError {
    const { accountId, region } = reference
    const arn = keyArn(accountId, region, reference.form === 'key' ? reference.keyId : ANY_KEY)
    const question = { ...askedOf(asking), context: this.#conditions(asking, undefined) }
    if (accountId !== this.#accountId) {
      const { organization = noLimits } = asking
      return this.#refusal({ ...question, resource: { arn, accountId, kind: 'kms-key', organization } })
    }
    const alias = reference.form === 'alias' ? aliasArn(accountId, region, reference.name) : undefined
    const onWhat = alias && `resource: ${alias}`
    // A caller who could use a key of its account may learn that there is none.
    const own = { ...question, resource: { arn, accountId, kind: 'plain' }, onWhat } as const
    if (!this.#ask(own).allowed) return this.#refusal(own)
    return alias === undefined
      ? new KmsError('NotFoundException', `Key '${arn}' does not exist`)
      : new KmsError('NotFoundException', `Alias ${alias} is not found.`)
  }

  /** What AWS says of a ciphertext whose key is not there, or not this caller's business. */
  unknownCiphertext(keyId: string, asking: KeyAction): AwsError {
    // An account that is none: whose key it is, if there is one, must not show.
    const arn = keyArn(this.#accountId, this.#call.region, keyId)
    const resource = { arn, accountId: '', kind: 'kms-key', organization: noLimits } as const
    const context = this.#conditions(asking, undefined)
    return this.#refusal({ ...askedOf(asking), resource, context, onWhat: onCiphertext })
  }

  /** For what has no policy of its own: an alias, or the account, for the key that is about to be made in it. */
  requirePlain(arn: string, asking: KeyAction, key?: KeyFacts): void {
    const question = this.#onPlain(arn, asking, key)
    const decision = this.#ask(question)
    if (!decision.allowed) throw accessDenied(this.#call.standing, question, decision)
  }

  /** The same for a key that is about to be made, whose id nobody knows yet: the refusal names no resource. */
  requireOnNewKey(keyId: string, asking: KeyAction, key: KeyFacts): void {
    const question = this.#onPlain(keyArn(this.#accountId, this.#call.region, keyId), asking, key)
    const decision = this.#ask(question)
    if (decision.allowed) return
    const unnamed = { ...question, resource: { ...question.resource, arn: '*', accountId: undefined } }
    throw accessDenied(this.#call.standing, unnamed, decision)
  }

  /** Whether policies alone, without grants, allow it. */
  policiesAllow(key: KmsKey, asking: KeyAction): boolean {
    return this.#ask(this.#onKey(key, asking)).allowed
  }

  #onKey(key: KmsKey, asking: KeyAction): AccessQuestion {
    const { asked } = asking
    return {
      action: asking.action,
      resource: {
        arn: key.arn,
        accountId: key.accountId,
        kind: 'kms-key',
        policy: key.policy.compiled,
        quarantine: key.quarantine?.reason,
        awsManaged: key.manager === 'AWS',
        tags: key.tags,
        organization: asking.organization,
      },
      context: this.#conditions(asking, key),
      requestTags: asked.requestTags,
      requestTagKeys: asked.requestTagKeys,
      onWhat: asking.onWhat,
    }
  }

  #onPlain(arn: string, asking: KeyAction, key: KeyFacts | undefined): AccessQuestion {
    const resource = { arn, accountId: this.#accountId, kind: 'plain' } as const
    return { ...askedOf(asking), resource, context: this.#conditions(asking, key) }
  }

  #conditions({ action, asked, alias }: KeyAction, key: KeyFacts | undefined): KmsConditions {
    const { caller, region } = this.#call
    return new KmsConditions({ action, caller, region, asked, key, requestAlias: alias })
  }

  #ask(question: AccessQuestion): Decision {
    return decideAccess(this.#call.standing, this.#call.facts, question)
  }

  #decide(question: AccessQuestion, key: KmsKey, asked: Asked): Decision | Promise<Decision> {
    const decision = this.#ask(question)
    if (decision.allowed || !decision.couldBeGranted || actionBit(question.action) === 0) return decision
    const { principal, context } = this.#call.standing
    const sourceArn = context.get('aws:sourcearn')
    const match = this.#parts.grants.match(this.#call, {
      key,
      action: question.action,
      principal,
      encryptionContext: asked.encryptionContext,
      sourceArn: typeof sourceArn === 'string' ? sourceArn : undefined,
      newGrant: asked.newGrant,
    })
    if (match instanceof Promise) return match.then((found) => this.#granted(found, question, decision))
    return this.#granted(match, question, decision)
  }

  #granted(match: GrantMatch | undefined, question: AccessQuestion, decision: Decision): Decision {
    if (match === undefined) return decision
    // What is granted to an account, the account's administrators still have to give to its principals.
    if (match.grantee === 'account' && !this.#hasOwnPermission(question)) return decision
    const { grantId } = match
    const granted = this.#ask({ ...question, grant: { grantId, resourceArn: question.resource.arn } })
    if (granted.allowed) this.#call.audit.note({ grantId })
    return granted
  }

  /** Whether everything on the caller's own side allows it, as on a resource of its account that has no policy. */
  #hasOwnPermission({ resource, ...question }: AccessQuestion): boolean {
    const { arn, tags } = resource
    return this.#ask({ ...question, resource: { arn, accountId: this.#accountId, kind: 'plain', tags } })
      .allowed
  }

  #accept(decision: Decision, question: AccessQuestion, key: KmsKey): void {
    if (!decision.allowed) throw accessDenied(this.#call.standing, question, decision)
    this.#note(key)
  }

  /** The refusal of something that cannot be allowed. */
  #refusal(question: AccessQuestion): AwsError {
    const decision = this.#ask(question)
    if (decision.allowed) throw new Error(`${question.action} was allowed on a key that is not there`)
    return accessDenied(this.#call.standing, question, decision)
  }

  #note({ accountId, arn }: KmsKey): void {
    this.#call.audit.resource({ accountId, arn })
  }
}

/** What of a question follows from the request alone. */
function askedOf({
  action,
  asked,
}: KeyAction): Pick<AccessQuestion, 'action' | 'requestTags' | 'requestTagKeys'> {
  return { action, requestTags: asked.requestTags, requestTagKeys: asked.requestTagKeys }
}
