import type { Db } from '../../store/db.ts'
import type { OrganizationFacts } from '../../identity/organization-facts.ts'
import type { StoredAlias } from '../../keys/aliases.ts'
import { aliasArn, parseKeyReference, type KeyReference } from '../../keys/key-reference.ts'
import { keyArn, type KmsKey, type StoredKey } from '../../keys/key.ts'
import type { LoadedKey } from '../../keys/keys.ts'
import { asOf } from '../../keys/usable.ts'
import type { CacheEntry } from '../../store/coherent-cache.ts'
import { callInRegion, type Call } from '../call.ts'
import { ensureAwsManagedKey } from './aws-managed-key.ts'
import { actions, type KmsActionName } from './condition-keys.ts'
import type { Asked, KeyFacts } from './conditions.ts'
import { ANY_KEY, KeyQuestions, onCiphertext, type KeyAction } from './key-questions.ts'
import type { KmsParts } from './parts.ts'

export interface ManagementRules {
  /** The error for an ARN that is not a key's; some operations do not have InvalidArnException. */
  readonly arnError?: 'InvalidArnException' | 'NotFoundException'
}

const nothing: Asked = {}
/** Actions whose requests can name another account's key by its id alone, as its ciphertexts do. */
const openToBareIds: ReadonlySet<KmsActionName> = new Set(['kms:Decrypt', 'kms:ReEncryptFrom'])

/**
 * Keys as one caller may see them. Each function finds the key, or the error that AWS gives to this caller for one that
 * it may not know of, and has authorized the action when it returns: no operation can hold a key that its caller may
 * not use.
 *
 * What is cached is given without a promise. To a caller of another account a key that it may not use and one that is
 * not there look alike, down to what is read from the store.
 */
export class KeyAccess {
  readonly #call: Call
  readonly #parts: KmsParts
  readonly #questions: KeyQuestions
  readonly #accountId: string
  readonly #region: string

  constructor(call: Call, parts: KmsParts) {
    this.#call = call
    this.#parts = parts
    this.#questions = new KeyQuestions(call, parts)
    this.#accountId = call.caller.accountId
    this.#region = call.region
  }

  /** For cryptographic operations: any of the four forms of a key identifier; from the cache. */
  forUse(
    keyId: string,
    action: KmsActionName,
    asked: Asked = nothing,
    arnError?: ManagementRules['arnError'],
  ): LoadedKey | Promise<LoadedKey> {
    this.#parts.grants.requireTokens(asked.grantTokens)
    const reference = this.#parse(keyId, 'key-or-alias', arnError)
    const asking: KeyAction = { action, asked, alias: aliasOf(reference) }
    if (reference.accountId !== this.#accountId) return this.#ofAnotherAccount(reference, asking)
    const cached = this.#cached(reference)
    if (cached === undefined) return this.#load(reference, asking, !keyId.startsWith('arn:'))
    return this.#authorized(cached, asking)
  }

  /** The form of an identifier alone; for an operation that names two keys, before it looks for the first. */
  requireForm(keyId: string): void {
    this.#parse(keyId)
  }

  /** The same for an operation on aliases, which takes a key id or key ARN. */
  requireKeyForm(keyId: string, rules: ManagementRules): void {
    this.#parse(keyId, 'key', rules.arnError)
  }

  /** Whether two identifiers name one key; for a condition on both, so nothing is authorized and nothing told. */
  async areSame(one: string, other: string): Promise<boolean> {
    const [first, second] = [await this.#idOf(this.#parse(one)), await this.#idOf(this.#parse(other))]
    return first !== undefined && first === second
  }

  /** The key that a ciphertext names, when the request names none. It may be another account's. */
  forCiphertext(
    keyId: string,
    action: KmsActionName,
    asked: Asked = nothing,
  ): LoadedKey | Promise<LoadedKey> {
    this.#parts.grants.requireTokens(asked.grantTokens)
    const asking: KeyAction = { action, asked, onWhat: onCiphertext }
    const entry = this.#parts.keys.find(this.#region, keyId)
    if (entry?.value.key.accountId !== this.#accountId) return this.#ofCiphertext(keyId, asking)
    return this.#authorized(this.#use(entry), asking)
  }

  /** For DescribeKey: any of the four forms, always from the store. */
  async toDescribe(keyId: string, action: KmsActionName, asked: Asked = nothing): Promise<KmsKey> {
    this.#parts.grants.requireTokens(asked.grantTokens)
    const reference = this.#parse(keyId, 'key-or-alias', 'InvalidArnException')
    if (reference.form === 'alias') await ensureAwsManagedKey(this.#call, this.#parts, reference)
    return (await this.#stored(this.#parts.store.db, reference, { action, asked, alias: aliasOf(reference) }))
      .key
  }

  /** For management: a key id or key ARN, always from the store. */
  async toManage(
    db: Db,
    keyId: string,
    action: KmsActionName,
    asked: Asked = nothing,
    rules: ManagementRules = {},
  ): Promise<StoredKey> {
    this.#parts.grants.requireTokens(asked.grantTokens)
    const reference = this.#parse(keyId, 'key', rules.arnError ?? 'InvalidArnException')
    return this.#stored(db, reference, { action, asked })
  }

  /** A key of the caller's account for an action that is on the account; its key policy plays no part. */
  async inAccount(db: Db, keyId: string, action: KmsActionName): Promise<KmsKey> {
    const reference = this.#parse(keyId, 'key', 'InvalidArnException')
    const organization = await this.#organizationOf(reference.accountId)
    const stored = organization === undefined ? await this.#read(db, reference) : undefined
    if (stored === undefined)
      throw this.#questions.unknown(reference, { action, asked: nothing, organization })
    return stored.key
  }

  /** The key that an alias of the caller's account names; the permission on the alias itself is `requireAlias`. */
  async targetOf(db: Db, { alias }: StoredAlias, action: KmsActionName): Promise<StoredKey> {
    const stored = await this.#parts.keys.read(db, alias.region, alias.keyId)
    // A key goes with its aliases, so the database was edited: without its key nobody can tell who may have the alias.
    if (stored?.key.accountId !== this.#accountId)
      throw new Error(`${alias.name} names a key that is not there`)
    await this.#questions.authorize(stored.key, { action, asked: nothing })
    return { ...stored, key: asOf(stored.key, this.#parts.now()) }
  }

  /** The part of an alias in making, moving or removing it, which identity policies alone decide. */
  requireAlias(name: string, action: KmsActionName): void {
    this.#questions.requirePlain(aliasArn(this.#accountId, this.#region, name), { action, asked: nothing })
  }

  /** For operations on no key, such as ListKeys, or on one that is about to be made. */
  requireAccount(action: KmsActionName, asked: Asked = nothing, key?: KeyFacts): void {
    this.#questions.requirePlain('*', { action, asked }, key)
  }

  /** Tags on a key that is about to be made: there is no key policy yet that could allow them. */
  requireTagging(keyId: string, asked: Asked, key: KeyFacts): void {
    this.#questions.requireOnNewKey(keyId, { action: 'kms:TagResource', asked }, key)
  }

  /** Keys of another Region, as the same caller may see them who asks there. */
  inRegion(region: string): KeyAccess {
    return new KeyAccess(callInRegion(this.#call, region), this.#parts)
  }

  /** Notes a new key; its creation was authorized on the account. */
  created({ accountId, arn }: KmsKey): void {
    this.#call.audit.resource({ accountId, arn })
  }

  /**
   * Authorizes an action on a key that a linked deployment has, as far as the policies here can tell: its own one is not here.
   *
   * @param related a key of its set
   */
  async requireElsewhere(related: KmsKey, action: KmsActionName, asked: Asked): Promise<void> {
    const { accountId, keyId } = related
    const arn = keyArn(accountId, this.#region, keyId)
    await this.#questions.authorize({ ...related, region: this.#region, arn }, { action, asked })
  }

  /** Whether this caller could change the policy of its account's key again. */
  keepsControl(key: KmsKey, asked: Asked): boolean {
    return this.#questions.policiesAllow(key, { action: 'kms:PutKeyPolicy', asked })
  }

  #parse(
    keyId: string,
    accepts: 'key' | 'key-or-alias' = 'key-or-alias',
    arnError: 'InvalidArnException' | 'NotFoundException' = 'NotFoundException',
  ): KeyReference {
    return parseKeyReference(keyId, { accountId: this.#accountId, region: this.#region }, accepts, arnError)
  }

  /** A key as it is now, for which nobody is told that a time has come. */
  #use(entry: CacheEntry<LoadedKey>): LoadedKey {
    const loaded = this.#call.use(entry)
    if (loaded.key.validToMs === undefined) return loaded
    return { ...loaded, key: asOf(loaded.key, this.#parts.now()) }
  }

  #authorized(loaded: LoadedKey, asking: KeyAction): LoadedKey | Promise<LoadedKey> {
    const waiting = this.#questions.authorize(loaded.key, asking)
    return waiting === undefined ? loaded : waiting.then(() => loaded)
  }

  /** The key, when it and the alias that names it are in the cache. */
  #cached(reference: KeyReference): LoadedKey | undefined {
    const { aliases, keys } = this.#parts
    let keyId: string
    if (reference.form === 'alias') {
      const alias = aliases.find(reference)
      if (alias === undefined) return undefined
      ;({ keyId } = this.#call.use(alias))
    } else ({ keyId } = reference)
    const entry = keys.find(reference.region, keyId)
    // A key of that id in another account than the ARN says is not the key that was asked for.
    return entry?.value.key.accountId === reference.accountId ? this.#use(entry) : undefined
  }

  async #load(reference: KeyReference, asking: KeyAction, isBare: boolean): Promise<LoadedKey> {
    const { aliases, keys } = this.#parts
    let alias = reference.form === 'alias' ? await aliases.load(reference) : undefined
    if (alias === undefined && reference.form === 'alias') {
      const isMade = await ensureAwsManagedKey(this.#call, this.#parts, reference)
      if (isMade) alias = await aliases.load(reference)
    }
    const keyId = reference.form === 'alias' ? alias && this.#call.use(alias).keyId : reference.keyId
    const entry = keyId === undefined ? undefined : await keys.load(reference.region, keyId)
    if (entry?.value.key.accountId === reference.accountId) {
      return this.#authorized(this.#use(entry), asking)
    }
    if (entry !== undefined && isBare && openToBareIds.has(asking.action)) {
      const { key } = entry.value
      const organization = await this.#organizationOf(key.accountId)
      const refusal = await this.#questions.refusalOf(key, { ...asking, organization })
      if (refusal === undefined) return this.#use(entry)
    }
    throw this.#questions.unknown(reference, asking)
  }

  async #ofAnotherAccount(reference: KeyReference, asked: KeyAction): Promise<LoadedKey> {
    const { keys, store } = this.#parts
    const asking = { ...asked, organization: await this.#organizationOf(reference.accountId) }
    const cached = this.#cached(reference)
    if (cached !== undefined && (await this.#questions.refusalOf(cached.key, asking)) === undefined)
      return cached
    // A refusal takes these reads whatever is there and whatever was cached, so that time tells a stranger nothing.
    const stored = await this.#read(store.db, reference)
    if (stored === undefined) throw this.#questions.unknown(reference, asking)
    const refusal = await this.#questions.refusalOf(stored.key, asking)
    if (refusal !== undefined) throw refusal
    const entry = await keys.load(reference.region, stored.key.keyId)
    if (entry === undefined) throw this.#questions.unknown(reference, asking)
    const loaded = this.#use(entry)
    // It may have changed since it was read.
    const late = await this.#questions.refusalOf(loaded.key, asking)
    if (late !== undefined) throw late
    return loaded
  }

  async #ofCiphertext(keyId: string, asking: KeyAction): Promise<LoadedKey> {
    const { keys, store } = this.#parts
    const wasCached = keys.find(this.#region, keyId) !== undefined
    const entry = await keys.load(this.#region, keyId)
    if (entry?.value.key.accountId === this.#accountId) return this.#authorized(this.#use(entry), asking)
    if (entry !== undefined) {
      const { key } = entry.value
      const organization = await this.#organizationOf(key.accountId)
      const refusal = await this.#questions.refusalOf(key, { ...asking, organization })
      if (refusal === undefined) return this.#use(entry)
      if (wasCached) await keys.read(store.db, this.#region, keyId)
      throw refusal
    }
    throw this.#questions.unknownCiphertext(keyId, asking)
  }

  async #stored(db: Db, reference: KeyReference, asked: KeyAction): Promise<StoredKey> {
    const organization = await this.#organizationOf(reference.accountId)
    let asking: KeyAction = { ...asked, organization }
    // No policy of another account makes an operation reach its keys that AWS keeps within the account.
    if (organization !== undefined && !actions[asked.action].crossAccount) {
      throw this.#questions.unknown(reference, asking)
    }
    const stored = await this.#read(db, reference)
    if (stored !== undefined) {
      asking = await withValuesOf(stored.key, asking)
      if (organization === undefined) {
        await this.#questions.authorize(stored.key, asking)
        return stored
      }
      const refusal = await this.#questions.refusalOf(stored.key, asking)
      if (refusal === undefined) return stored
      throw refusal
    }
    throw this.#questions.unknown(reference, asking)
  }

  /** From the store. As many reads where an alias names nothing as where it names a key. */
  async #read(db: Db, reference: KeyReference): Promise<StoredKey | undefined> {
    const { aliases, keys } = this.#parts
    const keyId =
      reference.form === 'key' ? reference.keyId : (await aliases.read(db, reference))?.alias.keyId
    const found = await keys.read(db, reference.region, keyId ?? ANY_KEY)
    if (found?.key.accountId !== reference.accountId) return undefined
    return { ...found, key: asOf(found.key, this.#parts.now()) }
  }

  async #idOf(reference: KeyReference): Promise<string | undefined> {
    if (reference.form === 'key') return reference.keyId
    const { aliases, store } = this.#parts
    if (reference.accountId !== this.#accountId) return (await aliases.read(store.db, reference))?.alias.keyId
    const entry = aliases.find(reference) ?? (await aliases.load(reference))
    return entry && this.#call.use(entry).keyId
  }

  /** Undefined for the caller's own account, whose is part of its standing. */
  async #organizationOf(accountId: string): Promise<OrganizationFacts | undefined> {
    if (accountId === this.#accountId) return undefined
    const { organizations } = this.#parts
    const facts = organizations.find(accountId) ?? (await organizations.load(accountId))
    for (const entry of facts.entries) this.#call.use(entry)
    return facts
  }
}

async function withValuesOf(key: KmsKey, asking: KeyAction): Promise<KeyAction> {
  const { asked } = asking
  if (asked.ofKey === undefined) return asking
  const values = await asked.ofKey(key)
  return { ...asking, asked: { ...asked, values: { ...asked.values, ...values } } }
}

function aliasOf(reference: KeyReference): string | undefined {
  return reference.form === 'alias' ? reference.name : undefined
}
