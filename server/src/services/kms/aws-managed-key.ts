import { randomUUID } from 'node:crypto'
import { dnsSuffixOf, iamArn, partitionOf } from '../../arn.ts'
import { serviceEvent } from '../../audit/service-event.ts'
import { DEFAULT_ROTATION_PERIOD_DAYS } from '../../keys/key-rotation.ts'
import type { KeyReference } from '../../keys/key-reference.ts'
import { DuplicateRowError } from '../../store/store.ts'
import type { Call } from '../call.ts'
import type { KmsParts } from './parts.ts'

const PREFIX = 'alias/aws/'

/** Services that keep keys in use for longer than a request, and so make grants for themselves. */
const granting: ReadonlySet<string> = new Set([
  'ebs',
  'ec2',
  'elasticfilesystem',
  'fsx',
  'rds',
  'redshift',
  'workspaces',
])

/**
 * Makes the AWS managed key that an alias such as `alias/aws/s3` stands for, when it is not there and the service that
 * the alias names has come for a user of the account: that is its first use. Nobody else makes one.
 * @returns whether the alias names a key now
 * @see AWS KMS Developer Guide, "AWS managed keys"
 */
export async function ensureAwsManagedKey(
  { caller }: Call,
  parts: KmsParts,
  reference: KeyReference & { form: 'alias' },
): Promise<boolean> {
  const { accountId, region, name } = reference
  const service = caller.session?.forwarded?.services.at(-1)?.split('.', 1)[0]
  if (service === undefined || name !== `${PREFIX}${service}` || accountId !== caller.accountId) return false
  const { store, keys, aliases, now } = parts
  if ((await aliases.load(reference)) !== undefined) return true
  const material = await keys.newMaterial('SYMMETRIC_DEFAULT', accountId)
  try {
    await store.transition(async (tx) => {
      if ((await aliases.read(tx.db, reference)) !== undefined) {
        tx.unrecorded = 'the AWS managed key is there already'
        return
      }
      const made = {
        keyId: randomUUID(),
        accountId,
        region,
        spec: 'SYMMETRIC_DEFAULT',
        usage: 'ENCRYPT_DECRYPT',
        description: `Default key that protects my ${service} data when no other key is defined`,
        policy: awsManagedKeyPolicy(service, accountId, region),
        tags: [],
        manager: 'AWS',
        rotation: { periodDays: DEFAULT_ROTATION_PERIOD_DAYS, fromMs: now() },
      } as const
      const key = await keys.create(tx, made, material)
      const stored = await keys.read(tx.db, region, key.keyId)
      if (stored === undefined) throw new Error('a key that was just made cannot be read')
      await aliases.create(tx, { accountId, region, name }, stored)
      tx.record((changePosition) =>
        serviceEvent(key, { clockMs: now(), operation: 'CreateKey', changePosition }),
      )
    })
  } catch (error) {
    // Another request, maybe on another node, was the first.
    if (!(error instanceof DuplicateRowError)) throw error
  } finally {
    material.fill(0)
  }
  return true
}

/**
 * Everybody in the account may use it, as far as their own policies do, by way of its service and in no other way; the
 * account may look at it and change nothing. AWS's text.
 */
export function awsManagedKeyPolicy(service: string, accountId: string, region: string): string {
  const grants = granting.has(service)
  const root = iamArn({
    partition: partitionOf(region),
    accountId,
    resource: 'root',
  })
  const use = [
    'Encrypt',
    'Decrypt',
    'ReEncrypt*',
    'GenerateDataKey*',
    ...(grants ? ['CreateGrant'] : []),
    'DescribeKey',
  ]
  const look = ['Describe*', 'Get*', 'List*', ...(grants ? ['RevokeGrant'] : [])]
  return JSON.stringify(
    {
      Version: '2012-10-17',
      Id: `auto-${service}-2`,
      Statement: [
        {
          Sid: `Allow access through ${service} for all principals in the account that are authorized to use ${service}`,
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Action: use.map((name) => `kms:${name}`),
          Resource: '*',
          Condition: {
            StringEquals: {
              'kms:CallerAccount': accountId,
              'kms:ViaService': `${service}.${region}.${dnsSuffixOf(region)}`,
            },
          },
        },
        {
          Sid: 'Allow direct access to key metadata to the account',
          Effect: 'Allow',
          Principal: { AWS: root },
          Action: look.map((name) => `kms:${name}`),
          Resource: '*',
        },
      ],
    },
    null,
    2,
  )
}
