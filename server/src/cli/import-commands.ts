import { createPublicKey, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { longestUnderRsa, wrapForImport } from '../crypto/import-wrapping.ts'
import { importSchemeOf, wrappingAlgorithmsIn } from '../keys/import-wrapping.ts'
import { readPrivateFile } from '../private-file.ts'
import { CommandError } from './failure.ts'
import { readInputFile } from './input-file.ts'
import type { Session } from './session.ts'

const MAX_MATERIAL_BYTES = 4096
const MAX_PUBLIC_KEY_BYTES = 8192
/** Of symmetric and HMAC keys. */
const SECRET_LENGTHS: readonly number[] = [28, 32, 48, 64]

interface WrapOptions {
  readonly publicKey: string
  readonly algorithm: string
  readonly material: string
  readonly out: string
}

/** `keywright import wrap`: material that somebody holds as bytes, wrapped for ImportKeyMaterial. */
export function addImportCommands(program: Command, session: Session): void {
  const algorithms = wrappingAlgorithmsIn('aws').filter((name) => importSchemeOf(name) !== undefined)
  program
    .command('import')
    .description('bring key material of your own')
    .command('wrap')
    .description(
      'wrap key material with the public key that GetParametersForImport gave, for ImportKeyMaterial. Needs no deployment',
    )
    .requiredOption('--public-key <file>', 'the public key, in DER or in base64 as the AWS CLI prints it')
    .addOption(
      new Option('--algorithm <name>', 'the wrapping algorithm that was asked for')
        .choices(algorithms)
        .makeOptionMandatory(),
    )
    .requiredOption(
      '--material <file>',
      'the bytes of the material, a private key in PKCS #8; - for standard input',
    )
    .requiredOption('--out <file>', 'where the wrapped material goes; not a file that exists')
    .action(async (options: WrapOptions) => {
      session.around.print(await wrapped(options, session.around.cwd))
    })
}

async function wrapped(
  { publicKey, algorithm, material: source, out }: WrapOptions,
  cwd: string,
): Promise<string> {
  const scheme = importSchemeOf(algorithm)
  if (scheme === undefined) throw new CommandError(`${algorithm} is not a wrapping algorithm`)
  const wrappingKey = readPublicKey(resolve(cwd, publicKey))
  const material =
    source === '-' ? await readStandardInput() : readPrivateFile(resolve(cwd, source), MAX_MATERIAL_BYTES)
  try {
    requireMaterial(material)
    const longest = longestUnderRsa(wrappingKey, scheme)
    if (scheme.type === 'oaep' && material.length > longest) {
      throw new CommandError(
        `the material has ${material.length} bytes and ${algorithm} with this public key takes ${longest}: ` +
          'ask for a longer wrapping key or for RSA_AES_KEY_WRAP_SHA_256',
      )
    }
    write(resolve(cwd, out), wrapForImport(wrappingKey, scheme, material))
    return `${material.length} bytes of key material are wrapped with ${algorithm} in ${out}.\n`
  } finally {
    material.fill(0)
  }
}

/** What is neither would be refused only after it was sent; most often it is text where bytes belong. */
function requireMaterial(material: Buffer): void {
  if (SECRET_LENGTHS.includes(material.length)) return
  if (isPkcs8(material)) return
  const conversion = 'convert it with openssl pkcs8 -topk8 -nocrypt -outform DER'
  let hint = ''
  if (material.subarray(0, 5).equals(Buffer.from('-----'))) hint = ` (PEM: ${conversion})`
  else if (material[0] === 0x30) hint = ` (a key in another form? ${conversion} -inform DER)`
  throw new CommandError(
    `the material is neither ${SECRET_LENGTHS.join(', ')} bytes nor a private key in PKCS #8, DER${hint}`,
  )
}

/** PKCS #8 names the algorithm behind the version, in a sequence. PKCS #1 and SEC 1, which OpenSSL writes too, do not. */
function isPkcs8(der: Buffer): boolean {
  if (der[0] !== 0x30) return false
  const lengthByte = der[1] ?? 0
  const version = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f)
  return der[version] === 0x02 && der[version + 1] === 1 && der[version + 3] === 0x30
}

function readPublicKey(file: string): KeyObject {
  const strange = `${file} is not a public key as GetParametersForImport gives it`
  const content = readInputFile(file, {
    maxBytes: MAX_PUBLIC_KEY_BYTES,
    tooLong: `${file} is too long for a public key`,
    unreadable: () => strange,
  })
  const der = content[0] === 0x30 ? content : Buffer.from(content.toString('latin1'), 'base64')
  let key: KeyObject
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new CommandError(strange, { cause })
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (key.asymmetricKeyType === 'rsa' && bits >= 2048 && bits <= 4096) return key
  throw new CommandError(strange)
}

/** To its end, bounded. */
async function readStandardInput(): Promise<Buffer> {
  const buffer = Buffer.alloc(MAX_MATERIAL_BYTES)
  let length = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    const copied = chunk.copy(buffer, length)
    const isWhole = copied === chunk.length
    chunk.fill(0)
    length += copied
    if (isWhole) continue
    buffer.fill(0)
    throw new CommandError(`standard input is longer than ${MAX_MATERIAL_BYTES} bytes`)
  }
  return buffer.subarray(0, length)
}

function write(file: string, bytes: Buffer): void {
  try {
    writeFileSync(file, bytes, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const reason = code === 'EEXIST' ? 'exists already' : `cannot be written (${code})`
    throw new CommandError(`${file} ${reason}: nothing was written`, { cause })
  }
}
