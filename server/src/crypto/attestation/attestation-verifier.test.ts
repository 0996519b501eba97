import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { AttestationError } from './attestation-error.ts'
import { createAttestationVerifier } from './attestation-verifier.ts'
import {
  attestationDocument,
  membersOf,
  nitroChain,
  payloadOf,
  pcr,
  pcrMap,
  signed,
  zeros,
  type Members,
  type MessageForm,
} from './testing/attestation-documents.ts'
import { cbor, CborMap, Raw, type CborValue } from './testing/cbor-writer.ts'
import { newEnclave } from './testing/enclave.ts'

const nowMs = Date.parse('2026-11-22T10:00:00Z')
const chain = await nitroChain(nowMs)
const enclave = newEnclave()
const withKey: Members = { public_key: enclave.publicKey }
const verifier = createAttestationVerifier([chain[0].der], () => nowMs)

const documentWith = (members: Members, form?: MessageForm) =>
  signed(chain, payloadOf(membersOf(chain, nowMs, { ...withKey, ...members })), form)

async function assertRefused(document: Buffer, reason: RegExp, by = verifier): Promise<void> {
  await assert.rejects(by.verify(document), (error) => {
    assert.ok(error instanceof AttestationError, String(error))
    assert.match(error.message, reason)
    return true
  })
}

test('a document of an enclave is accepted, and says which enclave it is and for which key', async () => {
  const attestation = await verifier.verify(attestationDocument(chain, nowMs, withKey))
  assert.equal(attestation.moduleId, 'i-0123456789abcdef0-enc0123456789abcdef')
  assert.equal(attestation.pcrs.size, 16)
  assert.deepEqual(attestation.pcrs.get(0), pcr(0))
  assert.deepEqual(attestation.pcrs.get(8), zeros)
  assert.equal(attestation.nitroTpmPcrs.size, 0)
  assert.deepEqual(attestation.recipientKey.spki, enclave.publicKey)
})

test('a document is accepted with a tag or without one, in definite and in indefinite lengths', async () => {
  const members = membersOf(chain, nowMs, withKey)
  for (const indefinite of [true, false]) {
    for (const form of [{}, { tag: 18 }])
      await verifier.verify(signed(chain, payloadOf(members, indefinite), form))
  }
})

test('a document of NitroTPM is accepted, and one with both kinds of registers', async () => {
  const tpm = pcrMap(Array.from({ length: 24 }, (_, index) => pcr(index)))
  const alone = await verifier.verify(documentWith({ pcrs: undefined, nitrotpm_pcrs: tpm }))
  assert.deepEqual([alone.pcrs.size, alone.nitroTpmPcrs.size, alone.nitroTpmPcrs.get(23)], [0, 24, pcr(23)])
  const both = await verifier.verify(documentWith({ nitrotpm_pcrs: tpm }))
  assert.deepEqual([both.pcrs.size, both.nitroTpmPcrs.size], [16, 24])
})

test('registers of 32, 48 and 64 bytes, and up to 32 of them, are accepted', async () => {
  for (const length of [32, 48, 64]) {
    const values = Array.from({ length: 32 }, () => Buffer.alloc(length, 7))
    const { pcrs: found } = await verifier.verify(documentWith({ pcrs: pcrMap(values) }))
    assert.equal(found.get(31)?.length, length)
  }
})

test('the optional members may have up to a kilobyte', async () => {
  await verifier.verify(documentWith({ user_data: Buffer.alloc(1024), nonce: Buffer.alloc(0) }))
  for (const name of ['user_data', 'nonce', 'public_key']) {
    await assertRefused(documentWith({ [name]: Buffer.alloc(1025) }), /too large/)
  }
})

test('a member that is missing, of another type, out of its bounds or not known is refused', async () => {
  const cases: readonly (readonly [Members, RegExp])[] = [
    ...['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'].map(
      (name) => [{ [name]: undefined }, new RegExp(`it has no ${name}$`)] as const,
    ),
    ...['module_id', 'digest', 'timestamp', 'pcrs', 'nitrotpm_pcrs', 'certificate', 'cabundle'].map(
      (name) => [{ [name]: null }, /form/] as const,
    ),
    [{ public_key: undefined }, /no public key/],
    [{ public_key: null }, /no public key/],
    [{ public_key: Buffer.alloc(0) }, /too short/],
    [{ public_key: 'text' }, /form/],
    [{ user_data: 1 }, /form/],
    [{ module_id: '' }, /too short/],
    [{ module_id: 'i'.repeat(257) }, /too large/],
    [{ module_id: Buffer.from('i-1') }, /form/],
    [{ digest: 'SHA256' }, /SHA384/],
    [{ timestamp: String(nowMs) }, /form/],
    [{ timestamp: -1 }, /form/],
    [{ pcrs: new CborMap([]) }, /no PCR/],
    [{ nitrotpm_pcrs: new CborMap([]) }, /no PCR/],
    [{ pcrs: [pcr(0)] }, /form/],
    [{ pcrs: new CborMap([[32, pcr(0)]]) }, /too large/],
    [{ nitrotpm_pcrs: new CborMap([[24, pcr(0)]]) }, /too large/],
    [{ pcrs: new CborMap([['0', pcr(0)]]) }, /form/],
    [{ pcrs: new CborMap([[-1, pcr(0)]]) }, /form/],
    [{ pcrs: new CborMap([[0, 'text']]) }, /form/],
    [{ pcrs: new CborMap([0, 0].map((index) => [index, pcr(index)])) }, /twice/],
    ...[0, 31, 33, 47, 49, 63, 65].map(
      (length) =>
        [{ pcrs: new CborMap([[0, Buffer.alloc(length)]]) }, /wrong length|too (short|large)/] as const,
    ),
    [{ certificate: Buffer.alloc(1025) }, /too large/],
    [{ certificate: Buffer.alloc(0) }, /too short/],
    [{ cabundle: [] }, /root/],
    [{ cabundle: [Buffer.alloc(1025)] }, /too large/],
    [{ cabundle: Array.from({ length: 16 }, () => chain[0].der) }, /too large/],
    [{ other: 1 }, /not known/],
    [{ ['__proto__']: 1 }, /not known/],
    [{ toString: 1 }, /not known/],
  ]
  for (const [members, reason] of cases) await assertRefused(documentWith(members), reason)
})

test('a member that comes twice, and bytes after the last one, are refused', async () => {
  const entries = Object.entries(membersOf(chain, nowMs, withKey)) as [string, CborValue][]
  for (const indefinite of [true, false]) {
    const twice = cbor(new CborMap([...entries.slice(0, -1), ['module_id', 'i-2']], indefinite))
    await assertRefused(signed(chain, twice), /twice/)
  }
  const payload = payloadOf(membersOf(chain, nowMs, withKey))
  await assertRefused(signed(chain, Buffer.concat([payload, Buffer.alloc(1)])), /after its end/)
  const document = signed(chain, payload)
  await assertRefused(Buffer.concat([document, Buffer.alloc(1)]), /after its end/)
})

test('another algorithm, another header and a header outside the signature are refused', async () => {
  const header = (...entries: [CborValue, CborValue][]) => cbor(new CborMap(entries))
  for (const protectedHeader of [
    header([1, -7]),
    header([1, -36]),
    header(),
    header([1, -35], [4, Buffer.from('key')]),
    header([1, -35], [2, [1]]),
    header([1, -35], [1, -35]),
    header(['1', -35]),
    Buffer.from('bf013822ff', 'hex'),
    Buffer.from('a101390022', 'hex'),
    Buffer.alloc(0),
  ]) {
    await assertRefused(documentWith({}, { protectedHeader }), /protected header/)
  }
  await assertRefused(documentWith({}, { protectedHeader: Buffer.alloc(65) }), /too large/)
  for (const unprotectedHeader of [new CborMap([[1, -35]]), new CborMap([[1, -35]], true)]) {
    await assertRefused(documentWith({}, { unprotectedHeader }), /too (large|many)/)
  }
  await assertRefused(documentWith({}, { unprotectedHeader: null }), /form/)
  await assertRefused(documentWith({}, { tag: 17 }), /tag/)
})

test('a signature that is missing, of another length or of another key is refused', async () => {
  for (const length of [0, 64, 95, 97, 132]) {
    await assertRefused(documentWith({}, { signature: Buffer.alloc(length, 1) }), /too (short|large)/)
  }
  await assertRefused(documentWith({}, { signature: Buffer.alloc(96) }), /signature/)
  const other = await nitroChain(nowMs)
  const payload = payloadOf(membersOf(chain, nowMs, withKey))
  await assertRefused(signed(other, payload), /its signature is not that of its certificate/)
})

test('no nesting, length or size makes the reader do more than refuse', async () => {
  for (const hostile of [
    Buffer.alloc(262_144, 0x81),
    Buffer.alloc(262_144, 0x9f),
    Buffer.alloc(262_144, 0xbf),
    Buffer.alloc(262_144, 0xd2),
    Buffer.from('845bffffffffffffffff', 'hex'),
    Buffer.from('9bffffffffffffffff', 'hex'),
    Buffer.alloc(0),
    documentWith({ user_data: new Raw('81'.repeat(4000)) }),
    documentWith({ pcrs: new Raw(`bf${'00'.repeat(4000)}`) }),
  ]) {
    await assertRefused(hostile, /./)
  }
  await assertRefused(signed(chain, Buffer.alloc(16_385, 0xbf)), /too large/)
})

test('a document is accepted from its time on for five minutes', async () => {
  let clockMs = nowMs
  const held = createAttestationVerifier([chain[0].der], () => clockMs)
  const document = attestationDocument(chain, nowMs, withKey)
  for (const [aheadMs, reason] of [
    [-30_001, /future/],
    [-30_000, undefined],
    [0, undefined],
    [5 * 60_000, undefined],
    [5 * 60_000 + 1, /five minutes old/],
  ] as const) {
    clockMs = nowMs + aheadMs
    if (reason === undefined) await held.verify(document)
    else await assertRefused(document, reason, held)
  }
  await assertRefused(documentWith({ timestamp: 0 }), /five minutes old/)
  await assertRefused(documentWith({ timestamp: Number.MAX_SAFE_INTEGER }), /future/)
})

test('only RSA keys of 2048 to 4096 bits are taken, alone and in their one form', async () => {
  const spkiOf = (key: KeyObject) => key.export({ format: 'der', type: 'spki' })
  // Nobody has to have the private key.
  const rsa = (bits: number, exponent = '010001', lowest = 1) => {
    const modulus = Buffer.alloc(Math.ceil(bits / 8), 0xa5)
    modulus[0] = 0xff >> ((8 - (bits % 8)) % 8)
    modulus[modulus.length - 1] = lowest
    const n = modulus.toString('base64url')
    const e = Buffer.from(exponent, 'hex').toString('base64url')
    return spkiOf(createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }))
  }
  for (const spki of [rsa(2048), rsa(3072), rsa(4096), rsa(2048, '03'), rsa(2048, 'ffffffff')]) {
    await verifier.verify(documentWith({ public_key: spki }))
  }
  for (const spki of [
    rsa(1024),
    rsa(2047),
    rsa(4097),
    rsa(2048, '01'),
    rsa(2048, '010000'),
    rsa(2048, '0100000003'),
    rsa(2048, '010001', 0),
    spkiOf(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
    spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey),
    spkiOf(generateKeyPairSync('ed25519').publicKey),
    Buffer.concat([enclave.publicKey, Buffer.alloc(1)]),
    enclave.publicKey.subarray(0, -1),
    Buffer.from('dummy'),
    Buffer.from(enclave.privateKey.export({ format: 'der', type: 'pkcs1' })).subarray(0, 1024),
  ]) {
    await assertRefused(documentWith({ public_key: spki }), /public key is not an RSA key/)
  }
})

test('whichever byte of a document is changed or cut off, it is refused', async () => {
  const document = attestationDocument(chain, nowMs, withKey)
  await verifier.verify(document)
  for (let length = 0; length < document.length; length += 7) {
    await assertRefused(document.subarray(0, length), /./)
  }
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 255 }), fc.nat(6), async (change, start) => {
      for (let at = start; at < document.length; at += 7) {
        const changed = Buffer.from(document)
        changed[at] = (changed[at] ?? 0) ^ change
        await assertRefused(changed, /./)
      }
    }),
    { numRuns: 5 },
  )
})

test('bytes of any kind are refused in the same way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
      await assertRefused(Buffer.from(bytes), /./)
      await assertRefused(signed(chain, Buffer.from([0xbf, ...bytes])), /./)
    }),
    { numRuns: 200 },
  )
})
