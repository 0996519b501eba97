import { readFileSync, statSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { PrivateFileError, readPrivateFile } from './private-file.ts'
import { flagOf, settingNames, settings, variableOf } from './settings.ts'
import type { Setting, SettingName, SettingValues } from './settings.ts'

/** The settings of one run, checked one by one and together. */
export interface Config extends SettingValues {
  /** What is allowed but should be known; for the log, without secrets. */
  readonly warnings: readonly string[]
}

/** What is wrong with the settings and where it stands, in one line and without secrets. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

export interface ConfigSources {
  /** By setting name: the text of a flag, or a boolean for one without a value. `config` names the file. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** A setting as some source gives it. */
interface Given {
  readonly texts: readonly string[]
  /** Begins the error: `--port`, `KEYWRIGHT_PORT`, `port in keywright.yaml`. */
  readonly label: string
  readonly source: 'flag' | 'environment' | 'file' | 'default'
  readonly folder: string
}

type GivenSettings = Map<SettingName, Given>

/**
 * Reads the settings: flags over environment over file over defaults. The file is `keywright.yaml` in the working
 * directory when there is one, or what `--config` or KEYWRIGHT_CONFIG names.
 * @throws ConfigError for an unknown setting, a value of the wrong form, or values that contradict each other
 */
export function loadConfig(sources: ConfigSources): Config {
  const given: GivenSettings = new Map()
  const warnings: string[] = []
  fromFile(sources, given, warnings)
  fromEnvironment(sources, given)
  fromFlags(sources, given)

  const values: Partial<Record<SettingName, unknown>> = {}
  for (const name of settingNames) values[name] = valueOf(name, given, sources.cwd, values)
  const config = { ...(values as unknown as SettingValues), warnings }

  const secret = secretFromFile(config, given)
  const complete = secret === undefined ? config : { ...config, rootSecretAccessKey: secret }
  requireAgreement(complete, given)
  if (given.get('databaseUrl')?.source === 'flag' && new URL(config.databaseUrl ?? '').password !== '') {
    warnings.push(
      '--database-url holds a password that every user of this machine can read: use KEYWRIGHT_DATABASE_URL',
    )
  }
  return complete
}

function valueOf(
  name: SettingName,
  given: GivenSettings,
  cwd: string,
  values: Partial<Record<SettingName, unknown>>,
): unknown {
  const setting: Setting<unknown> = settings[name]
  const found = given.get(name)
  if (found !== undefined) return parsed(setting, found)
  if (setting.default === undefined) return undefined
  const text = setting.default.replace('<dataDir>', String(values.dataDir))
  return parsed(setting, { texts: split(setting, text), label: name, source: 'default', folder: cwd })
}

function parsed(setting: Setting<unknown>, { texts, label, folder }: Given): unknown {
  const value = setting.type.parse(texts, folder)
  if (value !== undefined) return value
  const seen = setting.secret === true ? '' : `, not ${JSON.stringify(texts.join(',').slice(0, 60))}`
  const kubernetes =
    texts[0]?.startsWith('tcp://') === true
      ? ' (Kubernetes sets this for a Service named keywright: set enableServiceLinks: false)'
      : ''
  throw new ConfigError(`${label} must be ${setting.type.form}${seen}${kubernetes}`)
}

function split(setting: Setting<unknown>, text: string): string[] {
  if (setting.type.many !== true) return [text]
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim())
}

function fromFlags({ flags, cwd }: ConfigSources, given: GivenSettings): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined || name === 'config') continue
    const label = flagOf(name)
    if (!isSetting(name)) throw unknownSetting(label, settingNames.map(flagOf))
    const setting: Setting<unknown> = settings[name]
    if (setting.noFlag !== undefined) throw new ConfigError(`${label} is not offered: ${setting.noFlag}`)
    given.set(name, { texts: split(setting, String(value)), label, source: 'flag', folder: cwd })
  }
}

/** An empty variable counts as absent: compose files and unit files write `NAME=` for what is not set. */
function fromEnvironment({ env, cwd }: ConfigSources, given: GivenSettings): void {
  const byVariable = new Map(settingNames.map((name) => [variableOf(name), name]))
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('KEYWRIGHT_') || variable === 'KEYWRIGHT_CONFIG') continue
    const name = byVariable.get(variable)
    if (name === undefined) {
      if (/^KEYWRIGHT_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))/.test(variable)) {
        throw new ConfigError(
          `unknown setting ${variable}: Kubernetes sets it for a Service named keywright; set enableServiceLinks: false`,
        )
      }
      throw unknownSetting(variable, [...byVariable.keys()])
    }
    if (value === undefined || value === '') continue
    given.set(name, {
      texts: split(settings[name], value),
      label: variable,
      source: 'environment',
      folder: cwd,
    })
  }
}

const MAX_FILE_BYTES = 65_536

function fromFile({ flags, env, cwd }: ConfigSources, given: GivenSettings, warnings: string[]): void {
  const named = flags['config'] ?? (env['KEYWRIGHT_CONFIG'] === '' ? undefined : env['KEYWRIGHT_CONFIG'])
  const shown = typeof named === 'string' ? named : 'keywright.yaml'
  const file = resolve(cwd, shown)
  const text = readConfigFile(file, shown, named !== undefined)
  if (text === undefined) return

  for (const [key, value] of settingsIn(text, shown)) {
    if (typeof key !== 'string' || !isSetting(key))
      throw unknownSetting(`${String(key)} in ${shown}`, settingNames, String(key))
    const label = `${key} in ${shown}`
    const setting: Setting<unknown> = settings[key]
    const raw = Array.isArray(value) ? (value as unknown[]) : [value]
    const texts = setting.type.mapping === true ? raw.map(mappingText) : raw
    if (
      !texts.every((item) => typeof item === 'string') ||
      (Array.isArray(value) && setting.type.many !== true)
    ) {
      throw new ConfigError(`${label} must be ${setting.type.form}`)
    }
    const items = Array.isArray(value) ? texts : split(setting, texts[0] ?? '')
    given.set(key, { texts: items, label, source: 'file', folder: dirname(file) })
  }

  const openToOthers = process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0
  if (openToOthers && (given.has('rootSecretAccessKey') || given.has('databaseUrl'))) {
    warnings.push(`${shown} holds secrets and is open to other users: run chmod 600 ${shown}`)
  }
}

/** An item that is a mapping, as it would be written elsewhere. A value that would then say more is left to be refused. */
function mappingText(item: unknown): unknown {
  if (!(item instanceof Map)) return item
  const fields = [...(item as Map<unknown, unknown>)]
  const plain = fields.every(
    ([name, value]) => typeof name === 'string' && typeof value === 'string' && !/[;,]/.test(value),
  )
  return plain ? fields.map(([name, value]) => `${String(name)}=${String(value)}`).join(';') : undefined
}

function readConfigFile(file: string, shown: string, mustExist: boolean): string | undefined {
  try {
    const status = statSync(file)
    if (!status.isFile()) throw new ConfigError(`${shown} is not a file`)
    if (status.size > MAX_FILE_BYTES) throw new ConfigError(`${shown} is longer than ${MAX_FILE_BYTES} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT' && !mustExist) return undefined
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'it is not UTF-8'})`
    throw new ConfigError(`the configuration file ${shown} ${reason}`, { cause })
  }
}

/**
 * The pairs of the file. The failsafe schema leaves every scalar as text, so `accountId: 000000000000` stays what was
 * written. Aliases are refused, because a few bytes of them expand without bound.
 */
function settingsIn(text: string, shown: string): Iterable<[unknown, unknown]> {
  let content: unknown
  try {
    const document = parseDocument(text, { schema: 'failsafe', prettyErrors: true })
    const [error] = document.errors
    // Only code and line: the parser's own message quotes the file, which may hold a secret.
    if (error !== undefined) {
      throw new ConfigError(`${shown} line ${error.linePos?.[0].line ?? 1} is not valid YAML (${error.code})`)
    }
    content = document.toJS({ mapAsMap: true, maxAliasCount: 0 })
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError(`${shown} is not a list of settings: it is nested too deeply or uses aliases`, {
      cause,
    })
  }
  if (content === null || content === '') return []
  if (!(content instanceof Map))
    throw new ConfigError(`${shown} must hold one setting a line, as in "port: 5567"`)
  return content.entries()
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(settings, name)
}

/** The error for a setting that does not exist, with the nearest of those that do. */
export function unknownSetting(label: string, known: readonly string[], name = label): ConfigError {
  return new ConfigError(
    `unknown setting ${label.replaceAll(/[^ -~]/g, '?').slice(0, 120)}: did you mean ${nearest(name, known)}?`,
  )
}

/** The one of several names that somebody who wrote this probably meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [closest] = known
    .map((candidate) => ({
      candidate,
      distance: editDistance(name.slice(0, 80).toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((a, b) => a.distance - b.distance)
  return closest?.candidate
}

/** Levenshtein's distance: insertions, deletions and replacements. */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

function secretFromFile(config: SettingValues, given: GivenSettings): string | undefined {
  const file = config.rootSecretAccessKeyFile
  if (file === undefined) return undefined
  const label = given.get('rootSecretAccessKeyFile')?.label ?? 'rootSecretAccessKeyFile'
  if (config.rootSecretAccessKey !== undefined) {
    throw new ConfigError(`${label} and ${given.get('rootSecretAccessKey')?.label} cannot both be given`)
  }
  try {
    const secret = readPrivateFile(file, 4096).toString('latin1').trim()
    const value = settings.rootSecretAccessKey.type.parse([secret], '')
    if (value !== undefined) return value
    throw new ConfigError(`the content of ${file} must be ${settings.rootSecretAccessKey.type.form}`)
  } catch (cause) {
    if (cause instanceof PrivateFileError) throw new ConfigError(`${label}: ${cause.message}`, { cause })
    throw cause
  }
}

/** Rules that span settings. */
function requireAgreement(config: SettingValues, given: GivenSettings): void {
  const refuseUnless = (holds: boolean, message: string) => {
    if (!holds) throw new ConfigError(message)
  }
  refuseUnless(
    (config.rootAccessKeyId === undefined) === (config.rootSecretAccessKey === undefined),
    'rootAccessKeyId and rootSecretAccessKey belong together: give both or neither',
  )
  refuseUnless(
    (config.tlsCertificateFile === undefined) === (config.tlsKeyFile === undefined),
    'tlsCertificateFile and tlsKeyFile belong together: give both or neither',
  )
  refuseUnless(
    !(config.tlsSelfSigned && config.tlsCertificateFile !== undefined),
    'tlsSelfSigned and tlsCertificateFile exclude each other: choose one',
  )
  refuseUnless(
    config.tlsSelfSigned || !given.has('tlsHostNames'),
    'tlsHostNames are the names of the self-signed certificate: set tlsSelfSigned too',
  )
  const passphraseSource = given.get('passphraseFile') ?? given.get('passphraseFd')
  refuseUnless(
    !(given.has('passphraseFile') && given.has('passphraseFd')),
    'passphraseFile and passphraseFd exclude each other: choose one',
  )
  refuseUnless(
    passphraseSource === undefined || config.rootKeyProvider === 'passphrase',
    `${passphraseSource?.label} needs the root key provider passphrase: set rootKeyProvider to passphrase`,
  )
  const encrypted = config.tlsSelfSigned || config.tlsCertificateFile !== undefined
  refuseUnless(
    encrypted || config.insecureHttp || isLoopback(config.host),
    `plain HTTP on ${config.host} would show every secret to the network: set up TLS (--tls-self-signed), or allow it with --insecure-http`,
  )
  refuseUnless(
    encrypted || config.servicesListen === undefined,
    'servicesListen knows services by their certificates, so it needs TLS: set up TLS (--tls-self-signed)',
  )
  refuseUnless(
    !config.devAuth || config.servicesListen === undefined,
    'devAuth verifies no signature, so no service may show one: take servicesListen away',
  )
  for (const { listen, vpceId } of config.privateEndpoints) {
    refuseUnless(
      encrypted || config.insecureHttp || isLoopback(listen.host),
      `plain HTTP on ${listen.host}, of the private endpoint ${vpceId}, would show every secret to the network: set up TLS (--tls-self-signed), or allow it with --insecure-http`,
    )
    refuseUnless(
      !config.devAuth || config.devAuthAnyAddress || isLoopback(listen.host),
      `devAuth verifies no signature and is refused on ${listen.host}, of the private endpoint ${vpceId}: listen on 127.0.0.1, or add --dev-auth-any-address`,
    )
  }
  refuseUnless(
    !config.devAuth || config.devAuthAnyAddress || isLoopback(config.host),
    `devAuth verifies no signature and is refused on ${config.host}: listen on 127.0.0.1, or add --dev-auth-any-address`,
  )
  refuseUnless(config.devAuth || !config.devAuthAnyAddress, 'devAuthAnyAddress means nothing without devAuth')
  refuseUnless(
    !config.proxyProtocol || config.trustedProxies.length > 0,
    'proxyProtocol needs trustedProxies, the peers whose header is believed',
  )
}

/** Whether an address to listen on can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
