import { compilePolicy, type CompiledPolicy } from '../policy/compile.ts'
import { MalformedPolicyError, parsePolicy } from '../policy/document.ts'

/** A key policy as a row holds it, read. */
export interface StoredPolicy {
  readonly text: string
  /** Principal ARN → the unique id that it had when the policy was stored. */
  readonly bindings: ReadonlyMap<string, string>
  /** Undefined when the text is no policy by this release's rules: then it lets nobody in. */
  readonly compiled: CompiledPolicy | undefined
}

/** Reads the policy columns of a key's row. */
export type ReadStoredPolicy = (text: string, bindings: string | null) => StoredPolicy

// Most keys of an account share one policy; what is not shared is held by its key alone.
const SHARED_POLICIES = 1000
const noBindings: ReadonlyMap<string, string> = new Map()

/**
 * Policies that are held and compiled once for all keys that have them: at 100,000 keys with one text the difference is
 * tens of MB.
 */
export function createStoredPolicies(): ReadStoredPolicy {
  const known = new Map<string, StoredPolicy>()
  return (text, bindings) => {
    // No policy text has the separator: U+0000 is not among the characters that a policy may have.
    const name = bindings === null ? text : `${text}\0${bindings}`
    const found = known.get(name)
    if (found !== undefined) return found
    const read = readPolicy(text, bindings)
    if (known.size >= SHARED_POLICIES) known.clear()
    known.set(name, read)
    return read
  }
}

/** Bindings as one JSON text, the same for the same bindings; null for none. */
export function bindingsToText(bindings: ReadonlyMap<string, string>): string | null {
  return bindings.size === 0 ? null : JSON.stringify([...bindings].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function readPolicy(text: string, bindingsText: string | null): StoredPolicy {
  const bindings =
    bindingsText === null ? noBindings : new Map(JSON.parse(bindingsText) as [string, string][])
  try {
    const compiled = compilePolicy(parsePolicy(text, 'resource'), { type: 'resource' }, bindings)
    return { text, bindings, compiled }
  } catch (error) {
    // An earlier release took texts that this one refuses.
    if (error instanceof MalformedPolicyError) return { text, bindings, compiled: undefined }
    throw error
  }
}
