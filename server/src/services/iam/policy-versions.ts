import {
  MAX_POLICY_VERSIONS,
  type ManagedPolicy,
  type PolicyVersion,
} from '../../identity/managed-policies.ts'
import { date, encodedDocument, policyVersionShape } from './answers.ts'
import { IamError } from './iam-error.ts'
import {
  arn,
  boolean,
  listOf,
  pageInput,
  pageOutput,
  policyDocument,
  required,
  versionId,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageWithin } from './paging.ts'
import { findPolicy, requireManagedDocument, requireOwnPolicy } from './policies.ts'

/** The versions of managed policies, of which one is in force. */
export const operations: IamOperations = {
  CreatePolicyVersion: operation({
    input: { PolicyArn: required(arn), PolicyDocument: required(policyDocument), SetAsDefault: boolean },
    output: { PolicyVersion: policyVersionShape },
    handler: ({ PolicyArn, PolicyDocument: document, SetAsDefault = false }, context) =>
      context.change(async (tx) => {
        const stored = await requireOwnPolicy(context, tx.db, PolicyArn, 'iam:CreatePolicyVersion')
        requireManagedDocument(document)
        const { versions, lastVersion } = stored.policy
        if (versions.length >= MAX_POLICY_VERSIONS) {
          throw new IamError(
            'LimitExceeded',
            `A managed policy can have up to ${MAX_POLICY_VERSIONS} versions. Before you create a new version, you must delete an existing version.`,
          )
        }
        const version = { number: lastVersion + 1, document, createdAtMs: context.now() }
        const { policy } = await context.managedPolicies.update(tx, stored, {
          versions: [...versions, version],
          lastVersion: version.number,
          ...(SetAsDefault && { defaultVersion: version.number }),
        })
        return { PolicyVersion: listedVersion(policy, version) }
      }),
  }),

  GetPolicyVersion: operation({
    input: { PolicyArn: required(arn), VersionId: required(versionId) },
    output: { PolicyVersion: policyVersionShape },
    readOnly: true,
    async handler({ PolicyArn, VersionId }, context) {
      const found = await findPolicy(context, context.store.db, PolicyArn, 'iam:GetPolicyVersion')
      const version =
        found.type === 'aws'
          ? awsVersions(found.policy).find((one) => one.VersionId === VersionId)
          : wholeVersion(found.stored.policy, VersionId)
      if (version === undefined) throw noSuchVersion(PolicyArn, VersionId)
      return { PolicyVersion: version }
    },
  }),

  ListPolicyVersions: operation({
    input: { PolicyArn: required(arn), ...pageInput },
    output: { Versions: listOf(policyVersionShape), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { PolicyArn } = request
      const found = await findPolicy(context, context.store.db, PolicyArn, 'iam:ListPolicyVersions')
      const versions =
        found.type === 'aws'
          ? awsVersions(found.policy).map(({ Document: _left, ...version }) => version)
          : found.stored.policy.versions.map((version) => listedVersion(found.stored.policy, version))
      // The newest first, as AWS lists them.
      const page = pageWithin(versions, request, ({ VersionId }) =>
        String(1e9 - Number(VersionId.slice(1))).padStart(10, '0'),
      )
      return { Versions: page.items, ...page.rest }
    },
  }),

  DeletePolicyVersion: operation({
    input: { PolicyArn: required(arn), VersionId: required(versionId) },
    output: null,
    handler: ({ PolicyArn, VersionId }, context) =>
      context.change(async (tx) => {
        const stored = await requireOwnPolicy(context, tx.db, PolicyArn, 'iam:DeletePolicyVersion')
        const version = requireVersion(stored.policy, VersionId)
        if (version.number === stored.policy.defaultVersion) {
          throw new IamError('DeleteConflict', 'Cannot delete the default version of a policy.')
        }
        const versions = stored.policy.versions.filter((one) => one !== version)
        await context.managedPolicies.update(tx, stored, { versions })
        return undefined
      }),
  }),

  SetDefaultPolicyVersion: operation({
    input: { PolicyArn: required(arn), VersionId: required(versionId) },
    output: null,
    handler: ({ PolicyArn, VersionId }, context) =>
      context.change(async (tx) => {
        const stored = await requireOwnPolicy(context, tx.db, PolicyArn, 'iam:SetDefaultPolicyVersion')
        const { number } = requireVersion(stored.policy, VersionId)
        await context.managedPolicies.update(tx, stored, { defaultVersion: number })
        return undefined
      }),
  }),
}

function requireVersion(policy: ManagedPolicy, versionIdText: string): PolicyVersion {
  const version = versionOf(policy, versionIdText)
  if (version === undefined) throw noSuchVersion(policy.arn, versionIdText)
  return version
}

function versionOf({ versions }: ManagedPolicy, versionIdText: string): PolicyVersion | undefined {
  return versions.find(({ number }) => `v${number}` === versionIdText)
}

function noSuchVersion(policyArn: string, versionIdText: string): IamError {
  return new IamError(
    'NoSuchEntity',
    `Policy ${policyArn} version ${versionIdText} does not exist or is not attachable.`,
  )
}

function listedVersion({ defaultVersion }: ManagedPolicy, { number, createdAtMs }: PolicyVersion) {
  return {
    VersionId: `v${number}`,
    IsDefaultVersion: number === defaultVersion,
    CreateDate: date(createdAtMs),
  }
}

function wholeVersion(policy: ManagedPolicy, versionIdText: string) {
  const version = versionOf(policy, versionIdText)
  return version && { Document: encodedDocument(version.document), ...listedVersion(policy, version) }
}

function awsVersions({
  document,
  version,
  createdAt,
}: {
  document: string
  version: number
  createdAt: string
}) {
  return [
    {
      Document: encodedDocument(document),
      VersionId: `v${version}`,
      IsDefaultVersion: true,
      CreateDate: new Date(createdAt),
    },
  ]
}
