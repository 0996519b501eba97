import 'reflect-metadata'
import { sign, webcrypto, KeyObject } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { cbor, CborMap, Raw, type CborValue } from './cbor-writer.ts'

const HOUR_MS = 3_600_000

/** A certificate, and what its owner signs with. */
export interface Issued {
  readonly der: Buffer
  readonly pem: string
  readonly subject: string
  readonly keys: { readonly privateKey: webcrypto.CryptoKey; readonly publicKey: webcrypto.CryptoKey }
}

export interface CertificateForm {
  readonly name?: string
  readonly issuer?: Issued
  readonly validFromMs?: number
  readonly validToMs?: number
  readonly curve?: 'P-256' | 'P-384' | 'P-521'
  readonly hash?: 'SHA-256' | 'SHA-384'
  /** Basic constraints; null for none of them. */
  readonly authority?: boolean | null
  readonly pathLength?: number | undefined
  readonly uncriticalConstraints?: true
  /** Key usage; null for none. */
  readonly usages?: x509.KeyUsageFlags | null
  readonly extensions?: readonly x509.Extension[]
}

/** A certificate as the Nitro PKI issues them, but for what the form says. */
export async function issue(nowMs: number, form: CertificateForm = {}): Promise<Issued> {
  const { issuer, authority = true, pathLength, curve = 'P-384', hash = 'SHA-384', name = 'CN=one' } = form
  const algorithm = { name: 'ECDSA', namedCurve: curve }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const usages = authority === true ? x509.KeyUsageFlags.keyCertSign : x509.KeyUsageFlags.digitalSignature
  const certificate = await x509.X509CertificateGenerator.create({
    subject: name,
    issuer: issuer?.subject ?? name,
    notBefore: new Date(form.validFromMs ?? nowMs - HOUR_MS),
    notAfter: new Date(form.validToMs ?? nowMs + 2 * HOUR_MS),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: { name: 'ECDSA', hash },
    extensions: [
      ...(authority === null
        ? []
        : [new x509.BasicConstraintsExtension(authority, pathLength, form.uncriticalConstraints !== true)]),
      ...(form.usages === null ? [] : [new x509.KeyUsagesExtension(form.usages ?? usages, true)]),
      ...(form.extensions ?? []),
    ],
  })
  const der = Buffer.from(certificate.rawData)
  return { der, pem: certificate.toString('pem'), subject: certificate.subject, keys }
}

/** The certificates behind a document, the root's first and the signer's last. */
export type Chain = readonly [root: Issued, ...below: Issued[]]

/** A root of our own, with the four certificates that the Nitro PKI has below its. */
export async function nitroChain(nowMs: number, signer: CertificateForm = {}): Promise<Chain> {
  const root = await issue(nowMs, { name: 'CN=root', validToMs: nowMs + 1e6 * HOUR_MS })
  let issuer = root
  const below: Issued[] = []
  for (const [index, name] of ['CN=region', 'CN=zone', 'CN=instance'].entries()) {
    issuer = await issue(nowMs, { name, issuer, pathLength: 2 - index })
    below.push(issuer)
  }
  below.push(await issue(nowMs, { name: 'CN=enclave', issuer, authority: false, ...signer }))
  return [root, ...below]
}

/** Members of a document by name; undefined takes one away. */
export type Members = Readonly<Record<string, CborValue | undefined>>

export const pcr = (index: number): Buffer => Buffer.alloc(48, 0xa0 + index)
export const zeros = Buffer.alloc(48)
/** As an enclave has them: the first five, and zeros. */
const pcrs = pcrMap(Array.from({ length: 16 }, (_, index) => (index < 5 ? pcr(index) : zeros)))

export function pcrMap(values: readonly Buffer[]): CborMap {
  return new CborMap(values.map((value, index) => [index, value]))
}

export function membersOf(chain: Chain, timestampMs: number, more: Members = {}): Members {
  const bundle = chain.slice(0, -1).map(({ der }) => der)
  return {
    module_id: 'i-0123456789abcdef0-enc0123456789abcdef',
    digest: 'SHA384',
    timestamp: timestampMs,
    pcrs,
    certificate: chain.at(-1)?.der,
    cabundle: bundle,
    public_key: null,
    user_data: null,
    nonce: null,
    ...more,
  }
}

export function payloadOf(members: Members, indefinite = true): Buffer {
  const entries = Object.entries(members).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return cbor(new CborMap(entries, indefinite))
}

export interface MessageForm {
  readonly protectedHeader?: Buffer
  readonly unprotectedHeader?: CborValue
  readonly tag?: number
  readonly signature?: Buffer
}

const es384 = cbor(new CborMap([[1, -35]]))

/** A payload signed by the last certificate's key, as the Nitro Security Module writes it: without a tag. */
export function signed(chain: Chain, payload: Buffer, form: MessageForm = {}): Buffer {
  const { protectedHeader = es384, unprotectedHeader = new CborMap([]) } = form
  const key = KeyObject.from((chain.at(-1) as Issued).keys.privateKey as never)
  const toBeSigned = cbor(['Signature1', protectedHeader, Buffer.alloc(0), payload])
  const signature = form.signature ?? sign('sha384', toBeSigned, { key, dsaEncoding: 'ieee-p1363' })
  const message = cbor([protectedHeader, unprotectedHeader, payload, signature])
  return form.tag === undefined
    ? message
    : Buffer.concat([cbor(new Raw((0xc0 | form.tag).toString(16))), message])
}

/** A document with everything that AWS's have. */
export function attestationDocument(chain: Chain, timestampMs: number, more: Members = {}): Buffer {
  return signed(chain, payloadOf(membersOf(chain, timestampMs, more)))
}
