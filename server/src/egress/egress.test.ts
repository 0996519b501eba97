import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEgress, type Egress } from './egress.ts'
import { EgressError, type EgressFailure } from './egress-error.ts'
import { tlsSite } from './testing/tls-site.ts'

const bounds = { maxBytes: 1000 }

async function refuses(egress: Egress, url: string, reason: EgressFailure): Promise<void> {
  await assert.rejects(egress.get(url, bounds), (error) => {
    assert.ok(error instanceof EgressError)
    assert.equal(error.reason, reason, `${url}: ${String(error.cause)}`)
    return true
  })
}

test('a site that the operator lists and whose authority is trusted is read', async (t) => {
  const site = await tlsSite(t)
  for (const allow of [['localhost'], ['127.0.0.0/8', '::1']]) {
    const egress = createEgress({ allow, ca: [site.ca] })
    assert.equal((await egress.get(`${site.origin}/a?b=c`, bounds)).toString(), 'hello')
  }
  assert.deepEqual(site.asked, ['/a?b=c', '/a?b=c'])
})

test('nothing of this machine is reached when it is not listed, by whatever name', async (t) => {
  const site = await tlsSite(t)
  const egress = createEgress({ allow: [], ca: [site.ca] })
  for (const host of [
    'localhost',
    'LOCALHOST.',
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '[::1]',
    '[::ffff:127.0.0.1]',
  ]) {
    await refuses(egress, `https://${host}:${site.port}/`, 'forbidden')
  }
  assert.deepEqual(site.asked, [])
})

test('only HTTPS is spoken, and nobody logs in', async (t) => {
  const site = await tlsSite(t)
  const egress = createEgress({ allow: ['localhost'], ca: [site.ca] })
  for (const url of [
    `http://localhost:${site.port}/`,
    `https://user@localhost:${site.port}/`,
    `https://:secret@localhost:${site.port}/`,
    'file:///etc/passwd',
    'data:,hello',
    'localhost',
    '',
  ]) {
    await refuses(egress, url, 'url')
  }
})

test('a certificate that is not trusted, or of another name, is refused', async (t) => {
  const site = await tlsSite(t)
  await refuses(createEgress({ allow: ['localhost'] }), `${site.origin}/`, 'certificate')
  const other = await tlsSite(t)
  await refuses(createEgress({ allow: ['localhost'], ca: [other.ca] }), `${site.origin}/`, 'certificate')
  assert.deepEqual(site.asked, [])
})

test('redirects are not followed, and no other answer than 200 counts', async (t) => {
  const site = await tlsSite(t)
  const egress = createEgress({ allow: ['localhost'], ca: [site.ca] })
  for (const status of [201, 204, 301, 302, 307, 404, 500]) {
    site.answer = (_request, response) => {
      response.writeHead(status, { location: `${site.origin}/elsewhere` }).end()
    }
    await refuses(egress, `${site.origin}/start`, 'status')
  }
  assert.ok(!site.asked.includes('/elsewhere'))
})

test('an answer that is too long is cut off, whatever its header says', async (t) => {
  const site = await tlsSite(t)
  const egress = createEgress({ allow: ['localhost'], ca: [site.ca] })
  site.answer = (_request, response) => response.end(Buffer.alloc(1001))
  await refuses(egress, `${site.origin}/`, 'too-large')
  site.answer = (_request, response) => {
    // Chunked, and without an end.
    const more = () => response.write(Buffer.alloc(400), (error) => error ?? setImmediate(more))
    more()
  }
  await refuses(egress, `${site.origin}/`, 'too-large')
  site.answer = (_request, response) => response.end(Buffer.alloc(1000))
  assert.equal((await egress.get(`${site.origin}/`, bounds)).length, 1000)
})

test('an answer that breaks off is no answer', async (t) => {
  const site = await tlsSite(t)
  const egress = createEgress({ allow: ['localhost'], ca: [site.ca] })
  site.answer = (_request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half', () => response.destroy())
  }
  await refuses(egress, `${site.origin}/`, 'unreachable')
})

test('who does not answer in time is given up, and who does not answer at all', async (t) => {
  const site = await tlsSite(t)
  const egress = createEgress({ allow: ['localhost'], ca: [site.ca], timeoutMs: 200 })
  site.answer = () => undefined
  await refuses(egress, `${site.origin}/`, 'timeout')
  site.answer = (_request, response) => {
    response.writeHead(200)
    response.write('some')
  }
  await refuses(egress, `${site.origin}/`, 'timeout')
  await refuses(egress, 'https://localhost:1/', 'unreachable')
  await refuses(egress, 'https://no-such-host.invalid/', 'unreachable')
})

test('what is beyond the places waits for one, and gives up in its time', async (t) => {
  const site = await tlsSite(t)
  const egress = createEgress({ allow: ['localhost'], ca: [site.ca], mostAtOnce: 2, timeoutMs: 1000 })
  const { promise: asked, resolve: bothAsked } = Promise.withResolvers<void>()
  const waiting: (() => void)[] = []
  site.answer = (_request, response) => {
    waiting.push(() => response.end('late'))
    if (waiting.length === 2) bothAsked()
  }
  const two = [egress.get(`${site.origin}/1`, bounds), egress.get(`${site.origin}/2`, bounds)]
  await asked
  const third = egress.get(`${site.origin}/3`, bounds)
  site.answer = (_request, response) => response.end('third')
  assert.equal(waiting.length, 2)
  for (const answer of waiting) answer()
  assert.equal((await third).toString(), 'third')
  await Promise.all(two)

  site.answer = () => undefined
  const held = Promise.allSettled([4, 5].map((name) => egress.get(`${site.origin}/${name}`, bounds)))
  await refuses(egress, `${site.origin}/6`, 'timeout')
  assert.ok(!site.asked.includes('/6'))
  assert.deepEqual(
    (await held).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
})
