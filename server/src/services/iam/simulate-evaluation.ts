import { parseArn } from '../../arn.ts'
import { contextKeysOf } from '../../policy/analysis/context-keys.ts'
import { compilePolicy, type CompiledPolicy } from '../../policy/compile.ts'
import { parsePolicy } from '../../policy/document.ts'
import { decide, type Decision, type DecisionFacts, type ResourceRule } from '../../policy/decision.ts'
import type { ambiguous, ContextValue, RequestContext } from '../../policy/request.ts'
import type { Subject } from './simulate-subject.ts'

/** One simulation: whose policies, and what they are asked. */
export interface Simulation {
  readonly subject: Subject
  /** In lower case; they come before what follows from who asks. */
  readonly context: ReadonlyMap<string, ContextValue>
  readonly resourcePolicy: CompiledPolicy | undefined
  readonly resourceRule: ResourceRule
  /** The account of resources whose ARN names none, or of all when the request says so. */
  readonly resourceOwner: string | undefined
  /** Whether resources were named. */
  readonly namesResources: boolean
  /** Of another account than the subject's. */
}

type Verdict = 'allowed' | 'explicitDeny' | 'implicitDeny'

/** What the server would decide, and why; as one member of EvaluationResults. */
export function evaluated(simulation: Simulation, action: string, resource: string): object {
  const { subject, resourcePolicy } = simulation
  const missing = new Set<string>()
  const facts = factsOf(simulation, action, resource, missing)
  const decision = decide(facts, { explain: true })
  const verdict = verdictOf(decision)
  const MatchedStatements = matchedStatements(simulation, decision)
  const MissingContextValues = namesOf(simulation, missing)
  const EvalDecisionDetails =
    resourcePolicy === undefined || facts.resourceAccountId === subject.accountId
      ? new Map<string, Verdict>()
      : sidesOf(facts, resourcePolicy)
  const boundary = facts.boundary !== undefined && {
    PermissionsBoundaryDecisionDetail: {
      AllowedByPermissionsBoundary: passes({ ...facts, serviceControl: [], resourceControl: [] }),
    },
  }
  return {
    EvalActionName: action,
    EvalResourceName: resource,
    EvalDecision: verdict,
    MatchedStatements,
    MissingContextValues,
    ...(facts.serviceControl.length > 0 && {
      OrganizationsDecisionDetail: {
        AllowedByOrganizations: passes({ ...facts, boundary: undefined, resourceControl: [] }),
      },
    }),
    ...boundary,
    EvalDecisionDetails,
    ...(simulation.namesResources && {
      ResourceSpecificResults: [
        {
          EvalResourceName: resource,
          EvalResourceDecision: verdict,
          MatchedStatements,
          MissingContextValues,
          EvalDecisionDetails,
          ...boundary,
        },
      ],
    }),
  }
}

function factsOf(
  { subject, context, resourcePolicy, resourceRule, resourceOwner }: Simulation,
  action: string,
  resource: string,
  missing: Set<string>,
): DecisionFacts {
  const named = parseArn(resource)?.accountId
  const owner = resourceOwner ?? (named !== undefined && /^\d{12}$/.test(named) ? named : subject.accountId)
  // Another account's limits are not this account's to see.
  const organization = owner === subject.accountId ? subject.organization : undefined
  return {
    request: {
      action,
      resource,
      principal: subject.principal,
      context: watched({ given: context, ofSubject: subject.context, resourceAccount: owner }, missing),
    },
    resourceAccountId: owner,
    resourceRule,
    resourcePolicy,
    identityPolicies: subject.identityPolicies,
    boundary: subject.boundary,
    serviceControl: subject.serviceControl,
    resourceControl: organization?.resourceControl ?? [],
    quarantine:
      subject.quarantine === undefined ? undefined : { of: 'principal', reason: subject.quarantine },
  }
}

/** Notes what is asked for and not there. */
function watched(
  sources: {
    readonly given: ReadonlyMap<string, ContextValue>
    readonly ofSubject: RequestContext
    readonly resourceAccount: string
  },
  missing: Set<string>,
): RequestContext {
  return {
    get(key): ContextValue | typeof ambiguous | undefined {
      const value =
        sources.given.get(key) ??
        sources.ofSubject.get(key) ??
        (key === 'aws:resourceaccount' ? sources.resourceAccount : undefined)
      if (value === undefined) missing.add(key)
      return value
    },
  }
}

function verdictOf({ allowed, reason }: Decision): Verdict {
  if (allowed) return 'allowed'
  return reason.type === 'explicit-deny' || reason.type === 'quarantine' ? 'explicitDeny' : 'implicitDeny'
}

/** Both sides of a request to another account's resource, each by itself. */
function sidesOf(facts: DecisionFacts, resourcePolicy: CompiledPolicy): ReadonlyMap<string, Verdict> {
  const { principal } = facts.request
  const accountId = 'accountId' in principal ? principal.accountId : undefined
  const identity = decide({
    ...facts,
    resourcePolicy: undefined,
    resourceRule: 'plain',
    resourceAccountId: accountId,
    resourceControl: [],
  })
  const resource = decide({
    ...facts,
    identityPolicies: [everything],
    boundary: undefined,
    serviceControl: [],
    resourcePolicy,
  })
  return new Map([
    ['IAM Policy', verdictOf(identity)],
    ['Resource Policy', verdictOf(resource)],
  ])
}

/** Whether the limits that are left among the facts let the request through. */
function passes(facts: DecisionFacts): boolean {
  const { principal } = facts.request
  return decide({
    ...facts,
    identityPolicies: [everything],
    resourcePolicy: undefined,
    resourceRule: 'plain',
    resourceAccountId: 'accountId' in principal ? principal.accountId : undefined,
    quarantine: undefined,
  }).allowed
}

const everything: CompiledPolicy = compileEverything()

function compileEverything(): CompiledPolicy {
  const text = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
  return compilePolicy(parsePolicy(text, 'identity'), { type: 'identity' })
}

function matchedStatements({ subject, resourcePolicy }: Simulation, { statements }: Decision): object[] {
  const policies = [
    ...subject.identityPolicies,
    ...(subject.boundary === undefined ? [] : [subject.boundary]),
    ...subject.serviceControl.flat(),
    ...(resourcePolicy === undefined ? [] : [resourcePolicy]),
  ]
  return statements.flatMap(({ source, index }) => {
    const policy = policies.find((each) => each.source === source)
    const location = policy?.document.statements[index]?.location
    if (location === undefined) return []
    const { line, column, end } = location
    return [
      {
        SourcePolicyId: subject.names.get(source) ?? source.name ?? source.arn ?? source.type,
        SourcePolicyType: typeNames[source.type] ?? 'IAM Policy',
        // AWS counts columns from 1 here, and the end is behind the last character.
        StartPosition: { Line: line, Column: column + 1 },
        EndPosition: { Line: end.line, Column: end.column + 1 },
      },
    ]
  })
}

const typeNames: Partial<Record<string, string>> = {
  resource: 'Resource Policy',
  trust: 'Resource Policy',
  boundary: 'IAM Permissions Boundary Policy',
  'service-control': 'Service Control Policy',
}

/** Keys as the policies write them. */
function namesOf({ subject, resourcePolicy }: Simulation, missing: ReadonlySet<string>): readonly string[] {
  if (missing.size === 0) return []
  const documents = [
    ...subject.identityPolicies,
    ...(subject.boundary === undefined ? [] : [subject.boundary]),
    ...subject.serviceControl.flat(),
    ...(resourcePolicy === undefined ? [] : [resourcePolicy]),
  ].map(({ document }) => document)
  return contextKeysOf(documents).filter((key) => missing.has(key.toLowerCase()))
}
