import type { Member, Shape } from '../../shape.ts'

/** Members that many operations of IAM have; the bounds and patterns are those of AWS's model. */

const name = {
  type: 'string',
  min: 1,
  pattern: '[\\w+=,.@-]+',
  // Seen from AWS in hashicorp/vault issue 567.
  characters: 'It must contain only alphanumeric characters and/or the following: +=,.@_-',
} as const

export const newUserName = { ...name, max: 64 } as const
export const userName = { ...name, max: 128 } as const
export const groupName = { ...name, max: 128 } as const
export const roleName = { ...name, max: 64 } as const
export const policyName = { ...name, max: 128 } as const
export const instanceProfileName = { ...name, max: 128 } as const
export const accessKeyId = { type: 'string', min: 16, max: 128, pattern: '[\\w]+' } as const
export const arn = { type: 'string', min: 20, max: 2048 } as const
export const path = {
  type: 'string',
  min: 1,
  max: 512,
  pattern: '(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)',
} as const
export const pathPrefix = { type: 'string', min: 1, max: 512, pattern: '\\u002F[\\u0021-\\u007F]*' } as const
const marker = { type: 'string', min: 1, max: 320, pattern: '[\\u0020-\\u00FF]+' } as const
const maxItems = { type: 'integer', min: 1, max: 1000 } as const
export const policyDocument = {
  type: 'string',
  min: 1,
  max: 131072,
  pattern: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+',
} as const
export const versionId = { type: 'string', pattern: 'v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?' } as const
export const status = { type: 'string', enum: ['Active', 'Inactive'] } as const
export const roleDescription = {
  type: 'string',
  max: 1000,
  pattern: '[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*',
} as const
export const policyDescription = { type: 'string', max: 1000 } as const
const tagKey = {
  type: 'string',
  min: 1,
  max: 128,
  pattern: '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+',
} as const
const tagValue = { type: 'string', max: 256, pattern: '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*' } as const
export const tags = {
  type: 'list',
  max: 50,
  of: {
    type: 'structure',
    members: { Key: { ...tagKey, required: true }, Value: { ...tagValue, required: true } },
  },
} as const
export const tagKeys = { type: 'list', max: 50, of: tagKey } as const

export const string = { type: 'string' } as const
export const integer = { type: 'integer' } as const
export const boolean = { type: 'boolean' } as const
export const timestamp = { type: 'timestamp' } as const

/** The pages of a list. */
export const pageInput = { Marker: marker, MaxItems: maxItems } as const
export const pageOutput = { IsTruncated: boolean, Marker: string } as const

/** The same member, which must be there. */
export function required<const S extends Member>(member: S): S & { readonly required: true } {
  return { ...member, required: true }
}

export function listOf<const S extends Shape>(of: S): { readonly type: 'list'; readonly of: S } {
  return { type: 'list', of }
}

export function structure<const M extends Readonly<Record<string, Member>>>(
  members: M,
): { readonly type: 'structure'; readonly members: M } {
  return { type: 'structure', members }
}
