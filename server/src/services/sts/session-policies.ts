import { deflateRawSync } from 'node:zlib'
import { parseArn } from '../../arn.ts'
import { MalformedPolicyError, parsePolicy } from '../../policy/document.ts'
import type { StsContext } from './operation.ts'
import type { SessionTags } from './session-tags.ts'
import { StsError } from './sts-error.ts'

/** What limits a session beside its role's own policies. */
export interface SessionPolicies {
  readonly policy: string | undefined
  readonly policyArns: readonly string[]
}

// Of the deflated form. With it a session token stays under 8 KiB, half of what the header of a request may have.
const PACKED_BYTES = 4096

/**
 * @param accountId of the role: managed policies are its own or AWS's
 * @throws StsError MalformedPolicyDocument, ValidationError
 */
export async function sessionPolicies(
  request: {
    readonly Policy?: string
    readonly PolicyArns?: readonly { readonly arn?: string }[]
  },
  accountId: string,
  { call, managedPolicies }: StsContext,
): Promise<SessionPolicies> {
  const { Policy: policy } = request
  if (policy !== undefined) requireSessionPolicy(policy)
  const policyArns = (request.PolicyArns ?? []).map(({ arn }) => arn ?? '')
  for (const arn of policyArns) {
    const owner = parseArn(arn)?.accountId
    const entry = owner === accountId || owner === 'aws' ? await managedPolicies.load(arn) : undefined
    if (entry === undefined) {
      throw new StsError('ValidationError', `Policy ${arn} does not exist or is not attachable.`)
    }
    call.use(entry)
  }
  return { policy, policyArns }
}

function requireSessionPolicy(text: string): void {
  try {
    parsePolicy(text, 'session')
  } catch (error) {
    if (error instanceof MalformedPolicyError) throw new StsError('MalformedPolicyDocument', error.message)
    throw error
  }
}

/**
 * The share of the room for policies and tags that these take, in per cent; undefined when there are none.
 *
 * @throws StsError PackedPolicyTooLarge
 */
export function packedPolicySize(policies: SessionPolicies, { tags }: SessionTags): number | undefined {
  const hasPolicies = policies.policy !== undefined || policies.policyArns.length > 0
  if (!hasPolicies && tags.length === 0) return undefined
  const packed = deflateRawSync(JSON.stringify([policies, tags]))
  const percent = Math.ceil((packed.length / PACKED_BYTES) * 100)
  if (percent <= 100) return percent
  throw new StsError(
    'PackedPolicyTooLarge',
    hasPolicies
      ? `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`
      : `Packed size of session tags consumes ${percent}% of allotted space.`,
  )
}
