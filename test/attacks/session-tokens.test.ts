import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  iamClient,
  newUser,
  policyOf,
  sessionCredentials,
  stsClient,
  type AnyCredentials,
} from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import {
  clockAhead,
  startServer,
  temporaryFolder,
  type Credentials,
  type ServerProcess,
} from '../server-process.ts'
import { queryRequest, send, type RawAnswer } from '../signed-request.ts'
import { amzDateOf, exchange, signedBytes, statuses } from './raw-socket.ts'

const ACCOUNT = '111122223333'
const RoleArn = `arn:aws:iam::${ACCOUNT}:role/worker`
const everything = policyOf({ Effect: 'Allow', Action: '*', Resource: '*' })

/** Whom the role trusts. */
const trust = (name: string) =>
  JSON.stringify(
    policyOf({
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/${name}` },
      Action: 'sts:AssumeRole',
    }),
  )

async function makeRole(server: ServerProcess, trusted: string): Promise<void> {
  const iam = iamClient(server)
  await iam.createRole({ RoleName: 'worker', AssumeRolePolicyDocument: trust(trusted) })
  await iam.putRolePolicy({
    RoleName: 'worker',
    PolicyName: 'everything',
    PolicyDocument: JSON.stringify(everything),
  })
}

async function removeRole(server: ServerProcess): Promise<void> {
  const iam = iamClient(server)
  await iam.deleteRolePolicy({ RoleName: 'worker', PolicyName: 'everything' })
  await iam.deleteRole({ RoleName: 'worker' })
}

async function assume(
  server: ServerProcess,
  by: AnyCredentials,
  more: object = {},
): Promise<Required<AnyCredentials>> {
  const { Credentials } = await stsClient(server, by).assumeRole({
    RoleArn,
    RoleSessionName: 'build',
    ...more,
  })
  return sessionCredentials(Credentials)
}

/** What a holder of credentials is told, by a service of each protocol. */
async function tried(server: ServerProcess, session: AnyCredentials): Promise<string[]> {
  const { sessionToken, ...credentials } = session
  const token = sessionToken !== undefined && { sessionToken }
  const answers: RawAnswer[] = await Promise.all([
    send(server, { operation: 'ListKeys', body: {}, credentials, ...token }),
    send(server, queryRequest('iam', { Action: 'ListUsers' }, { credentials, ...token })),
    send(server, queryRequest('sts', { Action: 'GetCallerIdentity' }, { credentials, ...token })),
  ])
  return answers.map(({ status, error }) => (status === 200 ? 'answered' : error))
}

const answered = ['answered', 'answered', 'answered']
const invalid = ['UnrecognizedClientException', 'InvalidClientTokenId', 'InvalidClientTokenId']
const expired = ['ExpiredTokenException', 'ExpiredToken', 'ExpiredToken']

describe('session tokens', () => {
  let server: ServerProcess
  let alice: Credentials
  let session: Required<AnyCredentials>
  let other: Required<AnyCredentials>

  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
    alice = await newUser(iamClient(server), 'alice')
    await makeRole(server, 'alice')
    session = await assume(server, alice)
    other = await assume(server, alice, {
      RoleSessionName: 'other',
      Policy: JSON.stringify(policyOf({ Effect: 'Allow', Action: 'kms:GenerateRandom', Resource: '*' })),
    })
  })
  after(() => server.stop())

  test('untouched they work, over every protocol', async () => {
    assert.deepEqual(await tried(server, session), answered)
  })

  test('whatever is changed in a token, it is none', async () => {
    const token = session.sessionToken
    const changed = new Set<string>()
    const places = [0, 1, 2, 3, 10, 20, 40, 80, token.length >> 1, token.length - 5, token.length - 1]
    for (const place of places) {
      const character = token[place] === 'A' ? 'B' : 'A'
      changed.add(token.slice(0, place) + character + token.slice(place + 1))
    }
    for (const length of [1, 16, token.length >> 1, token.length - 4, token.length - 1])
      changed.add(token.slice(0, length))
    for (const more of ['A', 'AAAA', '=', '====', '%3D', ' x']) changed.add(token + more)
    changed.add(token + token)
    changed.add(Buffer.from(token, 'base64').toString('base64url').replaceAll('=', ''))
    changed.add(Buffer.from(token, 'base64').reverse().toString('base64'))
    changed.add(Buffer.from(`{"accountId":"${ACCOUNT}","principal":{"kind":"root"}}`).toString('base64'))
    changed.add('AAAA')
    changed.add('x'.repeat(8000))
    changed.delete(token)
    for (const sessionToken of changed)
      assert.deepEqual(await tried(server, { ...session, sessionToken }), invalid, sessionToken)
    assert.deepEqual(await tried(server, session), answered)
  })

  test('a token belongs to its access key and its secret', async () => {
    // One session's token in another's name would lift its session policy.
    assert.deepEqual(await tried(server, { ...other, sessionToken: session.sessionToken }), invalid)
    assert.deepEqual(await tried(server, { ...session, sessionToken: other.sessionToken }), invalid)
    assert.deepEqual(await tried(server, { ...other, accessKeyId: session.accessKeyId }), invalid)
    const wrongSecret = await tried(server, { ...session, secretAccessKey: other.secretAccessKey })
    assert.deepEqual(wrongSecret, [
      'InvalidSignatureException',
      'SignatureDoesNotMatch',
      'SignatureDoesNotMatch',
    ])
    assert.deepEqual(
      await tried(server, { accessKeyId: session.accessKeyId, secretAccessKey: session.secretAccessKey }),
      invalid,
    )
  })

  test('a token gives a long-lived access key nothing, and does not make it another', async () => {
    const mixed = await tried(server, { ...alice, sessionToken: session.sessionToken })
    assert.ok(
      mixed.every((each) => each !== 'answered'),
      mixed.join(),
    )
  })

  test('a token that is not signed along is refused, and so are two of them', async () => {
    const { sessionToken, ...credentials } = session
    const unsigned = await send(server, {
      operation: 'ListKeys',
      body: {},
      credentials,
      sessionToken,
      unsigned: ['x-amz-security-token'],
    })
    assert.notEqual(unsigned.status, 200)
    for (const second of [sessionToken, other.sessionToken]) {
      const answer = await exchange(
        server.url,
        signedBytes({
          headers: [
            ['Host', new URL(server.url).host],
            ['X-Amz-Date', amzDateOf(Date.now())],
            ['X-Amz-Target', 'TrentService.ListKeys'],
            ['X-Amz-Security-Token', sessionToken],
            ['X-Amz-Security-Token', second],
          ],
          amzDate: amzDateOf(Date.now()),
          credentials,
        }),
      )
      assert.deepEqual(statuses(answer), [400])
    }
    const inQuery = await send(server, {
      operation: 'ListKeys',
      body: {},
      credentials,
      path: `/?X-Amz-Security-Token=${encodeURIComponent(sessionToken)}`,
    })
    assert.notEqual(inQuery.status, 200)
  })

  test('a token of another deployment is none, though accounts, names and access key are the same', async () => {
    const elsewhere = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
    try {
      const twin = await newUser(iamClient(elsewhere), 'alice')
      await makeRole(elsewhere, 'alice')
      const foreign = await assume(elsewhere, twin)
      assert.deepEqual(await tried(elsewhere, foreign), answered)
      assert.deepEqual(await tried(server, foreign), invalid)
      assert.deepEqual(await tried(elsewhere, session), invalid)
    } finally {
      await elsewhere.stop()
    }
  })
})

describe('what ends sessions', () => {
  let server: ServerProcess
  let alice: Credentials
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
    alice = await newUser(iamClient(server), 'alice', everything)
    await makeRole(server, 'alice')
  })
  after(() => server.stop())

  const isOver = async (session: AnyCredentials, what: string) => {
    const outcomes = await tried(server, session)
    assert.ok(
      outcomes.every((outcome) => outcome !== 'answered'),
      `${what}: ${outcomes.join()}`,
    )
  }

  test('a role that is deleted, and made again with the same name, has none of its old sessions', async () => {
    const session = await assume(server, alice)
    assert.deepEqual(await tried(server, session), answered)
    await removeRole(server)
    await isOver(session, 'deleted')
    await makeRole(server, 'alice')
    await isOver(session, 'made again')
    assert.deepEqual(await tried(server, await assume(server, alice)), answered)
  })

  test('a user that is deleted, and made again with the same name, has none of its old sessions', async () => {
    const iam = iamClient(server)
    const bob = await newUser(iam, 'bob', everything)
    const { Credentials } = await stsClient(server, bob).getSessionToken({})
    const session = sessionCredentials(Credentials)
    assert.equal((await tried(server, session))[0], 'answered')
    await iam.deleteAccessKey({ UserName: 'bob', AccessKeyId: bob.accessKeyId })
    await isOver(session, 'without the access key that asked for it')
    await iam.deleteUserPolicy({ UserName: 'bob', PolicyName: 'inline' })
    await iam.deleteUser({ UserName: 'bob' })
    await isOver(session, 'deleted')
    await newUser(iam, 'bob', everything)
    await isOver(session, 'made again')
  })

  test('sessions end while their access key is disabled, and are back with it', async () => {
    const iam = iamClient(server)
    const { Credentials } = await stsClient(server, alice).getSessionToken({})
    const session = sessionCredentials(Credentials)
    const set = (Status: 'Active' | 'Inactive') =>
      iam.updateAccessKey({ UserName: 'alice', AccessKeyId: alice.accessKeyId, Status })
    await set('Inactive')
    await isOver(session, 'disabled')
    await set('Active')
    assert.equal((await tried(server, session))[0], 'answered')
  })

  test('a deny of older tokens ends them and leaves newer ones', async () => {
    const iam = iamClient(server)
    const session = await assume(server, alice)
    const revokeBefore = (time: number) =>
      iam.putRolePolicy({
        RoleName: 'worker',
        PolicyName: 'revoke',
        PolicyDocument: JSON.stringify(
          policyOf({
            Effect: 'Deny',
            Action: '*',
            Resource: '*',
            Condition: { DateLessThan: { 'aws:TokenIssueTime': new Date(time).toISOString() } },
          }),
        ),
      })
    const kms = kmsClient(server, { credentials: session })
    await revokeBefore(Date.now() - 60_000)
    await kms.listKeys({})
    await revokeBefore(Date.now() + 2000)
    await assert.rejects(kms.listKeys({}), {
      name: 'AccessDeniedException',
      message: /with an explicit deny in an identity-based policy/,
    })
    await iam.deleteRolePolicy({ RoleName: 'worker', PolicyName: 'revoke' })
  })

  test('whoever lost the trust of a role keeps no key that a session of it may use, when the role is gone', async () => {
    const session = await assume(server, alice)
    const kms = kmsClient(server)
    const Policy = JSON.stringify(
      policyOf(
        {
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
          Action: 'kms:PutKeyPolicy',
          Resource: '*',
        },
        {
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:sts::${ACCOUNT}:assumed-role/worker/build` },
          Action: 'kms:Encrypt',
          Resource: '*',
        },
      ),
    )
    const { id: KeyId } = await newKey(kms, { Policy })
    const Plaintext = Buffer.from('x')
    await kmsClient(server, { credentials: session }).encrypt({ KeyId, Plaintext })
    await removeRole(server)
    await makeRole(server, 'alice')
    const again = await assume(server, alice)
    await assert.rejects(kmsClient(server, { credentials: session }).encrypt({ KeyId, Plaintext }), {
      name: 'UnrecognizedClientException',
    })
    // The session of the same name, of another role of the same name, is somebody else.
    await assert.rejects(kmsClient(server, { credentials: again }).encrypt({ KeyId, Plaintext }), {
      name: 'AccessDeniedException',
    })
  })
})

test('a token is over at its time, and not before', async () => {
  const dataDir = `${temporaryFolder()}/data`
  const env = { KEYWRIGHT_ACCOUNT_ID: ACCOUNT }
  const first = await startServer({ dataDir, env })
  const alice = await newUser(iamClient(first), 'alice')
  await makeRole(first, 'alice')
  const session = await assume(first, alice, { DurationSeconds: 900 })
  await first.stop()
  const minutes = (count: number) => count * 60_000
  for (const [ahead, expected] of [
    [minutes(14), 'answered'],
    [minutes(16), 'ExpiredTokenException'],
  ] as const) {
    const later = await startServer({ dataDir, env, nodeArgs: clockAhead(ahead) })
    const { sessionToken, ...credentials } = session
    const call = { credentials, sessionToken, at: new Date(Date.now() + ahead) }
    const json = await send(later, { operation: 'ListKeys', body: {}, ...call })
    assert.equal(json.status === 200 ? 'answered' : json.error, expected)
    if (expected !== 'answered') {
      const query = await send(later, queryRequest('sts', { Action: 'GetCallerIdentity' }, call))
      assert.deepEqual([json.status, query.status, query.error], [400, 403, expired[1]])
      assert.equal(query.message, 'The security token included in the request is expired')
    }
    await later.stop()
  }
})
