import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import type { OrganizationFacts, OrganizationOf } from '../identity/organization-facts.ts'
import type { RequestFacts } from '../identity/request-facts.ts'
import type { Standing } from '../identity/standing.ts'
import { accountOf, ownIds, type Grant } from '../keys/grant.ts'
import type { Grants } from '../keys/grants.ts'
import type { KmsKey } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import { assuming, type Assumption } from '../policy/analysis/assumed-conditions.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import type { Decision, GrantSource } from '../policy/decision.ts'
import type { Store } from '../store/store.ts'
import { sentenceOf, statementFacts, type StatementFacts } from './access-reasons.ts'
import type { AccessSubject, AccessSubjects } from './access-subjects.ts'
import { assumingLevels, assumingOf, conditionsOf } from './assumed-standing.ts'
import { DeploymentError } from './deployment-error.ts'
import { requireKeyNamed } from './key-named.ts'
import { imaginedFacts, withContext } from './imagined-request.ts'

/** Asks what the server would decide. Nothing is changed, and nothing but names and ids of policies is told. */
export interface AccessQuestions {
  simulate(question: {
    principal: string
    action: string
    key: string
    context: ReadonlyMap<string, string>
  }): Promise<SimulatedAccess>
  whoCan(question: { action: string; key: string }): Promise<KeyAccessList>
}

export interface SimulatedAccess {
  readonly principal: string
  readonly action: string
  readonly key: string
  readonly allowed: boolean
  /** One sentence. */
  readonly reason: string
  readonly grantId?: string
  readonly statements: readonly StatementFacts[]
}

export interface KeyAccessList {
  readonly key: string
  readonly action: string
  readonly principals: readonly PrincipalAccess[]
  /** Whether there are more principals than were looked at. */
  readonly truncated: boolean
}

export interface PrincipalAccess {
  readonly principal: string
  readonly kind: AccessSubject['kind']
  readonly accountId: string
  /** Whether it depends on the request. */
  readonly conditional: boolean
  /** The condition keys that it depends on. */
  readonly conditions: readonly string[]
  readonly reason: string
  readonly grantId?: string
  readonly statements: readonly StatementFacts[]
}

/** What the room of the services lends: the condition keys of KMS, and the question that every operation asks. */
export interface KeyExplainer {
  keyAction(action: string): { readonly crossAccount: boolean } | undefined
  explain(inquiry: {
    readonly standing: Standing
    readonly facts: RequestFacts
    readonly key: KmsKey
    readonly policy: CompiledPolicy | undefined
    readonly action: string
    readonly encryptionContext?: ReadonlyMap<string, string> | undefined
    readonly values?: ReadonlyMap<string, string> | undefined
    readonly organization?: OrganizationFacts | undefined
    readonly grant?: GrantSource | undefined
    readonly ownSideOnly?: boolean
  }): Decision
}

const MOST_SUBJECTS = 20_000
const SUBJECTS_PER_TURN = 20
// Checked in one turn of the loop, in about 2 ms.
const GRANTS_PER_PAGE = 100
const MOST_GRANTS = 50_000
const encryptionContextPrefix = 'kms:encryptioncontext:'

/** @throws DeploymentError from each question: an unknown key, principal or action */
export function createAccessQuestions(parts: {
  store: Store
  keys: Keys
  grants: Grants
  organizations: OrganizationOf
  subjects: AccessSubjects
  explainer: KeyExplainer
  clock: Clock
}): AccessQuestions {
  const { store, keys, grants, organizations, subjects, explainer, clock } = parts

  const requireKey = async (id: string): Promise<KmsKey> => (await requireKeyNamed(keys, store.db, id)).key

  function requireAction(action: string): { crossAccount: boolean } {
    const found = explainer.keyAction(action)
    if (found === undefined) throw new DeploymentError(`${action} is not an action on KMS keys`)
    return found
  }

  const organizationFor = async (
    { accountId }: Standing['caller'],
    key: KmsKey,
  ): Promise<OrganizationFacts | undefined> =>
    accountId === key.accountId ? undefined : organizations.load(key.accountId)

  async function simulate(question: {
    principal: string
    action: string
    key: string
    context: ReadonlyMap<string, string>
  }): Promise<SimulatedAccess> {
    const { action, context } = question
    requireAction(action)
    const key = await requireKey(question.key)
    const subject = await subjects.named(question.principal, key.region)
    const nowMs = clock.now()
    const stored = await subject.standing(nowMs)
    if (stored === undefined) throw new DeploymentError(`there is no ${subject.kind} ${subject.name}`)
    const standing = withContext(stored, context, nowMs)
    const encryptionContext = new Map(
      [...context]
        .filter(([name]) => name.toLowerCase().startsWith(encryptionContextPrefix))
        .map(([name, value]) => [name.slice(encryptionContextPrefix.length), value]),
    )
    const sourceArn = [...context].find(([name]) => name.toLowerCase() === 'aws:sourcearn')?.[1]
    const asked = {
      standing,
      facts: imaginedFacts(key, context, nowMs),
      key,
      policy: key.policy.compiled,
      action,
      ...(encryptionContext.size > 0 && { encryptionContext }),
      values: new Map([...context].map(([name, value]) => [name.toLowerCase(), value])),
      organization: await organizationFor(standing.caller, key),
    }
    let decision = explainer.explain(asked)
    let grant: GrantSource | undefined
    if (!decision.allowed && decision.couldBeGranted) {
      const match = await grants.match(
        { use: (entry) => entry.value },
        { key, action, principal: standing.principal, encryptionContext, sourceArn },
      )
      const ownSide =
        match?.grantee !== 'account' || explainer.explain({ ...asked, ownSideOnly: true }).allowed
      if (match !== undefined && ownSide) {
        grant = { grantId: match.grantId, resourceArn: key.arn }
        decision = explainer.explain({ ...asked, grant })
      }
    }
    return {
      principal: subject.name,
      action,
      key: key.arn,
      allowed: decision.allowed,
      reason: sentenceOf(decision),
      ...(grant !== undefined && decision.allowed && { grantId: grant.grantId }),
      statements: statementFacts(decision),
    }
  }

  async function whoCan(question: { action: string; key: string }): Promise<KeyAccessList> {
    const { action } = question
    const { crossAccount } = requireAction(action)
    const key = await requireKey(question.key)
    const granted = await grantsByGrantee(key, action)
    const principals: PrincipalAccess[] = []
    let looked = 0
    let truncated = false
    const accountIds = crossAccount ? await subjects.accountIds() : [key.accountId]
    const look = async (subject: AccessSubject): Promise<void> => {
      const access = await accessOf(subject, action, key, granted)
      if (access !== undefined) principals.push(access)
      if (++looked % SUBJECTS_PER_TURN === 0) await nextTurn()
    }
    const grantees = [...granted.values()].map(([one]) => one?.grantee.name ?? '')
    for (const accountId of [key.accountId, ...accountIds.filter((id) => id !== key.accountId)]) {
      // What the key policy and the grants keep from the whole of another account need not be asked for each of it.
      if (accountId !== key.accountId && !mayReach(key, accountId, grantees)) continue
      for await (const subject of subjects.ofAccount(accountId, key.region)) {
        truncated ||= looked >= MOST_SUBJECTS
        if (truncated) break
        await look(subject)
      }
    }
    for (const service of await subjects.services()) await look(service)
    return { key: key.arn, action, principals, truncated }
  }

  async function accessOf(
    subject: AccessSubject,
    action: string,
    key: KmsKey,
    granted: ReadonlyMap<string, readonly Grant[]>,
  ): Promise<PrincipalAccess | undefined> {
    const nowMs = clock.now()
    const standing = await subject.standing(nowMs)
    if (standing === undefined) return undefined
    const facts = imaginedFacts(key, new Map(), nowMs)
    const organization = await organizationFor(standing.caller, key)
    const ask = (
      assumption: Assumption,
      more: { grant?: GrantSource; ownSideOnly?: boolean } = {},
    ): Decision =>
      explainer.explain({
        standing: assumingOf(assumption, standing),
        facts,
        key,
        policy: key.policy.compiled && assuming(assumption, key.policy.compiled, key.policy.bindings),
        action,
        organization: organization && assumingLevels(assumption, organization),
        ...more,
      })
    const always = ask('unmet')
    const told = { principal: subject.name, kind: subject.kind, accountId: subject.accountId }
    if (always.allowed) {
      return {
        ...told,
        conditional: false,
        conditions: [],
        reason: sentenceOf(always),
        statements: statementFacts(always),
      }
    }
    const perhaps = ask('met')
    const own = ownIds(standing.principal).flatMap((id) => granted.get(id) ?? [])
    const ofAccount = granted.get(accountOf(standing.principal) ?? '') ?? []
    for (const grant of [...own, ...(ask('met', { ownSideOnly: true }).allowed ? ofAccount : [])]) {
      const source = { grantId: grant.grantId, resourceArn: key.arn }
      const withGrant = perhaps.couldBeGranted || perhaps.allowed ? ask('met', { grant: source }) : perhaps
      if (!withGrant.allowed || perhaps.allowed) break
      const pairs = grant.constraint?.pairs ?? []
      const conditions = [
        ...pairs.map(([name]) => `kms:EncryptionContext:${name}`),
        ...(grant.sourceArn === undefined ? [] : ['aws:SourceArn']),
        ...(ask('unmet').couldBeGranted ? [] : conditionsOf(standing, key)),
      ]
      return {
        ...told,
        conditional: conditions.length > 0,
        conditions,
        reason: sentenceOf(withGrant),
        grantId: grant.grantId,
        statements: statementFacts(withGrant),
      }
    }
    if (!perhaps.allowed) return undefined
    const conditions = conditionsOf(standing, key)
    return {
      ...told,
      conditional: true,
      conditions,
      reason: sentenceOf(perhaps),
      statements: statementFacts(perhaps),
    }
  }

  /** The grants of an action on a key, by the id of whom they name. */
  async function grantsByGrantee(
    key: KmsKey,
    action: string,
  ): Promise<ReadonlyMap<string, readonly Grant[]>> {
    const operation = action.replace(/^kms:/, '')
    const found = new Map<string, Grant[]>()
    for (let after = '', read = 0; read < MOST_GRANTS;) {
      const page = await grants.list({ key, afterGrantId: after, limit: GRANTS_PER_PAGE })
      for (const grant of page) {
        if (!(grant.operations as readonly string[]).includes(operation)) continue
        const ofGrantee = found.get(grant.grantee.id)
        if (ofGrantee === undefined) found.set(grant.grantee.id, [grant])
        else ofGrantee.push(grant)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < GRANTS_PER_PAGE) break
      after = last.grantId
      read += page.length
    }
    return found
  }

  return { simulate, whoCan }
}

/** Whether a key policy, or a grant, may let anybody of another account in. */
function mayReach(key: KmsKey, accountId: string, grantees: readonly string[]): boolean {
  const statements = key.policy.compiled?.document.statements ?? []
  const named = statements.some(
    ({ effect, principal, notPrincipal }) =>
      effect === 'Allow' &&
      (notPrincipal !== undefined ||
        principal?.everyone === true ||
        principal?.entries.some(({ value }) => value.includes(accountId) || /^A(?:IDA|ROA)/.test(value)) ===
          true),
  )
  return named || grantees.some((name) => name.includes(accountId))
}
