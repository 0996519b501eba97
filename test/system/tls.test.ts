import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { startServer, type ServerProcess } from '../server-process.ts'
import { terminal } from './terminal.ts'

let server: ServerProcess
let caFile: string
before(async () => {
  server = await startServer({ args: ['--tls-self-signed'] })
  caFile = /^Certificate authority to trust: (\S+)/m.exec(server.stdout())?.[1] ?? ''
  assert.match(server.url, /^https:\/\//)
})
after(() => server.stop())

test('the AWS CLI works over HTTPS with the line that the server prints, and refuses an authority it does not know', async () => {
  const printed = /^ {2}(export .*)$/m.exec(server.stdout())?.[1] ?? ''
  assert.match(printed, /AWS_CA_BUNDLE=/)
  const user = terminal(server)
  const key = `unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; ${printed}; aws --endpoint-url ${server.url} kms create-key`
  assert.match(await user.text(key), /"KeyState": "Enabled"/)
  const byName = `${printed}; aws --endpoint-url ${server.url.replace('127.0.0.1', 'localhost')} kms list-keys --query 'length(Keys)'`
  assert.equal(await user.text(byName), '1')

  const stranger = await user.run(`aws --endpoint-url ${server.url} kms list-keys`)
  assert.notEqual(stranger.code, 0)
  assert.match(stranger.stderr, /SSL validation failed|CERTIFICATE_VERIFY_FAILED/)
})

/** What a handshake of OpenSSL's own client shows. */
function handshake(...options: string[]): Promise<string> {
  const { host, hostname } = new URL(server.url)
  const args = [
    's_client',
    '-connect',
    host,
    '-CAfile',
    caFile,
    '-verify_return_error',
    '-verify_ip',
    hostname,
    ...options,
  ]
  return new Promise((resolve) => {
    const child = execFile('/usr/bin/openssl', args, { timeout: 30_000 }, (_error, stdout, stderr) => {
      resolve(stdout + stderr)
    })
    child.stdin?.end()
  })
}

test("OpenSSL's client gets TLS 1.3 with a certificate that it verifies, and TLS 1.2 when it asks for that", async () => {
  const modern = await handshake()
  assert.match(modern, /New, TLSv1\.3, Cipher is TLS_/)
  assert.match(modern, /Verify return code: 0 \(ok\)/)
  const older = await handshake('-tls1_2')
  assert.match(older, /Protocol *: TLSv1\.2|New, TLSv1\.2/)
  assert.match(older, /Cipher is ECDHE-/)
  assert.match(older, /Verify return code: 0 \(ok\)/)
})

test('TLS 1.1 and 1.0 are refused, however weak a security level the client allows itself', async () => {
  for (const version of ['-tls1_1', '-tls1']) {
    const shown = await handshake(version, '-cipher', 'ALL:@SECLEVEL=0')
    assert.match(shown, /alert protocol version/, version)
    assert.match(shown, /New, \(NONE\), Cipher is \(NONE\)/, version)
  }
})

test('ciphers without forward secrecy are refused', async () => {
  const shown = await handshake('-tls1_2', '-cipher', 'AES256-GCM-SHA384:AES128-SHA')
  assert.match(shown, /handshake failure/)
})
