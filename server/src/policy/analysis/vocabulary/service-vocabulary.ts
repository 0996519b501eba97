/** What the policies of one AWS service can name. */
export interface ServiceVocabulary {
  /** Before the colon in actions and condition keys. */
  readonly service: string
  /** Types of resource, by name. */
  readonly resources: Readonly<Record<string, ResourceType>>
  /** The service's own condition keys; `${…}` stands for a name that the author chooses. */
  readonly keys: Readonly<Record<string, KeyType>>
  readonly actions: Readonly<Record<string, Action>>
}

export interface ResourceType {
  /** With `*` where an ARN differs. */
  readonly arn: string
  /** Condition keys of every request on such a resource. */
  readonly keys: readonly string[]
}

interface Action {
  /** Types of resource that it is on; empty: it is on `*` only. */
  readonly on: readonly string[]
  /** Condition keys of its own, beside those of its resources and the global ones. */
  readonly keys: readonly string[]
}

/** Data types of condition keys, as AWS names them; `ArrayOf…` keys have several values in one request. */
export type KeyType =
  | 'String'
  | 'ARN'
  | 'Bool'
  | 'Numeric'
  | 'Date'
  | 'IPAddress'
  | 'ArrayOfString'
  | 'ArrayOfARN'
