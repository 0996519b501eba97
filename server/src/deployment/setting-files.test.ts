import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { issue } from '../crypto/attestation/testing/attestation-documents.ts'
import { DeploymentError } from './deployment-error.ts'
import { readAttestationRoots } from './setting-files.ts'
import { freshDataDir } from './testing/deployment-fixture.ts'

const nowMs = Date.now()

test('attestation roots are read from files, and AWS’s is built in', async (t) => {
  const [one, two] = [await issue(nowMs, { name: 'CN=one' }), await issue(nowMs, { name: 'CN=two' })]
  const file = join(freshDataDir(t), 'roots.pem')
  writeFileSync(file, `ours\n${one.pem}\n${two.pem}\n`)
  const [aws, ...ours] = readAttestationRoots(['aws', file])
  assert.equal(new X509Certificate(aws ?? '').subject, 'C=US\nO=Amazon\nOU=AWS\nCN=aws.nitro-enclaves')
  assert.deepEqual(ours, [one.der, two.der])
  assert.deepEqual(readAttestationRoots([]), [])
})

test('a file that holds no root of attestation documents stops the start, and is named', async (t) => {
  const folder = freshDataDir(t)
  const good = await issue(nowMs)
  for (const [name, content, reason] of [
    ['absent', undefined, /cannot be read from .*absent \(ENOENT\)/],
    ['empty', '', /empty: it does not hold certificates/],
    ['damaged', `${good.pem}\n${good.pem.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAA')}`, /one is damaged/],
    ['curve', (await issue(nowMs, { curve: 'P-256' })).pem, /curve: no attestation document .* not on P-384/],
    ['leaf', (await issue(nowMs, { authority: false })).pem, /leaf: no attestation document .* may not sign/],
    ['second', `${good.pem}\n${(await issue(nowMs, { authority: null })).pem}`, /second: .* may not sign/],
    ['long', (await issue(nowMs, { name: `CN=${'n'.repeat(900)}` })).pem, /long: .* too long/],
  ] as const) {
    const file = join(folder, name)
    if (content !== undefined) writeFileSync(file, content)
    assert.throws(
      () => readAttestationRoots(['aws', file]),
      (error) => {
        assert.ok(error instanceof DeploymentError)
        assert.match(error.message, /^attestationRoots/)
        assert.match(error.message, reason)
        return true
      },
    )
  }
})
