import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer, temporaryFolder, type ServerProcess } from '../server-process.ts'
import { newCertificate, postAs, serviceClient, shownRequest, type Certificate } from '../service-client.ts'
import { startPostgres, type PostgresServer } from './postgres.ts'
import { dataDirOfSecondNode } from './second-node.ts'

interface Node {
  readonly server: ServerProcess
  readonly servicesUrl: string
  readonly ca: string
}

const S3 = 's3.us-east-1.amazonaws.com'
let postgres: PostgresServer
let env: Readonly<Record<string, string>>
let a: Node
let b: Node
let s3: Certificate

before(async () => {
  postgres = await startPostgres()
  env = { KEYWRIGHT_DATABASE_URL: await postgres.freshDatabase() }
  a = await startNode(join(temporaryFolder(), 'data'))
  b = await startNode(dataDirOfSecondNode(a.server))
  s3 = await newCertificate()
  await keywright('service', 'register', S3, '--certificate', s3.file)
})
after(async () => {
  await Promise.all([a.server.stop(), b.server.stop()])
  await postgres.remove()
})

async function startNode(dataDir: string): Promise<Node> {
  const server = await startServer({
    env,
    dataDir,
    args: ['--tls-self-signed', '--services-listen', '127.0.0.1:0'],
  })
  const printed = (pattern: RegExp) => pattern.exec(server.stdout())?.[1] ?? ''
  return {
    server,
    servicesUrl: printed(/^Registered services: (\S+)$/m),
    ca: readFileSync(printed(/^Certificate authority to trust: (\S+)/m), 'utf8'),
  }
}

async function keywright(...args: string[]): Promise<void> {
  const { code, stderr } = await runKeywright(args, { dataDir: a.server.dataDir, env })
  assert.equal(code, 0, stderr)
}

const forward = ({ servicesUrl, ca }: Node, request: object) =>
  postAs(new URL('/-/forward-access', servicesUrl), request, { ca, as: s3 })

test('a user’s request is good for one session over all nodes', async () => {
  for (let round = 0; round < 10; round++) {
    const request = shownRequest(a.server)
    const answers = await Promise.all([a, b, a, b].map((node) => forward(node, request)))
    const statuses = answers.map(({ status }) => status).toSorted((x, y) => x - y)
    assert.deepEqual(statuses, [200, 409, 409, 409], JSON.stringify(answers))
  }
})

test('a session works on every node, until the service is removed on one', async () => {
  const { id: KeyId } = await newKey(kmsClient(a.server, { ca: a.ca }))
  const { body: issued } = await forward(a, shownRequest(a.server))
  const [onA, onB] = [a, b].map(({ servicesUrl, ca }) => serviceClient(servicesUrl, issued, { ca, as: s3 }))
  assert.ok(onA && onB)
  const Plaintext = Buffer.from('x')
  await onA.encrypt({ KeyId, Plaintext })
  await onB.encrypt({ KeyId, Plaintext })
  await keywright('service', 'remove', S3)
  for (const kms of [onB, onA]) {
    await assertRefused(kms.encrypt({ KeyId, Plaintext }), 'UnrecognizedClientException', /./)
  }
})
