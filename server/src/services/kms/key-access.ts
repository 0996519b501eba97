import type { Kysely, Transaction } from 'kysely'
import { accessDenied, requireAccess } from '../../identity/access.ts'
import type { StoredAlias } from '../../keys/aliases.ts'
import { aliasArn, parseKeyReference, type KeyReference } from '../../keys/key-reference.ts'
import { keyArn, type KmsKey, type StoredKey } from '../../keys/key.ts'
import type { LoadedKey } from '../../keys/keys.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { Database } from '../../store/schema.ts'
import type { Call } from '../call.ts'
import type { KmsParts } from './parts.ts'

type Db = Kysely<Database> | Transaction<Database>

/**
 * Keys as one caller may see them. Each function finds the key, or the error that AWS gives to this
 * caller for one that it may not know of, and has authorized the action when it returns: no
 * operation can hold a key that its caller may not use.
 */
export interface KeyAccess {
  /** For cryptographic operations: any of the four forms of a key identifier; from the cache. */
  forUse(keyId: string, action: string): Promise<LoadedKey>
  /** The form of an identifier alone; for an operation that names two keys, before it looks for the first. */
  requireForm(keyId: string): void
  /** The key that a ciphertext names, when the request names none. */
  forCiphertext(keyId: string, action: string): Promise<LoadedKey>
  /** For DescribeKey: any of the four forms, always from the store. */
  toDescribe(keyId: string, action: string): Promise<KmsKey>
  /** For management: a key id or key ARN, always from the store. */
  toManage(db: Db, keyId: string, action: string, rules?: ManagementRules): Promise<StoredKey>
  /** An alias of the caller's account. */
  aliasToManage(db: Db, name: string): Promise<StoredAlias>
  /** For a key that was found in another way. */
  require(key: KmsKey, action: string): void
  /** Notes a new key; its creation was authorized on the account. */
  created(key: KmsKey): void
  /** For operations on no key, such as ListKeys. */
  account(action: string): void
}

export interface ManagementRules {
  /** The error for an ARN that is not a key's; some operations do not have InvalidArnException. */
  readonly arnError?: 'InvalidArnException' | 'NotFoundException'
}

export function keyAccess(call: Call, { keys, aliases, store }: KmsParts): KeyAccess {
  const { caller, region } = call
  const scope = { accountId: caller.accountId, region }

  const parse = (keyId: string) => parseKeyReference(keyId, scope, 'key-or-alias', 'NotFoundException')

  async function forUse(keyId: string, action: string): Promise<LoadedKey> {
    const reference = parse(keyId)
    turnStrangersAway(reference, action)
    const target = reference.form === 'key' ? reference : await behindAlias(reference, action)
    const entry = await keys.load(target.region, target.keyId)
    // A key of that id in another account than the ARN says is not the key that was asked for.
    if (entry?.value.key.accountId !== target.accountId) throw unknownKey(target, action)
    return authorized(call.use(entry), action)
  }

  async function forCiphertext(keyId: string, action: string): Promise<LoadedKey> {
    const entry = await keys.load(region, keyId)
    const loaded = entry && call.use(entry)
    if (loaded?.key.accountId !== caller.accountId) {
      throw accessDenied(caller, action, 'the resource associated with this ciphertext')
    }
    return authorized(loaded, action)
  }

  function authorized(loaded: LoadedKey, action: string): LoadedKey {
    authorize(loaded.key, action)
    return loaded
  }

  async function toDescribe(keyId: string, action: string): Promise<KmsKey> {
    const reference = parseKeyReference(keyId, scope, 'key-or-alias', 'InvalidArnException')
    turnStrangersAway(reference, action)
    let target = reference
    if (reference.form === 'alias') {
      const found = await aliases.read(store.db, reference)
      if (found === undefined) throw unknownAlias(reference, action)
      target = { form: 'key', accountId: reference.accountId, region, keyId: found.alias.keyId }
    }
    return (await stored(store.db, target as KeyReference & { form: 'key' }, action)).key
  }

  async function toManage(
    db: Db,
    keyId: string,
    action: string,
    rules: ManagementRules = {},
  ): Promise<StoredKey> {
    const reference = parseKeyReference(keyId, scope, 'key', rules.arnError ?? 'InvalidArnException')
    turnStrangersAway(reference, action)
    return stored(db, reference as KeyReference & { form: 'key' }, action)
  }

  async function stored(db: Db, target: KeyReference & { form: 'key' }, action: string): Promise<StoredKey> {
    const found = await keys.read(db, target.region, target.keyId)
    if (found?.key.accountId !== target.accountId) throw unknownKey(target, action)
    authorize(found.key, action)
    return found
  }

  async function behindAlias(
    reference: KeyReference & { form: 'alias' },
    action: string,
  ): Promise<KeyReference & { form: 'key' }> {
    const entry = await aliases.load(reference)
    if (entry === undefined) throw unknownAlias(reference, action)
    const { accountId, keyId } = call.use(entry)
    return { form: 'key', accountId, region: reference.region, keyId }
  }

  // No policy lets a stranger in yet, so nothing is looked up: not even time tells which aliases there are.
  function turnStrangersAway({ accountId }: KeyReference, action: string): void {
    requireAccess(caller, { action, resourceAccountId: accountId })
  }

  function authorize(key: KmsKey, action: string): void {
    call.audit.resource({ accountId: key.accountId, arn: key.arn })
    requireAccess(caller, { action, resourceAccountId: key.accountId })
  }

  // The caller's own account may learn that there is no such key; a stranger may not.
  function unknownKey({ accountId, region, keyId }: KeyReference & { form: 'key' }, action: string): Error {
    requireAccess(caller, { action, resourceAccountId: accountId })
    return new KmsError('NotFoundException', `Key '${keyArn(accountId, region, keyId)}' does not exist`)
  }

  function unknownAlias(
    { accountId, region, name }: KeyReference & { form: 'alias' },
    action: string,
  ): Error {
    requireAccess(caller, { action, resourceAccountId: accountId })
    return new KmsError('NotFoundException', `Alias ${aliasArn(accountId, region, name)} is not found.`)
  }

  async function aliasToManage(db: Db, name: string): Promise<StoredAlias> {
    const found = await aliases.read(db, { ...scope, name })
    const arn = aliasArn(scope.accountId, region, name)
    if (found === undefined) throw new KmsError('NotFoundException', `Alias ${arn} is not found.`)
    return found
  }

  return {
    forUse,
    requireForm: (keyId) => {
      parse(keyId)
    },
    forCiphertext,
    toDescribe,
    toManage,
    aliasToManage,
    require: authorize,
    created: ({ accountId, arn }) => {
      call.audit.resource({ accountId, arn })
    },
    account: (action) => {
      requireAccess(caller, { action, resourceAccountId: caller.accountId })
    },
  }
}
