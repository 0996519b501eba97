import { IAM } from '@aws-sdk/client-iam'
import { STS } from '@aws-sdk/client-sts'
import { ask } from './client-connection.ts'
import { atLeast, median, spread, type Figure } from './figure.ts'
import { startKeywright, type PinnedServer } from './pinned-process.ts'
import type { Bench, Question } from './question.ts'
import { writeRequestFile } from './request-file.ts'
import {
  credentials,
  encryptRequests,
  region,
  requestSigner,
  accountId,
  type Signer,
} from './signed-request.ts'
import { peakRound, type Round } from './wrk.ts'

/**
 * What does it cost that a role session asks and not the root user? Its requests carry a session token; what it may do is
 * said by three policies of its role, under a key policy that trusts the account.
 */
export const roleSession: Question = { name: 'role-session', ask: measure }

const KEYS = 10
const REQUESTS = 20_000

async function measure(bench: Bench): Promise<Figure[]> {
  const { cores, connections, seconds, rounds, say } = bench
  await using server = await startKeywright(cores.server, bench.fresh('data'))
  const keyIds: string[] = []
  for (let made = 0; made < KEYS; made++) {
    const answer = await ask<{ KeyMetadata: { KeyId: string } }>(
      server.port,
      requestSigner()('CreateKey', {}),
    )
    keyIds.push(answer.KeyMetadata.KeyId)
  }
  const fileFor = (signer: Signer) => {
    const file = bench.fresh('requests')
    writeRequestFile(file, encryptRequests(keyIds, REQUESTS, signer))
    return file
  }
  const files = { root: fileFor(credentials), session: fileFor(await session(server)) }
  const peak = (who: 'root' | 'session') =>
    peakRound(server, { core: cores.load, connections, seconds, requestFile: files[who] })
  // Neither is measured before its code has been compiled.
  for (const who of ['root', 'session', 'root', 'session'] as const) await peak(who)
  const pairs: { root: Round; session: Round }[] = []
  for (let i = 1; i <= rounds; i++) {
    const pair = { root: await peak('root'), session: await peak('session') }
    pairs.push(pair)
    say(`  round ${i}: root ${describe(pair.root)}; role session ${describe(pair.session)}`)
  }
  const byRate = pairs.map(({ root, session }) => session.requestsPerSecond / root.requestsPerSecond)
  const byCpu = pairs.map(({ root, session }) => root.cpuUsPerRequest / session.cpuUsPerRequest)
  const name = "Encrypt's throughput, by a role session against the root user"
  return [
    { name, value: spread(byRate, 3), target: atLeast(median(byRate), 0.9) },
    { name: 'the same by CPU per request', value: spread(byCpu, 3) },
  ]
}

function describe({ requestsPerSecond, cpuUsPerRequest }: Round): string {
  return `${requestsPerSecond.toFixed(0)}/s, ${cpuUsPerRequest.toFixed(0)} µs of CPU each`
}

async function session({ url: endpoint }: PinnedServer): Promise<Signer> {
  const iam = new IAM({ endpoint, region, credentials })
  const user = await iam.createUser({ UserName: 'deployer' })
  const { AccessKey: key } = await iam.createAccessKey({ UserName: 'deployer' })
  const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })
  const allow = (Action: string | string[], Resource: string) => ({ Effect: 'Allow', Action, Resource })
  await iam.putUserPolicy({
    UserName: 'deployer',
    PolicyName: 'assume',
    PolicyDocument: policy(allow('sts:AssumeRole', '*')),
  })
  const { Role } = await iam.createRole({
    RoleName: 'application',
    AssumeRolePolicyDocument: policy({
      Effect: 'Allow',
      Principal: { AWS: user.User?.Arn },
      Action: 'sts:AssumeRole',
    }),
  })
  const keys = `arn:aws:kms:${region}:${accountId}:key/*`
  for (const [PolicyName, statement] of [
    ['list', allow(['kms:List*', 'kms:Describe*'], '*')],
    ['use', allow(['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*'], keys)],
    ['never', { ...allow('kms:ScheduleKeyDeletion', keys), Effect: 'Deny' }],
  ] as const) {
    await iam.putRolePolicy({ RoleName: 'application', PolicyName, PolicyDocument: policy(statement) })
  }
  const sts = new STS({
    endpoint,
    region,
    credentials: { accessKeyId: key?.AccessKeyId ?? '', secretAccessKey: key?.SecretAccessKey ?? '' },
  })
  const assumed = await sts.assumeRole({ RoleArn: Role?.Arn ?? '', RoleSessionName: 'bench' })
  const { AccessKeyId, SecretAccessKey, SessionToken } = assumed.Credentials ?? {}
  if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined) {
    throw new Error('no role was assumed')
  }
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }
}
