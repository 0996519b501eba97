import { BlockList, isIP } from 'node:net'
import { resolve } from 'node:path'
import { commercialRegions, regionName } from './regions.ts'

/** How the text of a setting becomes its value. Every source gives text: flags, environment and file alike. */
export interface SettingType<T> {
  /** Completes "must be …" in an error and in the documentation. */
  readonly form: string
  /** A comma-separated list in a flag or variable, a sequence in the file. */
  readonly many?: true
  /** A flag that takes no value. */
  readonly toggle?: true
  /** An item may be a mapping in the file; elsewhere it is `name=value;name=value`. */
  readonly mapping?: true
  /** Undefined when the text is not of this form. `folder` is what a relative path starts from. */
  parse(texts: readonly string[], folder: string): T | undefined
}

export interface Setting<T> {
  readonly type: SettingType<T>
  /** As one would write it in a variable; `<dataDir>` stands for the data directory. */
  readonly default: string | undefined
  readonly description: string
  /** The value enters no error and no output. */
  readonly secret?: true
  /** Why there is no flag, and what to use. */
  readonly noFlag?: string
}

type Rest = Pick<Setting<unknown>, 'secret' | 'noFlag'>

function setting<T>(type: SettingType<T>, fallback: string, description: string, rest?: Rest): Setting<T>
function setting<T>(
  type: SettingType<T>,
  fallback: undefined,
  description: string,
  rest?: Rest,
): Setting<T | undefined>
function setting<T>(
  type: SettingType<T>,
  fallback: string | undefined,
  description: string,
  rest: Rest = {},
): Setting<T | undefined> {
  return { type, default: fallback, description, ...rest }
}

const text = (form: string, pattern: RegExp): SettingType<string> => ({
  form,
  parse: ([value = '']) => (pattern.test(value) ? value : undefined),
})

const texts = (
  form: string,
  accepts: (item: string) => boolean,
  min = 0,
): SettingType<readonly string[]> => ({
  form,
  many: true,
  parse: (items) =>
    items.length >= min && new Set(items).size === items.length && items.every(accepts) ? items : undefined,
})

const integer = (min: number, max: number): SettingType<number> => ({
  form: `a whole number from ${min} to ${max}`,
  parse([value = '']) {
    if (!/^\d{1,15}$/.test(value)) return undefined
    const number = Number(value)
    return number >= min && number <= max ? number : undefined
  },
})

const oneOf = <const T extends string>(...values: readonly T[]): SettingType<T> => ({
  form: `one of ${values.join(', ')}`,
  parse: ([value]) => values.find((candidate) => candidate === value),
})

const toggle: SettingType<boolean> = {
  form: 'true or false',
  toggle: true,
  parse([value]) {
    if (value === 'true' || value === '1') return true
    if (value === 'false' || value === '0') return false
    return undefined
  },
}

const path: SettingType<string> = {
  form: 'a path',
  parse: ([value = ''], folder) =>
    value === '' || value.includes('\0') ? undefined : resolve(folder, value),
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const listenAddress: SettingType<ListenAddress> = {
  form: 'host:port, an IPv6 address in brackets',
  parse([value = '']) {
    const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(value)
    const host = match?.[1] ?? match?.[2]
    const port = Number(match?.[3])
    return host === undefined || port > 65535 ? undefined : { host, port }
  },
}

/** A listener that stands for a VPC endpoint. */
export interface PrivateEndpointSetting {
  readonly listen: ListenAddress
  readonly vpceId: string
  readonly vpcId: string
  readonly policyFile: string | undefined
}

const privateEndpoints: SettingType<readonly PrivateEndpointSetting[]> = {
  form: 'a list of listen=HOST:PORT;vpceId=vpce-ID;vpcId=vpc-ID, each vpce-ID once, and ;policyFile=FILE where there is a policy',
  many: true,
  mapping: true,
  parse(items, folder) {
    const endpoints = items.map((item) => privateEndpoint(item, folder))
    const known = endpoints.filter((endpoint) => endpoint !== undefined)
    const ids = new Set(known.map(({ vpceId }) => vpceId))
    return ids.size === items.length ? known : undefined
  },
}

function privateEndpoint(item: string, folder: string): PrivateEndpointSetting | undefined {
  const fields = new Map<string, string>()
  for (const field of item.split(';')) {
    const [, name, value] = /^\s*(listen|vpceId|vpcId|policyFile)=(.*\S)\s*$/.exec(field) ?? []
    if (name === undefined || value === undefined || fields.has(name)) return undefined
    fields.set(name, value)
  }
  const listen = listenAddress.parse([fields.get('listen') ?? ''], folder)
  const vpceId = fields.get('vpceId') ?? ''
  const vpcId = fields.get('vpcId') ?? ''
  if (listen === undefined || !/^vpce-[0-9a-z]{1,32}$/.test(vpceId) || !/^vpc-[0-9a-z]{1,32}$/.test(vpcId)) {
    return undefined
  }
  const file = fields.get('policyFile')
  return { listen, vpceId, vpcId, policyFile: file === undefined ? undefined : resolve(folder, file) }
}

/** `auto` is to be resolved by who starts the server; otherwise what is said, in its order. */
export type RequestQuotasSetting =
  | 'auto'
  | 'off'
  | { readonly aws: boolean; readonly own: readonly OwnRates[] }

interface OwnRates {
  readonly accountId: string | undefined
  readonly region: string | undefined
  /** By class, requests per second; `Infinity` is no limit. */
  readonly rates: ReadonlyMap<string, number>
}

const requestQuotas: SettingType<RequestQuotasSetting> = {
  form: "auto, off, aws, or a list of CLASS=RATE, first of them aws where AWS's figures hold for the rest; account=ID;region=NAME;CLASS=RATE for one account or Region",
  many: true,
  mapping: true,
  parse(items) {
    const [first, ...more] = items
    if (more.length === 0 && (first === 'auto' || first === 'off')) return first
    if (first === undefined) return undefined
    const own = (first === 'aws' ? more : items).map(ownRates)
    const known = own.filter((each) => each !== undefined)
    return known.length === own.length ? { aws: first === 'aws', own: known } : undefined
  },
}

function ownRates(item: string): OwnRates | undefined {
  const fields = new Map<string, string>()
  for (const field of item.split(';')) {
    const [, name, value] = /^\s*([\w.]{1,64})\s*=\s*(\S{1,64})\s*$/.exec(field) ?? []
    if (name === undefined || value === undefined || fields.has(name)) return undefined
    fields.set(name, value)
  }
  const [accountId, region] = [fields.get('account'), fields.get('region')]
  if (accountId !== undefined && !/^\d{12}$/.test(accountId)) return undefined
  if (region !== undefined && !regionName.test(region)) return undefined
  fields.delete('account')
  fields.delete('region')
  const rates = new Map([...fields].map(([name, value]) => [name, requestRate(value)]))
  if (rates.size === 0 || [...rates.values()].includes(NaN)) return undefined
  return { accountId, region, rates }
}

function requestRate(text: string): number {
  if (text === 'off') return Infinity
  const rate = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN
  return rate > 0 ? rate : NaN
}

const attestationRoots: SettingType<readonly string[]> = {
  form: 'a list of paths, each once, or aws',
  many: true,
  parse(items, folder) {
    const roots = items.map((item) => (item === 'aws' ? item : path.parse([item], folder)))
    const known = roots.filter((root) => root !== undefined)
    return new Set(known).size === items.length ? known : undefined
  },
}

const databaseUrl: SettingType<string> = {
  form: 'a URL that begins with postgres:// or postgresql:// and names a host',
  parse([value = '']) {
    const protocol = URL.canParse(value) ? new URL(value).protocol : undefined
    return protocol === 'postgres:' || protocol === 'postgresql:' ? value : undefined
  },
}

function isNetwork(item: string): boolean {
  const [address = '', prefix, ...more] = item.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  if (prefix === undefined) return true
  if (!/^\d{1,3}$/.test(prefix)) return false
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6')
    return true
  } catch {
    return false
  }
}

const hostName =
  /^(?=.{1,253}$)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i

/**
 * Every setting, once. The name is the key in `keywright.yaml`; the flag and the variable follow from it
 * (`dataDir`, `--data-dir`, `KEYWRIGHT_DATA_DIR`). `docs/configuration.md` is held against this table by a test.
 */
export const settings = {
  dataDir: setting(
    path,
    '.keywright',
    'The data directory: root key, database, journal, credentials, control socket. Made on first start, for its owner alone.',
  ),
  host: setting(
    text('a host name or an IP address', /^[^\s/]{1,253}$/),
    '127.0.0.1',
    'The address to listen on. Any but a loopback address needs TLS or `insecureHttp`.',
  ),
  port: setting(integer(0, 65535), '5567', 'The port to listen on; 0 picks a free one, which is printed.'),
  adminListen: setting(
    listenAddress,
    undefined,
    'An administrative listener: `/-/health` with reasons, `/-/ready` and `/-/metrics` for other hosts. It speaks HTTPS when the main listener does.',
  ),
  servicesListen: setting(
    listenAddress,
    undefined,
    'A listener for registered services, which show their client certificates there and act for their users. It needs TLS, with the certificate of the main listener.',
  ),
  linkListen: setting(
    listenAddress,
    undefined,
    'A listener for linked deployments (keywright region link): TLS with the certificate of this deployment, and only for those whose certificate is known.',
  ),
  privateEndpoints: setting(
    privateEndpoints,
    '',
    'Listeners that stand for VPC endpoints: requests that come through one have its `aws:SourceVpce` and `aws:SourceVpc`, and its policy limits them.',
  ),
  accountId: setting(
    text('twelve digits', /^\d{12}$/),
    undefined,
    'The first account, 000000000000 when a first start is not told. Creates it on first start; later it must match.',
  ),
  regions: setting(
    texts('a list of Region names, each once', (item) => regionName.test(item), 1),
    commercialRegions.join(','),
    'The Regions that the deployment serves; the first is the default.',
  ),
  rootAccessKeyId: setting(
    text('3 to 128 letters, digits and underscores', /^\w{3,128}$/),
    undefined,
    "The access key ID of the first account's root user. Generated on first start when absent; later it must match.",
  ),
  rootSecretAccessKey: setting(
    text('16 to 128 printable ASCII characters without spaces', /^[!-~]{16,128}$/),
    undefined,
    'The secret access key that belongs to `rootAccessKeyId`.',
    {
      secret: true,
      noFlag:
        'every user of the machine can read a command line; use KEYWRIGHT_ROOT_SECRET_ACCESS_KEY, keywright.yaml or --root-secret-access-key-file',
    },
  ),
  rootSecretAccessKeyFile: setting(
    path,
    undefined,
    'A file that holds the secret access key, readable by its owner only.',
  ),
  databaseUrl: setting(
    databaseUrl,
    undefined,
    'PostgreSQL, for more than one node. Absent: SQLite in the data directory. Everyone on the machine can read a flag, so give a URL with a password by variable or file.',
    { secret: true },
  ),
  rootKeyProvider: setting(
    oneOf('file', 'passphrase'),
    'file',
    'What protects the root key: a key file, or a passphrase through Argon2id.',
  ),
  rootKeyFile: setting(path, '<dataDir>/root.key', 'The root key of the provider `file`, mode 0600.'),
  passphraseFile: setting(
    path,
    undefined,
    'A file that holds the passphrase, readable by its owner only. One newline at its end is not part of it.',
  ),
  passphraseFd: setting(
    integer(0, 1023),
    undefined,
    'A file descriptor to read the passphrase from, as `passphraseFile`. With neither, a terminal is asked.',
  ),
  tlsCertificateFile: setting(
    path,
    undefined,
    'The certificate and its chain in PEM. Read again when it changes.',
  ),
  tlsKeyFile: setting(path, undefined, "The certificate's private key in PEM. Read again when it changes."),
  tlsSelfSigned: setting(
    toggle,
    'false',
    'Makes a local certificate authority once, and serves HTTPS with it.',
  ),
  tlsHostNames: setting(
    texts('a list of host names and IP addresses', (item) => isIP(item) > 0 || hostName.test(item), 1),
    'localhost,127.0.0.1,::1',
    'The names in the self-signed certificate, and the only ones its authority may sign for.',
  ),
  insecureHttp: setting(toggle, 'false', 'Allows plain HTTP on an address that is not loopback.'),
  trustedProxies: setting(
    texts('a list of IP addresses and networks (10.0.0.0/8)', isNetwork),
    '',
    'Peers whose `X-Forwarded-For` or PROXY header names the source IP address, and whose `X-Forwarded-Proto` says whether `aws:SecureTransport` is true.',
  ),
  proxyProtocol: setting(toggle, 'false', 'Expects a PROXY protocol v2 header from the trusted proxies.'),
  egressAllow: setting(
    texts(
      'a list of IP addresses, networks (10.0.0.0/8) and host names',
      (item) => isNetwork(item) || (hostName.test(item) && !item.startsWith('*')),
    ),
    '',
    'Where connections to addresses that a tenant can set may go beside the public internet: identity providers in a private network.',
  ),
  egressCaFile: setting(
    path,
    undefined,
    'Certificate authorities in PEM that are trusted there, beside the usual ones.',
  ),
  attestationRoots: setting(
    attestationRoots,
    'aws',
    'Root certificates in PEM whose attestation documents are accepted as `Recipient`; `aws` is the root of AWS Nitro Enclaves and NitroTPM, which is built in. An empty list accepts none.',
  ),
  devAuth: setting(
    toggle,
    'false',
    'For development only: signatures are not verified. Works only in a deployment that was initialised with it.',
  ),
  devAuthAnyAddress: setting(
    toggle,
    'false',
    'Allows `devAuth` on an address that is not loopback, as containers need.',
  ),
  maxBodyBytes: setting(integer(4096, 64 * 2 ** 20), '1048576', 'The longest request body.'),
  maxConnections: setting(integer(1, 1_000_000), '4096', 'Connections at one time; further ones are closed.'),
  headerTimeoutMs: setting(integer(100, 600_000), '10000', 'Time for the header of a request to arrive.'),
  bodyTimeoutMs: setting(integer(100, 600_000), '30000', 'Time for a whole request to arrive.'),
  idleTimeoutMs: setting(
    integer(100, 3_600_000),
    '75000',
    'Time that a connection may be idle between two requests.',
  ),
  cacheKeys: setting(
    integer(1, 10_000_000),
    '131072',
    'KMS keys held in memory, as if all were symmetric: RSA and elliptic curve keys count twice, ML-KEM keys five and ML-DSA keys twelve times. More keys than this work, at the cost of reading the store again.',
  ),
  requestQuotas: setting(
    requestQuotas,
    'auto',
    'How many requests an account may make a second, in each Region and class of requests. `auto`: `off` in development, which is where only this machine can connect or with `devAuth`, otherwise `aws`.',
  ),
  quotaKeys: setting(
    integer(1, 10_000_000),
    '100000',
    'Customer managed KMS keys that an account may have in a Region.',
  ),
  quotaAliasesPerKey: setting(integer(1, 1000), '50', 'Aliases that a KMS key may have.'),
  quotaGrantsPerKey: setting(integer(1, 100_000), '50000', 'Grants that a KMS key may have.'),
  journal: setting(
    oneOf('auto', 'files'),
    'auto',
    '`auto`: files in the data directory with SQLite, rows with PostgreSQL. `files`: files with PostgreSQL too.',
  ),
  journalSegmentBytes: setting(
    integer(65_536, 2 ** 34),
    '67108864',
    'Length at which the journal begins a new segment file.',
  ),
  journalSealIntervalMs: setting(
    integer(100, 10_000),
    '5000',
    'The longest time between a record and the seal that signs and anchors it.',
  ),
  clockJumpWaitMs: setting(
    integer(0, 7 * 86_400_000),
    '3600000',
    'How long what cannot be undone, such as deleting keys, waits when the clock is more than a day past its last record.',
  ),
  logLevel: setting(
    oneOf('silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'),
    'info',
    'What is logged, on standard error.',
  ),
  logFormat: setting(
    oneOf('auto', 'json', 'pretty'),
    'auto',
    '`auto`: readable lines in a terminal, JSON anywhere else.',
  ),
} satisfies Record<string, Setting<unknown>>

export type SettingName = keyof typeof settings

export type SettingValues = {
  readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer Value> ? Value : never
}

export const settingNames = Object.keys(settings) as SettingName[]

/** `dataDir` → `--data-dir` */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** `dataDir` → `KEYWRIGHT_DATA_DIR` */
export function variableOf(name: string): string {
  return `KEYWRIGHT_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}
