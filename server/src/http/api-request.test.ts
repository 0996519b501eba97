import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { ApiRequest } from './api-request.ts'

async function startServer(
  t: TestContext,
  onRequest: (request: ApiRequest, response: ServerResponse) => void,
): Promise<Socket> {
  const server = createServer({ IncomingMessage: ApiRequest, requireHostHeader: false }, onRequest)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => {
    client.destroy()
    server.close()
  })
  return client
}

function answersTo(client: Socket, wanted: number): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    client.setEncoding('latin1').on('data', (piece: string) => {
      text += piece
      if (text.split('HTTP/1.1 200').length > wanted) resolve(text)
    })
  })
}

test('a request has all its fields, and an object of them only for who asks', async (t) => {
  const seen: unknown[] = []
  const client = await startServer(t, (request, response) => {
    seen.push({ ...request.headers }, request.fields['x-one'], request.fields.host, request.framing)
    response.end()
  })
  client.write('GET / HTTP/1.1\r\nHOST: here\r\nX-One: 1\r\nX-One: 2\r\n\r\n')
  await answersTo(client, 1)
  assert.deepEqual(seen, [{}, '1, 2', 'here', { hosts: 1, bodyBytes: 0, expects: false }])
})

test('a body in several pieces is one Buffer, and an Expect is seen in whatever case it is written', async (t) => {
  const bodies: string[] = []
  const client = await startServer(t, (request, response) => {
    assert.equal(request.headers.expect, '100-continue')
    request.collectBody(1000, {
      done(body) {
        bodies.push(body.toString())
        response.end()
      },
      mayBeLong: () => true,
      tooLarge: assert.fail,
    })
  })
  client.write('POST / HTTP/1.1\r\nHost: here\r\neXpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n')
  client.write('3\r\nabc\r\n5\r\ndefgh\r\n')
  setImmediate(() => client.write('2\r\nij\r\n0\r\n\r\n'))
  await answersTo(client, 1)
  assert.deepEqual(bodies, ['abcdefghij'])
})

test('a connection lets go of a request that was answered', async (t) => {
  const requests: ApiRequest[] = []
  const client = await startServer(t, (request, response) => {
    requests.push(request)
    request.collectBody(1000, { done: () => response.end(), mayBeLong: () => true, tooLarge: assert.fail })
  })
  const answers = answersTo(client, 2)
  const post = 'POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc'
  client.write(post + post)
  await answers
  const [first] = requests
  assert.ok(first)
  assert.equal(requests.length, 2)
  assert.equal(first.readableEnded, true)
  // What would keep the body of the last request of each idle connection, 1 MiB at most.
  const { parser } = first.socket as Socket & { parser?: { incoming: unknown } }
  assert.equal(parser?.incoming, null)
})
