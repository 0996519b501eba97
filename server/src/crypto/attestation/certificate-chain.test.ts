import 'reflect-metadata'
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import * as x509 from '@peculiar/x509'
import { AttestationError } from './attestation-error.ts'
import { createCertificateChains } from './certificate-chain.ts'
import {
  issue,
  nitroChain,
  type CertificateForm,
  type Chain,
  type Issued,
} from './testing/attestation-documents.ts'

const nowMs = Date.parse('2026-11-22T10:00:00Z')
const HOUR_MS = 3_600_000
const chain = await nitroChain(nowMs)
const [root] = chain

const keyOf = (below: Chain, roots: readonly Issued[] = [below[0]], clockMs = nowMs) =>
  createCertificateChains(
    roots.map(({ der }) => der),
    () => clockMs,
  ).keyOf(
    below.at(-1)?.der ?? Buffer.alloc(0),
    below.slice(0, -1).map(({ der }) => der),
  )

async function assertRefused(call: Promise<unknown> | (() => unknown), reason: RegExp): Promise<void> {
  const isReason = (error: unknown) => {
    assert.ok(error instanceof AttestationError, String(error))
    assert.match(error.message, reason)
    return true
  }
  if (typeof call === 'function') assert.throws(call, isReason)
  else await assert.rejects(call, isReason)
}

/** Root, one authority and a signer, with what a test makes different. */
async function shortChain(forms: {
  root?: CertificateForm
  authority?: CertificateForm
  signer?: CertificateForm
}): Promise<Chain> {
  const top = await issue(nowMs, { name: 'CN=root', ...forms.root })
  const authority = await issue(nowMs, { name: 'CN=authority', issuer: top, ...forms.authority })
  const signer = { name: 'CN=signer', issuer: authority, authority: false, ...forms.signer }
  return [top, authority, await issue(nowMs, signer)]
}

test('the key of a certificate is found below a root that is trusted, at once and again', async () => {
  const chains = createCertificateChains([root.der], () => nowMs)
  const bundle = chain.slice(0, -1).map(({ der }) => der)
  const signer = chain.at(-1)?.der ?? Buffer.alloc(0)
  const expected = new X509Certificate(signer).publicKey
  for (const _ of [1, 2]) assert.ok((await chains.keyOf(signer, bundle)).equals(expected))
})

test('a chain may be as short as a root and its signer, and have more than one root to choose from', async () => {
  const signer = await issue(nowMs, { name: 'CN=signer', issuer: root, authority: false })
  await keyOf([root, signer], [chain[1] as Issued, root])
})

test('a root is known by its whole certificate, not by its name, its key or what the document brings along', async () => {
  const other = await nitroChain(nowMs)
  await assertRefused(keyOf(other, [root]), /not one that is trusted/)
  await assertRefused(keyOf([root, ...other.slice(1)]), /not issued by the one above/)
  await assertRefused(keyOf(chain.slice(1) as never, [root]), /not one that is trusted/)
  await assertRefused(keyOf([chain.at(-1) as Issued], [root]), /not one that is trusted/)
  await assertRefused(keyOf(chain, []), /not one that is trusted/)
  // A certificate that the trusted key itself issued, in place of the root.
  const again = await issue(nowMs, { name: 'CN=root', issuer: root })
  await assertRefused(keyOf([again, ...chain.slice(1)], [root]), /not one that is trusted/)
})

test('each certificate has to be issued by the one above it', async () => {
  const [, region, zone, instance, signer] = chain as readonly Issued[] as [
    Issued,
    Issued,
    Issued,
    Issued,
    Issued,
  ]
  for (const wrong of [
    [root, zone, region, instance, signer],
    [root, region, instance, signer],
    [root, region, zone, zone, instance, signer],
    [root, signer],
  ] as const) {
    await assertRefused(keyOf(wrong), /not issued by the one above|more below it/)
  }
})

test('a certificate outside its dates is refused, whichever it is; the clock may be half a minute behind', async () => {
  for (const member of ['root', 'authority', 'signer'] as const) {
    const period = { validFromMs: nowMs, validToMs: nowMs + HOUR_MS }
    const dated = await shortChain({ [member]: period })
    for (const aheadMs of [-30_000, 0, HOUR_MS]) await keyOf(dated, [dated[0]], nowMs + aheadMs)
    for (const aheadMs of [-30_001, HOUR_MS + 1000]) {
      await assertRefused(keyOf(dated, [dated[0]], nowMs + aheadMs), /not valid at this time/)
    }
  }
})

test('dates are looked at again when a chain was verified before', async () => {
  let clockMs = nowMs
  const chains = createCertificateChains([root.der], () => clockMs)
  const bundle = chain.slice(0, -1).map(({ der }) => der)
  const signer = chain.at(-1)?.der ?? Buffer.alloc(0)
  await chains.keyOf(signer, bundle)
  clockMs += 3 * HOUR_MS
  await assertRefused(chains.keyOf(signer, bundle), /not valid at this time/)
})

test('only P-384 with SHA-384 is accepted, in every certificate', async () => {
  for (const curve of ['P-256', 'P-521'] as const) {
    await assertRefused(keyOf(await shortChain({ signer: { curve } })), /not on P-384/)
    await assertRefused(keyOf(await shortChain({ authority: { curve } })), /not on P-384/)
    const [top] = await shortChain({ root: { curve } })
    await assertRefused(() => createCertificateChains([top.der], () => nowMs), /not on P-384/)
  }
  for (const member of ['signer', 'authority'] as const) {
    const weak = await shortChain({ [member]: { hash: 'SHA-256' } })
    await assertRefused(keyOf(weak), /not signed with ECDSA and SHA-384/)
  }
})

test('an authority is one by critical basic constraints and by its key usage', async () => {
  const { digitalSignature } = x509.KeyUsageFlags
  for (const authority of [
    { authority: false },
    { authority: null },
    { usages: digitalSignature },
    { usages: null },
  ] as const) {
    await assertRefused(keyOf(await shortChain({ authority })), /may not sign the one below it/)
    const [top] = await shortChain({ root: authority })
    await assertRefused(() => createCertificateChains([top.der], () => nowMs), /may not sign/)
  }
})

test('an authority that does not say so in a critical extension is neither an authority nor a signer', async () => {
  const unfit = { uncriticalConstraints: true } as const
  const reason = /basic constraints that cannot be/
  await assertRefused(keyOf(await shortChain({ authority: unfit })), reason)
  await assertRefused(keyOf(await shortChain({ signer: { ...unfit, authority: true } })), reason)
  const [top] = await shortChain({ root: unfit })
  await assertRefused(() => createCertificateChains([top.der], () => nowMs), reason)
})

test('no more authorities stand below one than it allows', async () => {
  await keyOf(await shortChain({ root: { pathLength: 1 }, authority: { pathLength: 0 } }))
  await assertRefused(keyOf(await shortChain({ root: { pathLength: 0 } })), /more below it/)
})

test('the signer is no authority, and signs data', async () => {
  await keyOf(await shortChain({ signer: { authority: null } }))
  for (const signer of [
    { authority: true, usages: x509.KeyUsageFlags.digitalSignature },
    { usages: x509.KeyUsageFlags.keyCertSign },
    { usages: x509.KeyUsageFlags.keyAgreement },
    { usages: null },
  ]) {
    await assertRefused(keyOf(await shortChain({ signer })), /not one that signs data/)
  }
  await assertRefused(keyOf(await shortChain({ signer: { pathLength: 0 } })), /cannot be/)
})

test('a critical extension that is not known is refused, one that is not critical passed over', async () => {
  const extension = (critical: boolean) =>
    new x509.Extension('1.3.6.1.4.1.99999.1', critical, Buffer.from([5, 0]))
  for (const member of ['authority', 'signer'] as const) {
    await keyOf(await shortChain({ [member]: { extensions: [extension(false)] } }))
    await assertRefused(
      keyOf(await shortChain({ [member]: { extensions: [extension(true)] } })),
      /critical extension that is not known/,
    )
    await assertRefused(
      keyOf(await shortChain({ [member]: { extensions: [extension(false), extension(false)] } })),
      /extension twice|not an X.509 certificate/,
    )
  }
})

test('what is not one certificate in DER is refused', async () => {
  const signer = chain.at(-1) as Issued
  for (const der of [
    Buffer.from('certificate'),
    Buffer.from(signer.pem),
    Buffer.concat([signer.der, Buffer.alloc(1)]),
    Buffer.concat([signer.der, signer.der]),
    signer.der.subarray(0, -1),
    Buffer.alloc(1024, 0x30),
  ]) {
    await assertRefused(keyOf([...chain.slice(0, -1), { ...signer, der }] as never), /./)
  }
})
