import { readStrictJson, StrictJsonError } from '../strict-json.ts'

/** Why a text is not a policy document; one sentence. */
export class MalformedPolicyError extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'MalformedPolicyError'
  }
}

const MAX_DEPTH = 16
const versions = new Set(['2012-10-17', '2008-10-17'])

/**
 * Checks that a text is a JSON object with the outer form of a policy document: a known version,
 * and statements that are objects with an effect. What statements mean is not judged here.
 *
 * @throws MalformedPolicyError
 * @see AWS IAM User Guide, "Grammar of the IAM JSON policy language"
 */
export function requirePolicyDocument(text: string): void {
  const document = parse(text)
  if (!isObject(document)) throw new MalformedPolicyError('Policy must be a JSON object.')
  const { Version: version, Statement: statement } = document
  if (version !== undefined && (typeof version !== 'string' || !versions.has(version))) {
    throw new MalformedPolicyError('Policy document version is not valid.')
  }
  const statements = Array.isArray(statement) ? (statement as unknown[]) : [statement]
  for (const one of statements) {
    if (!isObject(one)) throw new MalformedPolicyError('Policy statement must be a JSON object.')
    if (one['Effect'] !== 'Allow' && one['Effect'] !== 'Deny') {
      throw new MalformedPolicyError('Policy statement must have an Effect of Allow or Deny.')
    }
  }
}

function parse(text: string): unknown {
  try {
    return readStrictJson(text, MAX_DEPTH)
  } catch (error) {
    if (error instanceof StrictJsonError) {
      throw new MalformedPolicyError(
        'Policy is not valid JSON, is nested too deeply, or has a duplicate name.',
      )
    }
    throw error
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
