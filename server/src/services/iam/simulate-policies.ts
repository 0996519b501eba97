import { setImmediate as nextTurn } from 'node:timers/promises'
import { iamArn, parseArn } from '../../arn.ts'
import { contextKeysOf } from '../../policy/analysis/context-keys.ts'
import type { CompiledPolicy } from '../../policy/compile.ts'
import type { ResourceRule } from '../../policy/decision.ts'
import type { ContextValue } from '../../policy/request.ts'
import type { StructureOf } from '../../shape.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import { policyDocument } from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageBounds, pageOf } from './paging.ts'
import { evaluated, type Simulation } from './simulate-evaluation.ts'
import {
  contextKeysOutput,
  customPolicyInput,
  principalPolicyInput,
  simulationOutput,
  type simulationInput,
} from './simulate-shapes.ts'
import { compiled, compiledList, requireSource, subjectOf, type Subject } from './simulate-subject.ts'

type SimulationRequest = StructureOf<typeof simulationInput>

/** The policy simulator. It asks the same function that decides requests (identity/access.ts): `decide`. */
export const operations: IamOperations = {
  SimulateCustomPolicy: operation({
    input: customPolicyInput,
    output: simulationOutput,
    readOnly: true,
    async handler(request, context) {
      context.authorize('iam:SimulateCustomPolicy', { arn: '*' })
      const { accountId, partition } = context
      const subject: Subject = {
        principal: {
          type: 'user',
          accountId,
          arn: iamArn({ partition, accountId, resource: 'user/simulation' }),
          id: 'simulation',
        },
        accountId,
        identityPolicies: await compiledList(request.PolicyInputList, 'identity', 'PolicyInputList'),
        boundary: await boundaryOf(request),
        serviceControl: await Promise.all(
          (request.OrderedOrganizationPolicyInputList ?? []).map((level, i) =>
            compiledList(
              level.ServiceControlPolicyInputList,
              'service-control',
              `OrderedOrganizationPolicyInputList.${i + 1}.ServiceControlPolicyInputList`,
            ),
          ),
        ),
        organization: undefined,
        quarantine: undefined,
        context: { get: () => undefined },
        names: new Map(),
      }
      return simulate(request, subject, context)
    },
  }),

  SimulatePrincipalPolicy: operation({
    input: principalPolicyInput,
    output: simulationOutput,
    readOnly: true,
    async handler(request, context) {
      const source = await requireSource(context, request.PolicySourceArn, 'iam:SimulatePrincipalPolicy')
      const stored = await subjectOf(context, source)
      const added = await compiledList(request.PolicyInputList, 'identity', 'PolicyInputList')
      const subject: Subject = {
        ...stored,
        identityPolicies: [...withoutExcluded(stored, request.PolicyExclusionList ?? []), ...added],
        boundary: (await boundaryOf(request)) ?? stored.boundary,
      }
      // AWS takes the source for the caller when it is a user; nobody signs as a role or group by itself.
      const isCaller = source.kind === 'user' || request.ResourcePolicy === undefined
      return simulate(request, subject, context, isCaller)
    },
  }),

  GetContextKeysForCustomPolicy: operation({
    input: { PolicyInputList: { type: 'list', of: policyDocument, required: true } },
    output: contextKeysOutput,
    readOnly: true,
    async handler({ PolicyInputList }, context) {
      context.authorize('iam:GetContextKeysForCustomPolicy', { arn: '*' })
      return { ContextKeyNames: keysOf(await compiledList(PolicyInputList, 'identity', 'PolicyInputList')) }
    },
  }),

  GetContextKeysForPrincipalPolicy: operation({
    input: {
      PolicySourceArn: { type: 'string', min: 20, max: 2048, required: true },
      PolicyInputList: { type: 'list', of: policyDocument },
    },
    output: contextKeysOutput,
    readOnly: true,
    async handler({ PolicySourceArn, PolicyInputList }, context) {
      const source = await requireSource(context, PolicySourceArn, 'iam:GetContextKeysForPrincipalPolicy')
      const { identityPolicies } = await subjectOf(context, source)
      const added = await compiledList(PolicyInputList, 'identity', 'PolicyInputList')
      return { ContextKeyNames: keysOf([...identityPolicies, ...added]) }
    },
  }),
}

function keysOf(policies: readonly CompiledPolicy[]): readonly string[] {
  return contextKeysOf(policies.map(({ document }) => document))
}

async function boundaryOf({
  PermissionsBoundaryPolicyInputList: list,
}: SimulationRequest): Promise<CompiledPolicy | undefined> {
  if (list !== undefined && list.length > 1) {
    throw new IamError('InvalidInput', 'Only one permissions boundary policy can be simulated.')
  }
  return (await compiledList(list, 'boundary', 'PermissionsBoundaryPolicyInputList'))[0]
}

type Exclusions = NonNullable<StructureOf<typeof principalPolicyInput>['PolicyExclusionList']>

function withoutExcluded(
  { identityPolicies, names }: Subject,
  excluded: Exclusions,
): readonly CompiledPolicy[] {
  const arns = new Set(excluded.map(({ PolicyArn }) => PolicyArn))
  const inline = new Set(
    excluded.map(
      ({ InlinePolicyIdentifier: id }) =>
        id && `${id.AttachmentType.toLowerCase()}_${id.AttachmentName}_${id.PolicyName}`,
    ),
  )
  return identityPolicies.filter(
    ({ source }) => !(source.arn !== undefined && arns.has(source.arn)) && !inline.has(names.get(source)),
  )
}

async function simulate(
  request: SimulationRequest,
  source: Subject,
  context: IamContext,
  isCaller = false,
): Promise<object> {
  const resources = request.ResourceArns ?? []
  const subject = callerOf(request, source, isCaller)
  const resourceOwner = ownerOf(request)
  const { rule, policy } = resourcePolicyOf(request, resources)
  const simulation: Simulation = {
    subject,
    context: contextOf(request, context.now()),
    resourcePolicy: policy,
    resourceRule: rule,
    resourceOwner,
    namesResources: resources.length > 0,
  }
  for (const action of request.ActionNames) requireAction(action)
  const { after, limit } = pageBounds(request)
  if (!/^\d{0,6}$/.test(after)) throw new IamError('ValidationError', 'Invalid Marker.')
  const { items, rest } = pageOf(questionsOf(request, Number(after), limit + 1), limit, ({ place }) => place)
  const EvaluationResults: object[] = []
  for (const { action, resource } of items) {
    EvaluationResults.push(evaluated(simulation, action, resource))
    // What decides may be as costly as one request may be; others have their turn after each.
    await nextTurn()
  }
  return { EvaluationResults, ...rest }
}

/** Some of all pairs of an action and a resource: there may be millions of them, so only these are made. */
function questionsOf(
  { ActionNames, ResourceArns = [] }: SimulationRequest,
  from: number,
  most: number,
): { action: string; resource: string; place: string }[] {
  const resources = ResourceArns.length === 0 ? ['*'] : ResourceArns
  const questions = []
  for (let i = from; i < from + most; i++) {
    const action = ActionNames[Math.floor(i / resources.length)]
    const resource = resources[i % resources.length]
    if (action === undefined || resource === undefined) break
    questions.push({ action, resource, place: String(i + 1) })
  }
  return questions
}

function requireAction(action: string): void {
  if (!/^[A-Za-z0-9-]+:[A-Za-z0-9_-]+$/.test(action)) {
    throw new IamError('InvalidInput', `Invalid action name: ${action}.`)
  }
}

/** Who asks, as the resource policy sees it. */
function callerOf(
  { CallerArn, ResourcePolicy }: SimulationRequest,
  subject: Subject,
  isCaller: boolean,
): Subject {
  if (CallerArn === undefined) {
    if (ResourcePolicy === undefined || isCaller) return subject
    throw new IamError(
      'InvalidInput',
      'A CallerArn is required when a ResourcePolicy is specified and the source is not a user.',
    )
  }
  const arn = parseArn(CallerArn)
  if (arn?.service !== 'iam' || !/^\d{12}$/.test(arn.accountId) || !/^user\/[!-~]+$/.test(arn.resource)) {
    throw new IamError('InvalidInput', 'Invalid CallerArn: it must be the ARN of a user.')
  }
  const { principal } = subject
  if (principal.type === 'user' && principal.arn === CallerArn) return subject
  const { accountId } = arn
  return { ...subject, accountId, principal: { type: 'user', accountId, arn: CallerArn, id: 'simulation' } }
}

function ownerOf({ ResourceOwner }: SimulationRequest): string | undefined {
  if (ResourceOwner === undefined) return undefined
  const [, owner] = /^(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?$/.exec(ResourceOwner) ?? []
  if (owner === undefined)
    throw new IamError('InvalidInput', 'Invalid ResourceOwner: it must be the ARN of an account.')
  return owner
}

/** A key's policy, or a role's, is asked about everything on it; another resource's is one more way to be allowed. */
function resourcePolicyOf(
  { ResourcePolicy, ActionNames }: SimulationRequest,
  resources: readonly string[],
): { rule: ResourceRule; policy: CompiledPolicy | undefined } {
  if (ResourcePolicy === undefined) return { rule: 'plain', policy: undefined }
  const all = (test: (arn: string) => boolean): boolean => resources.length > 0 && resources.every(test)
  const isTrust =
    ActionNames.every((action) => /^sts:/i.test(action)) && all((arn) => /^arn:[^:]*:iam:/.test(arn))
  const isKey =
    ActionNames.every((action) => /^kms:/i.test(action)) && !all((arn) => !/^arn:[^:]*:kms:/.test(arn))
  const policy = compiled(ResourcePolicy, isTrust ? 'trust' : 'resource', 'ResourcePolicy')
  return { rule: isTrust ? 'trust' : isKey ? 'kms-key' : 'plain', policy }
}

function contextOf(
  { ContextEntries = [] }: SimulationRequest,
  nowMs: number,
): ReadonlyMap<string, ContextValue> {
  const context = new Map<string, ContextValue>([
    ['aws:currenttime', `${new Date(nowMs).toISOString().slice(0, 19)}Z`],
    ['aws:epochtime', String(Math.floor(nowMs / 1000))],
  ])
  for (const { ContextKeyName, ContextKeyValues = [], ContextKeyType = 'string' } of ContextEntries) {
    if (ContextKeyName === undefined)
      throw new IamError('InvalidInput', 'A context entry must have a ContextKeyName.')
    const [only] = ContextKeyValues
    const isList = ContextKeyType.endsWith('List')
    if (!isList && ContextKeyValues.length > 1) {
      throw new IamError(
        'InvalidInput',
        `The context key ${ContextKeyName} of type ${ContextKeyType} can have only one value.`,
      )
    }
    if (isList) context.set(ContextKeyName.toLowerCase(), ContextKeyValues)
    else if (only !== undefined) context.set(ContextKeyName.toLowerCase(), only)
  }
  return context
}
