import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KMS } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { send, type RawAnswer } from '../signed-request.ts'

const OTHER_TENANT = '222222222222'
const rsa4096 = { KeySpec: 'RSA_4096', KeyUsage: 'SIGN_VERIFY' } as const
const rsaSignature = { Message: Buffer.from('to sign'), SigningAlgorithm: 'RSASSA_PSS_SHA_256' } as const

test('while RSA keys are made and used to sign, Encrypt is answered many times for each of them', async () => {
  await using server = await started()
  const kms = kmsClient(server)
  const { id: sealing } = await newKey(kms)
  const { id: signing } = await newKey(kms, rsa4096)

  const creations = 5
  let underWay = true
  const made = Promise.all(Array.from({ length: creations }, () => newKey(kms, rsa4096))).finally(() => {
    underWay = false
  })
  const asLongAsTheyAreMade = async (ask: () => Promise<unknown>): Promise<number> => {
    let answers = 0
    for (; underWay; answers++) await ask()
    return answers
  }
  const [encrypted] = await Promise.all([
    asLongAsTheyAreMade(() => kms.encrypt({ KeyId: sealing, Plaintext: Buffer.from('to seal') })),
    ...Array.from({ length: 8 }, () =>
      asLongAsTheyAreMade(() => kms.sign({ KeyId: signing, ...rsaSignature })),
    ),
    made,
  ])

  // A key takes longer than a hundred Encrypts. If they waited for keys, there would be one of them for each.
  assert.ok(encrypted > 10 * creations, `${encrypted} Encrypts while ${creations} keys were made`)
})

test("a tenant's key is made before the many that another tenant has asked for", async () => {
  await using server = await started()
  const others = kmsClient(server, { credentials: await otherTenant(server) })
  const flood = new Flood(server, 'CreateKey', rsa4096, 15)
  await flood.firstAnswer

  const before = flood.answers
  await newKey(others, { ...rsa4096, KeySpec: 'RSA_2048' })
  const meanwhile = flood.answers - before
  // One or two were being made when it came, and one may have been in turn before it.
  assert.ok(meanwhile < 7, `${meanwhile} keys of the flood came before the only one of another tenant`)
})

test("a tenant's signature is made before the many that another tenant has asked for", async () => {
  await using server = await started()
  const others = kmsClient(server, { credentials: await otherTenant(server) })
  const { id } = await newKey(kmsClient(server), rsa4096)
  const { id: otherId } = await newKey(others, rsa4096)
  await others.sign({ KeyId: otherId, ...rsaSignature })

  const flood = new Flood(server, 'Sign', { KeyId: id, ...asJson(rsaSignature) }, 200)
  await flood.firstAnswer
  const before = flood.answers
  await others.sign({ KeyId: otherId, ...rsaSignature })
  const meanwhile = flood.answers - before
  assert.ok(
    meanwhile < 100,
    `${meanwhile} signatures of the flood came before the only one of another tenant`,
  )
  await flood.over
})

test('what is too much is refused at once with ThrottlingException, and the attempts of an SDK get through', async () => {
  await using server = await started()
  const kms = kmsClient(server)
  const { id: KeyId } = await newKey(kms, { KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' })
  // The slowest that there is: some milliseconds each, so that more wait than a tenant may have waiting.
  const slow = { KeyId, MessageType: 'EXTERNAL_MU', SigningAlgorithm: 'ML_DSA_SHAKE_256' } as const
  const Message = Buffer.alloc(64)
  const flood = new Flood(server, 'Sign', { ...slow, Message: Message.toString('base64') }, 900)
  const refused = await flood.firstRefusal
  assert.deepEqual(
    { status: refused.status, error: refused.error, message: refused.message },
    {
      status: 400,
      error: 'ThrottlingException',
      message: 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
    },
  )
  assert.ok(flood.answers < 450, `${flood.answers} were answered before one was refused`)

  const patient = new KMS({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: server.credentials,
    maxAttempts: 20,
  })
  const { Signature } = await patient.sign({ ...slow, Message })
  assert.equal((await kms.verify({ ...slow, Message, Signature })).SignatureValid, true)
  await flood.over
  // Nothing else was refused, and nothing was lost.
  assert.deepEqual(new Set(flood.refusals), new Set(['ThrottlingException']))
  assert.equal(flood.answers + flood.refusals.length, 900)
})

/** Ended with the test, whatever becomes of it. */
async function started(): Promise<ServerProcess & AsyncDisposable> {
  const server = await startServer()
  return { ...server, credentials: server.credentials, [Symbol.asyncDispose]: () => server.kill() }
}

async function otherTenant({ dataDir }: ServerProcess): Promise<Credentials> {
  assert.equal((await runKeywright(['account', 'create', OTHER_TENANT], { dataDir })).code, 0)
  const made = await runKeywright(['credentials', 'create', OTHER_TENANT, '--json'], { dataDir })
  return JSON.parse(made.stdout) as Credentials
}

function asJson({ Message, ...rest }: { Message: Buffer }): object {
  return { ...rest, Message: Message.toString('base64') }
}

/** The same request many times at once, each on a connection of its own; what comes of it is counted. */
class Flood {
  answers = 0
  readonly refusals: string[] = []
  readonly firstAnswer: Promise<RawAnswer>
  readonly firstRefusal: Promise<RawAnswer>
  /** When all are answered, or their connections ended. */
  readonly over: Promise<unknown>

  constructor(server: ServerProcess, operation: string, body: object, times: number) {
    const answer = Promise.withResolvers<RawAnswer>()
    const refusal = Promise.withResolvers<RawAnswer>()
    this.firstAnswer = answer.promise
    this.firstRefusal = refusal.promise
    const ask = async () => {
      const received = await send(server, { operation, body })
      if (received.status === 200) {
        this.answers++
        answer.resolve(received)
      } else {
        this.refusals.push(received.error)
        refusal.resolve(received)
      }
    }
    this.over = Promise.allSettled(Array.from({ length: times }, ask)).finally(() => {
      answer.reject(new Error(`none of ${times} requests was answered: ${this.refusals.join(', ')}`))
      refusal.reject(new Error(`none of ${times} requests was refused`))
    })
    // Whoever does not ask for them does not hear of it.
    this.firstAnswer.catch(() => {})
    this.firstRefusal.catch(() => {})
  }
}
