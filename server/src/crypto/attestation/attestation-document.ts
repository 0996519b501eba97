import { AttestationError } from './attestation-error.ts'
import { MAX_CERTIFICATE_BYTES } from './certificate.ts'
import { CborReader } from './cbor-reader.ts'

/** What the Nitro system states of an enclave, or of an instance with NitroTPM. */
export interface AttestationDocument {
  /** The enclave's id, or the instance's with an identifier of its TPM. */
  readonly moduleId: string
  readonly timestampMs: number
  /** Of an enclave, by index; empty for NitroTPM. */
  readonly pcrs: Pcrs
  /** Of NitroTPM, by index; empty for an enclave. */
  readonly nitroTpmPcrs: Pcrs
  /** Whose key signed the document, in DER. */
  readonly certificate: Buffer
  /** The certificates above it, the root's first. */
  readonly caBundle: readonly Buffer[]
  /** SubjectPublicKeyInfo in DER, as it is claimed: nothing about it is checked here. */
  readonly publicKey: Buffer | undefined
}

/** Platform configuration registers. */
export type Pcrs = ReadonlyMap<number, Buffer>

const PCR_BYTES: ReadonlySet<number> = new Set([32, 48, 64])
const none: Pcrs = new Map()

/**
 * Each member that a document may have, and how it is read. AWS bounds user_data and nonce twice, by 512 and by 1024
 * bytes; documents with more than 512 have been seen. The bounds of module_id and cabundle are ours.
 */
const members = {
  module_id: (reader: CborReader) => reader.text(1, 256),
  digest: (reader: CborReader) => sha384(reader.text(1, 16)),
  timestamp: (reader: CborReader) => reader.unsigned(Number.MAX_SAFE_INTEGER),
  pcrs: (reader: CborReader) => pcrs(reader, 32),
  nitrotpm_pcrs: (reader: CborReader) => pcrs(reader, 24),
  certificate: (reader: CborReader) => certificate(reader),
  cabundle: (reader: CborReader) => reader.array(15, () => certificate(reader)),
  public_key: (reader: CborReader) => optionalBytes(reader, 1),
  user_data: (reader: CborReader) => optionalBytes(reader, 0),
  nonce: (reader: CborReader) => optionalBytes(reader, 0),
}

type MemberName = keyof typeof members
type Read = { [Name in MemberName]?: ReturnType<(typeof members)[Name]> }

/**
 * Reads the payload of an attestation document by AWS's rules: every member that must be there is, all are within their
 * bounds, and there are no others. A member that the enclave did not ask for is null, or not there.
 *
 * @throws AttestationError
 * @see AWS Nitro Enclaves User Guide, "Verifying the root of trust"; EC2 User Guide, "Validate a NitroTPM Attestation
 *   Document"; aws-nitro-enclaves-nsm-api, docs/attestation_process.md, sections 2.2 and 3.2.2. Read 2026-11.
 */
export function readAttestationDocument(payload: Buffer): AttestationDocument {
  const reader = new CborReader(payload)
  const read: Read = {}
  reader.map(
    Object.keys(members).length,
    () => memberName(reader.text(1, 32)),
    (name) => {
      Object.assign(read, { [name]: members[name](reader) })
    },
  )
  reader.end()
  required(read.digest, 'digest')
  if (read.nitrotpm_pcrs === undefined) required(read.pcrs, 'pcrs')
  return {
    moduleId: required(read.module_id, 'module_id'),
    timestampMs: required(read.timestamp, 'timestamp'),
    pcrs: read.pcrs ?? none,
    nitroTpmPcrs: read.nitrotpm_pcrs ?? none,
    certificate: required(read.certificate, 'certificate'),
    caBundle: required(read.cabundle, 'cabundle'),
    publicKey: read.public_key,
  }
}

function memberName(name: string): MemberName {
  if (!Object.hasOwn(members, name)) throw new AttestationError('it has a member that is not known')
  return name as MemberName
}

function required<T>(value: T | undefined, name: MemberName): T {
  if (value === undefined) throw new AttestationError(`it has no ${name}`)
  return value
}

function sha384(digest: string): string {
  if (digest !== 'SHA384') throw new AttestationError('its digest is not SHA384')
  return digest
}

function certificate(reader: CborReader): Buffer {
  return reader.bytes(1, MAX_CERTIFICATE_BYTES)
}

function optionalBytes(reader: CborReader, min: number): Buffer | undefined {
  return reader.optionalNull() ? undefined : reader.bytes(min, 1024)
}

function pcrs(reader: CborReader, count: number): Pcrs {
  const found = new Map<number, Buffer>()
  reader.map(
    count,
    () => reader.unsigned(count - 1),
    (index) => {
      const value = reader.bytes(1, 64)
      if (!PCR_BYTES.has(value.length)) throw new AttestationError(`PCR${index} has a wrong length`)
      found.set(index, value)
    },
  )
  if (found.size === 0) throw new AttestationError('it has no PCR')
  return found
}
