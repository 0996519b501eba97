import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { post, rawClient, startRig } from './testing/listener-rig.ts'

const fragment = fc.oneof(
  fc
    .constantFrom(
      'GET ',
      'POST ',
      '/ ',
      '/-/health ',
      '* ',
      'HTTP/1.1',
      'HTTP/1.0',
      '\r\n',
      '\n',
      '\r',
      ': ',
      ' ',
      '\0',
      'Host: a\r\n',
      'Host: b\r\n',
      'Content-Length: 5\r\n',
      'Content-Length: -1\r\n',
      'Content-Length: 99999999999999999999\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Connection: close\r\n',
      'Connection: upgrade\r\nUpgrade: h2c\r\n',
      'Expect: 100-continue\r\n',
      'Expect: x\r\n',
      '5\r\nhello\r\n',
      '0\r\n\r\n',
      'ffffffffffffffff\r\n',
      '5;ext=1\r\n',
      'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
      post('/whole', 'body'),
      'GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\n',
    )
    .map((text) => Buffer.from(text, 'latin1')),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.nat(20_000).map((length) => Buffer.alloc(length, 'x')),
)
const script = fc.record({
  parts: fc.array(fragment, { maxLength: 12 }),
  ending: fc.constantFrom('half-close', 'reset', 'destroy'),
})

async function survives(t: TestContext, options: Parameters<typeof startRig>[1]) {
  const rig = await startRig(t, {
    limits: { headerMs: 40, requestMs: 40, lingerMs: 20, idleMs: 20, proxyHeaderMs: 20 },
    ...options,
  })
  const prefix = options?.proxyProtocol
    ? Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')
    : Buffer.alloc(0)
  await fc.assert(
    fc.asyncProperty(script, async ({ parts, ending }) => {
      const client = await rawClient(t, rig.port)
      for (const part of parts) {
        if (!client.socket.writable) break
        client.send(part)
        await new Promise(setImmediate)
      }
      if (ending === 'half-close') {
        client.socket.end()
        const answers = await client.receiveAll()
        // Whatever was answered is HTTP, each answer with its request id.
        const heads = answers.match(/HTTP\/1\.1 (?!100)\d{3} [^\r]*\r\n/g)?.length ?? 0
        assert.equal(answers.match(/\r\nx-amzn-RequestId: /g)?.length ?? 0, heads, JSON.stringify(answers))
        if (answers !== '') assert.match(answers, /^HTTP\/1\.1 /)
      } else if (ending === 'reset') {
        client.socket.resetAndDestroy()
      } else {
        client.socket.destroy()
      }
      const honest = await rawClient(t, rig.port)
      honest.send(Buffer.concat([prefix, Buffer.from(post('/honest', 'fine'))]))
      await honest.receive(/fine$/)
      honest.socket.destroy()
    }),
    { numRuns: 150 },
  )
  // Nothing is left behind: every connection is closed without being told to.
  while ((await rig.metric('keywright_connections')) > 0)
    await new Promise((resolve) => setImmediate(resolve))
  assert.ok(!rig.lines.some((line) => line.includes('"level":"error"')))
}

test('no bytes crash the listener, disturb another client or leave a connection behind', async (t) => {
  await survives(t, {})
})

test('nor behind a configured proxy', async (t) => {
  await survives(t, { proxyProtocol: true, trustedProxies: ['127.0.0.1'] })
})
