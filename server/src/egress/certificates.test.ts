import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificatesIn } from './certificates.ts'
import { tlsSite } from './testing/tls-site.ts'

test('the certificates of a file are found, whatever stands between them', async (t) => {
  const [one, two] = [await tlsSite(t), await tlsSite(t)]
  const pem = `# ours\n${one.ca}\ntheirs:\r\n${two.ca.replaceAll('\n', '\r\n')}`
  assert.equal(certificatesIn(pem)?.length, 2)
})

test('a file without certificates, or with a damaged one, is none', async (t) => {
  const { ca } = await tlsSite(t)
  const damaged = ca.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAAAAAAAAAAAAAAAAAA')
  for (const pem of ['', 'garbage', ca.replaceAll('CERTIFICATE', 'PUBLIC KEY'), `${ca}\n${damaged}`]) {
    assert.equal(certificatesIn(pem), undefined)
  }
})
