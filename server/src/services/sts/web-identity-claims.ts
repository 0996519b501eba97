import type { WebIdentity } from '../../identity/oidc-tokens.ts'
import type { Tag } from '../../identity/principal.ts'
import type { ContextValue } from '../../policy/request.ts'
import type { SessionTags } from './session-tags.ts'
import { StsError } from './sts-error.ts'

const TAGS = 'https://aws.amazon.com/tags'
const SOURCE_IDENTITY = 'https://aws.amazon.com/source_identity'

const tagKeyPattern = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u
const tagValuePattern = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u
const sourceIdentityPattern = /^[\w+=,.@-]{2,64}$/

type Claims = WebIdentity['claims']

/**
 * The session tags that an issuer put into a token: `principal_tags`, each a list of one value, and `transitive_tag_keys`.
 *
 * @throws StsError IDPRejectedClaim
 * @see IAM User Guide, "Passing session tags using AssumeRoleWithWebIdentity"
 */
export function tagsOfToken(claims: Claims): SessionTags {
  const claim = claims[TAGS]
  if (claim === undefined) return { tags: [], transitiveTagKeys: [] }
  const { principal_tags: given = {}, transitive_tag_keys: keys = [] } = objectOf(claim)
  const tags = Object.entries(objectOf(given)).map(([key, values]): Tag => {
    const value: unknown = Array.isArray(values) && values.length === 1 ? values[0] : values
    if (typeof value !== 'string' || !tagKeyPattern.test(key) || !tagValuePattern.test(value))
      throw rejected(TAGS)
    return { key, value }
  })
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) throw rejected(TAGS)
  return { tags, transitiveTagKeys: keys }
}

/** @throws StsError IDPRejectedClaim */
export function sourceIdentityOfToken(claims: Claims): string | undefined {
  const claim = claims[SOURCE_IDENTITY]
  if (claim === undefined) return undefined
  const valid = typeof claim === 'string' && sourceIdentityPattern.test(claim) && !/^aws:/i.test(claim)
  if (!valid) throw rejected(SOURCE_IDENTITY)
  return claim
}

/**
 * The condition keys of a token, which begin with the provider's address. Where a token says to whom it was issued
 * (`azp`), `:aud` is that and `:oaud` its audience.
 *
 * @param url of the provider, without `https://`
 * @see IAM User Guide, "Available keys for AWS OIDC federation"
 */
export function keysOfToken(
  { audience, subject, claims }: WebIdentity,
  url: string,
): Map<string, ContextValue> {
  const prefix = url.toLowerCase()
  const keys = new Map<string, ContextValue>([
    [`${prefix}:aud`, audience],
    [`${prefix}:sub`, subject],
  ])
  const { aud, azp, amr } = claims
  if (azp !== undefined && isTexts(aud)) keys.set(`${prefix}:oaud`, aud)
  if (isTexts(amr)) keys.set(`${prefix}:amr`, typeof amr === 'string' ? [amr] : amr)
  return keys
}

function isTexts(value: unknown): value is string | string[] {
  return (
    typeof value === 'string' || (Array.isArray(value) && value.every((item) => typeof item === 'string'))
  )
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw rejected(TAGS)
  return value as Record<string, unknown>
}

function rejected(claim: string): StsError {
  return new StsError('IDPRejectedClaim', `The claim ${claim} in the identity token is not valid.`)
}
