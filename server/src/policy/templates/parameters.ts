/** One value that a template needs. */
export interface Parameter {
  readonly description: string
  /** Completes "must be …". */
  readonly form: string
  readonly pattern: RegExp
  /** Several values may be given, separated by commas. */
  readonly many?: true
  /** What stands in its place when it is left out; without one it must be given. */
  readonly standard?: string
}

const ACCOUNT = String.raw`\d{12}`
const PRINCIPAL = String.raw`arn:aws(?:-cn|-us-gov)?:(?:iam::${ACCOUNT}:(?:user|role)\/[\w+=,.@\/-]+|sts::${ACCOUNT}:assumed-role\/[\w+=,.@-]+\/[\w+=,.@-]+)`

export const account: Parameter = {
  description: 'the account that the key belongs to',
  form: 'an account id of twelve digits',
  pattern: new RegExp(`^${ACCOUNT}$`),
}

export const partition: Parameter = {
  description: 'the partition of the account',
  form: 'aws, aws-cn (China Regions) or aws-us-gov',
  pattern: /^aws(?:-cn|-us-gov)?$/,
  standard: 'aws',
}

export const partnerAccount: Parameter = { ...account, description: 'the other account' }

/** @param who completes "ARNs of …" */
export function principals(who: string): Parameter {
  return {
    description: `ARNs of ${who}, separated by commas`,
    form: 'the ARN of a user, a role or a role session',
    pattern: new RegExp(`^${PRINCIPAL}$`),
    many: true,
  }
}

export const key: Parameter = {
  description: 'the ARN of the key',
  form: 'the ARN of a key',
  pattern: new RegExp(String.raw`^arn:aws(?:-cn|-us-gov)?:kms:[a-z0-9-]+:${ACCOUNT}:key\/[A-Za-z0-9-]+$`),
}

export const region: Parameter = {
  description: 'the Region of the key',
  form: 'the name of a Region',
  pattern: /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/,
}

export const service: Parameter = {
  description: 'the service, such as s3 or ebs',
  form: 'the name of a service in lower case',
  pattern: /^[a-z][a-z0-9-]{1,62}$/,
}

/** Of an encryption context or a tag. */
export const name: Parameter = {
  description: 'a name',
  form: '1 to 128 letters, digits and . _ : / + = @ -',
  pattern: /^[A-Za-z0-9._:/+=@-]{1,128}$/,
}

export const seconds: Parameter = {
  description: 'how old the second factor may be, in seconds',
  form: 'a number from 60 to 129600',
  pattern: /^(?:[6-9]\d|[1-9]\d{2,4}|1[01]\d{4}|12[0-8]\d{3}|129[0-5]\d{2}|129600)$/,
}
