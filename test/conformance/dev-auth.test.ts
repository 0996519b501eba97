import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer, temporaryFolder } from '../server-process.ts'
import type { Credentials } from '../server-process.ts'
import { send } from '../signed-request.ts'

const server = await startServer({ args: ['--dev-auth'] })
const { dataDir } = server
after(() => server.stop())

const withId = (accessKeyId: string) =>
  kmsClient(server, { credentials: { accessKeyId, secretAccessKey: 'anything' } })

test('any access key id is the root user of the first account, and its secret does not matter', async () => {
  for (const id of ['test', 'AKIAIOSFODNN7EXAMPLE', '12345678901', '1234567890123']) {
    assert.match((await newKey(withId(id))).arn, /^arn:aws:kms:us-east-1:000000000000:key\//)
  }
  const { accessKeyId } = server.credentials
  assert.match((await newKey(withId(accessKeyId))).arn, /:000000000000:/)
})

test('twelve digits are an account of their own, made when they are first used, also by many at once', async () => {
  const kms = withId('123456789012')
  const made = await Promise.all(Array.from({ length: 5 }, () => newKey(kms)))
  for (const { arn } of made) assert.match(arn, /^arn:aws:kms:us-east-1:123456789012:key\//)
  assert.equal((await kms.listKeys({})).Keys?.length, 5)
  await assertRefused(
    withId('test').describeKey({ KeyId: made[0]?.arn }),
    'AccessDeniedException',
    /not authorized/,
  )
  const accounts = JSON.parse((await runKeywright(['account', 'list', '--json'], { dataDir })).stdout) as {
    accountId: string
  }[]
  assert.deepEqual(accounts.map((account) => account.accountId).toSorted(), ['000000000000', '123456789012'])
})

test('access keys that exist keep their meaning, a disabled one included', async () => {
  await runKeywright(['account', 'create', '777788889999'], { dataDir })
  const created = await runKeywright(['credentials', 'create', '777788889999', '--json'], { dataDir })
  const { accessKeyId } = JSON.parse(created.stdout) as Credentials
  const kms = withId(accessKeyId)
  assert.match((await newKey(kms)).arn, /:777788889999:/)
  await runKeywright(['credentials', 'disable', accessKeyId], { dataDir })
  await assertRefused(kms.listKeys({}), 'UnrecognizedClientException', /security token/)
})

test('a signature must still be there and name a Region that is served', async () => {
  const refused = async (raw: Partial<Parameters<typeof send>[1]>) =>
    (await send(server, { operation: 'ListKeys', body: '{}', ...raw })).error
  assert.equal(await refused({ authorization: () => undefined }), 'MissingAuthenticationTokenException')
  assert.equal(
    await refused({ authorization: () => 'AWS4-HMAC-SHA256 nonsense=1' }),
    'IncompleteSignatureException',
  )
  assert.equal(await refused({ region: 'mars-north-1' }), 'InvalidSignatureException')
})

test('a web page in a browser cannot use the keys: an Origin is refused', async () => {
  for (const origin of ['https://example.com', 'null', 'http://127.0.0.1']) {
    const answer = await send(server, { operation: 'ListKeys', body: '{}', headers: { origin } })
    assert.equal(answer.status, 400)
    assert.equal(answer.error, 'AccessDeniedException', `${origin}: ${answer.body}`)
  }
})

test('it is loudly said, in the log and on the terminal', () => {
  assert.match(server.stderr(), /signatures are NOT verified/)
  assert.match(server.stdout(), /signatures are NOT verified/)
})

test('a deployment that was not made for it refuses it, and one that was verifies signatures without it', async () => {
  const ordinary = join(temporaryFolder(), 'data')
  assert.equal((await runKeywright(['init'], { dataDir: ordinary })).code, 0)
  const refused = await runKeywright(['serve', '--port', '0', '--dev-auth'], { dataDir: ordinary })
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /^keywright: devAuth is refused.*\n$/)

  const made = join(temporaryFolder(), 'data')
  assert.equal((await runKeywright(['init', '--dev-auth'], { dataDir: made })).code, 0)
  const strict = await startServer({ dataDir: made })
  after(() => strict.stop())
  const { accessKeyId } = strict.credentials
  const forged = kmsClient(strict, { credentials: { accessKeyId, secretAccessKey: 'anything' } })
  await assertRefused(forged.listKeys({}), 'InvalidSignatureException', /does not match/)
  await kmsClient(strict).listKeys({})
})

test('an address that others can reach refuses it', async () => {
  const refused = await runKeywright(
    ['serve', '--port', '0', '--dev-auth', '--host', '0.0.0.0', '--insecure-http'],
    {
      dataDir: join(temporaryFolder(), 'data'),
    },
  )
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /^keywright: .*devAuth.*\n$/i)
})
