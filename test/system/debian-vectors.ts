import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The collections of Debian's package python3-cryptography-vectors, which mostly are files of NIST as NIST publishes them. */

let files: readonly string[] | undefined

/** @param path below `cryptography_vectors/`; lines end as they do here */
export function vectorText(path: string): string {
  files ??= installedFiles()
  const file = files.find((installed) => installed.endsWith(`/cryptography_vectors/${path}`))
  if (file === undefined) throw new Error(`python3-cryptography-vectors has no ${path}`)
  return readFileSync(file, 'utf8').replaceAll('\r\n', '\n')
}

function installedFiles(): readonly string[] {
  try {
    const listed = execFileSync('/usr/bin/dpkg', ['-L', 'python3-cryptography-vectors'], { stdio: 'pipe' })
    return listed.toString('utf8').split('\n')
  } catch (cause) {
    throw new Error('apt-get install python3-cryptography-vectors', { cause })
  }
}

export type VectorRecord = Readonly<Record<string, string>> & {
  /** The last line in brackets before it, without them. */
  readonly section: string
}

/**
 * The records of a file of NIST's: lines of `name = value`, of which one and the same ends each record. Lines that stand
 * before several records, as a modulus does, belong to all of them.
 */
export function vectorRecords(path: string, last: string): readonly VectorRecord[] {
  const records: VectorRecord[] = []
  let section = ''
  let fields: Record<string, string> = {}
  for (const line of vectorText(path).split('\n')) {
    const heading = /^\[(.*)\]$/.exec(line.trim())
    if (heading) section = heading[1] as string
    const field = /^([^#[=]+?) *= *(.*?) *$/.exec(line)
    if (!field) continue
    fields = { ...fields, [field[1] as string]: field[2] as string }
    if (field[1] === last) records.push({ ...fields, section } as VectorRecord)
  }
  return records
}

/** Of a record that must have it. */
export function fieldOf(record: VectorRecord, name: string): string {
  const value = record[name]
  if (value === undefined) throw new Error(`a record of ${record.section} without ${name}`)
  return value
}

export function bytesOf(record: VectorRecord, name: string): Buffer {
  return Buffer.from(fieldOf(record, name), 'hex')
}

/** Hexadecimal digits for so many bytes; NIST writes numbers with more zeros before them, or with fewer. */
export function fitted(digits: string, lengthBytes: number): Buffer {
  const significant = digits.replace(/^0+/, '')
  return Buffer.from(significant.padStart(2 * lengthBytes, '0'), 'hex')
}
