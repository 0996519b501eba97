/**
 * Shapes of requests and answers, as a table of facts. A service lists its operations' shapes with
 * these types; `wire/validate.ts` checks a request against them and speaks AWS's error texts; the
 * TypeScript types of requests are computed from the same table, so the two cannot disagree.
 */
export type Shape =
  | StringShape
  | BlobShape
  | NumberShape
  | { readonly type: 'boolean' }
  | { readonly type: 'timestamp' }
  | { readonly type: 'list'; readonly min?: number; readonly max?: number; readonly of: Shape }
  | MapShape
  | { readonly type: 'structure'; readonly members: Members }

/** Values are strings everywhere but in the filters of Access Analyzer. */
export interface MapShape {
  readonly type: 'map'
  readonly max?: number
  readonly key: StringShape
  readonly value: StringShape | { readonly type: 'structure'; readonly members: Members }
}

export interface StringShape {
  readonly type: 'string'
  /** Bounds in UTF-16 code units, as AWS counts. */
  readonly min?: number
  readonly max?: number
  readonly enum?: readonly string[]
  /** As AWS's model writes it, without anchors; the whole value must match. */
  readonly pattern?: string
  /** What the service says of the characters it takes, where it does not name the pattern. */
  readonly characters?: string
  readonly sensitive?: true
}

export interface BlobShape {
  readonly type: 'blob'
  /** Bounds of the decoded bytes. */
  readonly min?: number
  readonly max?: number
  readonly sensitive?: true
}

export interface NumberShape {
  readonly type: 'integer' | 'long'
  readonly min?: number
  readonly max?: number
}

/**
 * `unrecorded` members do not enter the CloudTrail record; neither do blobs and sensitive ones. `in` says where a
 * REST-JSON request has the member, if neither in its path nor in its body.
 */
export type Member = Shape & {
  readonly required?: true
  readonly unrecorded?: true
  readonly in?: 'querystring'
}
export type Members = Readonly<Record<string, Member>>

/** What a member holds once it has been checked. */
export type ValueOf<S> = S extends { type: 'string'; enum: readonly (infer E)[] }
  ? E
  : S extends { type: 'string' }
    ? string
    : S extends { type: 'blob' }
      ? Buffer
      : S extends { type: 'integer' | 'long' }
        ? number
        : S extends { type: 'boolean' }
          ? boolean
          : S extends { type: 'timestamp' }
            ? Date
            : S extends { type: 'list'; of: infer O }
              ? readonly ValueOf<O>[]
              : S extends { type: 'map'; value: infer V }
                ? ReadonlyMap<string, ValueOf<V>>
                : S extends { type: 'structure'; members: infer M extends Members }
                  ? StructureOf<M>
                  : never

type RequiredNames<M extends Members> = {
  [Name in keyof M]: M[Name] extends { required: true } ? Name : never
}[keyof M]

/** A checked structure: required members are there, the others may be absent. */
export type StructureOf<M extends Members> = {
  readonly [Name in RequiredNames<M>]: ValueOf<M[Name]>
} & {
  readonly [Name in Exclude<keyof M, RequiredNames<M>>]?: ValueOf<M[Name]>
}
