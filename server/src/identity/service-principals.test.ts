import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { prepareSelfSigned } from '../http/self-signed.ts'
import { freshDataDir } from '../deployment/testing/deployment-fixture.ts'
import { DuplicateRowError } from '../store/store.ts'
import { createLog } from '../telemetry/log.ts'
import { globalName, namesOf, regionalName, ServicePrincipalError } from './service-principals.ts'
import { openIdentityFixture, type IdentityFixture } from './testing/identity-fixture.ts'

const NAME = 's3.us-east-1.amazonaws.com'

async function certificate(
  t: { after(cleanUp: () => void): void },
  { clock }: IdentityFixture,
): Promise<string> {
  const log = createLog({ level: 'silent', destination: 2 })
  const directory = freshDataDir(t)
  const { certFile } = await prepareSelfSigned({ directory, names: ['localhost'] }, { clock, log })
  return readFileSync(certFile, 'utf8')
}

const fingerprintOf = (pem: string) =>
  new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()

test('a service is found by its certificate until it is removed', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { servicePrincipals } = fixture.opened
  const pem = await certificate(t, fixture)
  const fingerprint = fingerprintOf(pem)
  assert.equal(await servicePrincipals.load(fingerprint), undefined)
  await fixture.change((tx) => servicePrincipals.register(tx, NAME, pem))
  const entry = await servicePrincipals.load(fingerprint)
  assert.equal(entry?.value.name, NAME)
  assert.equal(entry.value.signingName, 's3')
  assert.equal(entry.value.region, 'us-east-1')
  assert.equal(servicePrincipals.find(fingerprint), entry)

  const stored = await servicePrincipals.read(NAME)
  assert.ok(stored)
  await fixture.change((tx) => servicePrincipals.remove(tx, stored))
  assert.equal(entry.valid, false)
  assert.equal(await servicePrincipals.load(fingerprint), undefined)
})

test('a name has one certificate, and a certificate one name', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { servicePrincipals } = fixture.opened
  const [one, other] = [await certificate(t, fixture), await certificate(t, fixture)]
  const register = (name: string, pem: string) =>
    fixture.change((tx) => servicePrincipals.register(tx, name, pem))
  await register(NAME, one)
  await assert.rejects(register(NAME, other), DuplicateRowError)
  await assert.rejects(register('ebs.amazonaws.com', one), DuplicateRowError)
  await register('ebs.amazonaws.com', other)
  assert.deepEqual(
    (await servicePrincipals.list()).map(({ name }) => name),
    ['ebs.amazonaws.com', NAME],
  )
})

test('what is no name of a service, or no certificate whose time is not over, is refused', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { servicePrincipals } = fixture.opened
  const pem = await certificate(t, fixture)
  const refused = (name: string, text: string) =>
    assert.rejects(
      fixture.change((tx) => servicePrincipals.register(tx, name, text)),
      ServicePrincipalError,
      name,
    )
  for (const name of [
    '',
    's3',
    'S3.amazonaws.com',
    's3.amazonaws.com.evil.example',
    's3.nowhere.amazonaws.com',
    's3.us-east-1.evil.amazonaws.com',
    'kms.amazonaws.com',
    'sts.us-east-1.amazonaws.com',
    's3.us-east-1.amazonaws.com.cn',
    's3.cn-north-1.amazonaws.com',
    'kms.cn-north-1.amazonaws.com.cn',
    's3.amazonaws.com.cn.evil.example',
  ]) {
    await refused(name, pem)
  }
  for (const text of ['', 'nothing', pem.slice(0, 200)]) await refused(NAME, text)
  fixture.clock.advance(100 * 365 * 86_400_000)
  await refused(NAME, pem)
})

test('a row that somebody edited opens nothing', async (t) => {
  const fixture = await openIdentityFixture(t)
  const { servicePrincipals } = fixture.opened
  const pem = await certificate(t, fixture)
  const { certificateFingerprint } = await fixture.change((tx) => servicePrincipals.register(tx, NAME, pem))
  await fixture.change((tx) =>
    tx.db.updateTable('service_principals').set({ name: 'ebs.amazonaws.com' }).execute(),
  )
  await assert.rejects(servicePrincipals.load(certificateFingerprint), /service_principals/)
})

test('names come with and without their Region', () => {
  const regional = { name: NAME, signingName: 's3', region: 'us-east-1' }
  const everywhere = { name: 's3.amazonaws.com', signingName: 's3', region: undefined }
  const facts = { certificateFingerprint: '', notBeforeMs: 0, notAfterMs: 0, createdAtMs: 0 }
  assert.equal(regionalName({ ...regional, ...facts }, 'us-east-1'), NAME)
  assert.equal(regionalName({ ...everywhere, ...facts }, 'eu-west-1'), 's3.eu-west-1.amazonaws.com')
  assert.deepEqual(namesOf({ ...regional, ...facts }), [NAME, 's3.amazonaws.com'])
  assert.deepEqual(namesOf({ ...everywhere, ...facts }), ['s3.amazonaws.com'])
  assert.equal(globalName(NAME), 's3.amazonaws.com')
  assert.equal(globalName('something else'), 'something else')
})

test('in China Regions a service has names of its own, and the one that it has everywhere', () => {
  const name = 'ec2.cn-north-1.amazonaws.com.cn'
  const facts = { certificateFingerprint: '', notBeforeMs: 0, notAfterMs: 0, createdAtMs: 0 }
  const regional = { name, signingName: 'ec2', region: 'cn-north-1', ...facts }
  assert.equal(regionalName(regional, 'cn-north-1'), name)
  assert.equal(globalName(name), 'ec2.amazonaws.com.cn')
  assert.deepEqual(namesOf(regional), [name, 'ec2.amazonaws.com.cn', 'ec2.amazonaws.com'])
  for (const global of ['ec2.amazonaws.com', 'ec2.amazonaws.com.cn']) {
    const everywhere = { name: global, signingName: 'ec2', region: undefined, ...facts }
    assert.equal(regionalName(everywhere, 'cn-north-1'), name)
    assert.equal(regionalName(everywhere, 'eu-west-1'), 'ec2.eu-west-1.amazonaws.com')
    assert.deepEqual(namesOf(everywhere), [global])
  }
})
