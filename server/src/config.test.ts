import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError, editDistance, isLoopback, loadConfig } from './config.ts'
import type { ConfigSources } from './config.ts'
import { flagOf, settingNames, settings, variableOf } from './settings.ts'
import type { Setting } from './settings.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function folder(yaml?: string): string {
  const made = mkdtempSync(join(tmpdir(), 'keywright-config-'))
  folders.push(made)
  if (yaml !== undefined) writeFileSync(join(made, 'keywright.yaml'), yaml, { mode: 0o600 })
  return made
}

function load({ yaml, flags = {}, env = {} }: { yaml?: string } & Partial<ConfigSources>) {
  return loadConfig({ flags, env, cwd: folder(yaml) })
}

function refusal(sources: { yaml?: string } & Partial<ConfigSources>): string {
  try {
    load(sources)
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${String(error)} is a ConfigError`)
    assert.ok(!error.message.includes('\n'), 'the message is one line')
    return error.message
  }
  throw new assert.AssertionError({ message: 'the settings were accepted' })
}

test('without any setting, the defaults of the contract hold', () => {
  const cwd = folder()
  const config = loadConfig({ flags: {}, env: {}, cwd })
  assert.equal(config.dataDir, join(cwd, '.keywright'))
  assert.equal(config.rootKeyFile, join(cwd, '.keywright', 'root.key'))
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.port, 5567)
  assert.equal(config.accountId, undefined)
  assert.equal(config.regions[0], 'us-east-1')
  assert.equal(config.regions.length, 36)
  assert.equal(config.databaseUrl, undefined)
  assert.equal(config.cacheKeys, 131072)
  assert.deepEqual(config.trustedProxies, [])
  assert.deepEqual(config.warnings, [])
})

test('a flag wins over the environment, the environment over the file, the file over the default', () => {
  const yaml = 'port: 1\nhost: 127.0.0.1\nlogLevel: warn\n'
  assert.equal(load({ yaml }).port, 1)
  assert.equal(load({ yaml, env: { KEYWRIGHT_PORT: '2' } }).port, 2)
  const config = load({ yaml, env: { KEYWRIGHT_PORT: '2' }, flags: { port: '0' } })
  assert.equal(config.port, 0)
  assert.equal(config.logLevel, 'warn')
})

test('a switch that the file turns on can be turned off by variable and by flag', () => {
  const yaml = 'insecureHttp: true\n'
  assert.equal(load({ yaml }).insecureHttp, true)
  assert.equal(load({ yaml, env: { KEYWRIGHT_INSECURE_HTTP: 'false' } }).insecureHttp, false)
  assert.equal(load({ yaml, flags: { insecureHttp: false } }).insecureHttp, false)
})

test('an empty variable counts as absent', () => {
  assert.equal(load({ env: { KEYWRIGHT_PORT: '', KEYWRIGHT_CONFIG: '' } }).port, 5567)
})

test('the file keeps digits as they were written', () => {
  assert.equal(load({ yaml: 'accountId: 000000000012\n' }).accountId, '000000000012')
})

test('a list is a sequence in the file and comma-separated elsewhere', () => {
  const expected = ['eu-central-1', 'us-east-1']
  assert.deepEqual(load({ yaml: 'regions:\n  - eu-central-1\n  - us-east-1\n' }).regions, expected)
  assert.deepEqual(load({ yaml: 'regions: eu-central-1, us-east-1\n' }).regions, expected)
  assert.deepEqual(load({ env: { KEYWRIGHT_REGIONS: 'eu-central-1,us-east-1' } }).regions, expected)
  assert.deepEqual(load({ flags: { regions: 'eu-central-1,us-east-1' } }).regions, expected)
})

test('a relative path starts from the folder of the file that holds it, otherwise from the working directory', () => {
  const cwd = folder()
  mkdirSync(join(cwd, 'etc'))
  writeFileSync(join(cwd, 'etc', 'kw.yaml'), 'dataDir: data\n')
  assert.equal(
    loadConfig({ flags: { config: 'etc/kw.yaml' }, env: {}, cwd }).dataDir,
    join(cwd, 'etc', 'data'),
  )
  const env = { KEYWRIGHT_CONFIG: 'etc/kw.yaml', KEYWRIGHT_DATA_DIR: 'data' }
  assert.equal(loadConfig({ flags: {}, env, cwd }).dataDir, join(cwd, 'data'))
})

test('an unknown setting is refused by the name of its source, with the nearest known one', () => {
  assert.match(
    refusal({ yaml: 'prot: 1\n' }),
    /^unknown setting prot in keywright\.yaml: did you mean port\?$/,
  )
  assert.match(
    refusal({ env: { KEYWRIGHT_DATADIR: 'x' } }),
    /^unknown setting KEYWRIGHT_DATADIR: did you mean KEYWRIGHT_DATA_DIR\?$/,
  )
  assert.match(refusal({ flags: { hots: 'x' } }), /^unknown setting --hots: did you mean --host\?$/)
  for (const name of ['__proto__', 'constructor', 'toString', 'warnings']) {
    assert.match(refusal({ yaml: `${name}: 1\n` }), /^unknown setting/)
    assert.match(refusal({ flags: Object.fromEntries([[name, 'x']]) }), /^unknown setting/)
  }
})

test('an unknown setting cannot write control characters to a terminal', () => {
  assert.ok(!refusal({ yaml: '"a\\e[31m\\nb": 1\n' }).includes('\u001b'))
})

test('variables that Kubernetes sets for a Service named keywright are explained', () => {
  assert.match(refusal({ env: { KEYWRIGHT_SERVICE_HOST: '10.0.0.1' } }), /enableServiceLinks/)
  assert.match(refusal({ env: { KEYWRIGHT_PORT: 'tcp://10.0.0.1:5567' } }), /enableServiceLinks/)
})

test('a value of the wrong form is refused by the name of its source', () => {
  assert.equal(
    refusal({ env: { KEYWRIGHT_PORT: '65536' } }),
    'KEYWRIGHT_PORT must be a whole number from 0 to 65535, not "65536"',
  )
  assert.equal(
    refusal({ yaml: 'port: 1e3\n' }),
    'port in keywright.yaml must be a whole number from 0 to 65535, not "1e3"',
  )
  assert.match(refusal({ flags: { port: '-1' } }), /^--port must be/)
})

const wrong: Record<string, string[]> = {
  port: ['', '5567.0', ' 5567', '0x10', 'NaN', '99999999999999999999'],
  accountId: ['12345', '1234567890123', 'abcdefghijkl'],
  regions: ['', 'us-east-1,us-east-1', 'US-EAST-1', 'us_east_1', 'us-east-1,'],
  rootAccessKeyId: ['ab', 'has space', 'a/b/c'],
  databaseUrl: ['mysql://h/d', 'postgres', '/var/lib/x.db'],
  tlsSelfSigned: ['yes', 'TRUE', '2'],
  tlsHostNames: ['', 'a b', '-x.example', 'ex ample.com'],
  adminListen: ['9090', 'host:', '::1:9090', '[::1]', 'a:70000'],
  trustedProxies: ['10.0.0.0/33', 'example.com', '10.0.0.1/', '10.0.0.0/8/8', '10.0.0.0/-1'],
  logLevel: ['loud', 'INFO'],
  journalSealIntervalMs: ['10001', '0'],
  rootKeyProvider: ['hsm'],
  dataDir: ['', 'a\0b'],
}
for (const [name, values] of Object.entries(wrong)) {
  test(`${name} refuses what is not of its form`, () => {
    for (const value of values) {
      const message = refusal({ flags: { [name]: value } })
      assert.ok(message.startsWith(`${flagOf(name)} must be `), message)
    }
  })
}

test('no error shows a secret', () => {
  const secret = 'short'
  const message = refusal({
    env: { KEYWRIGHT_ROOT_ACCESS_KEY_ID: 'AKIDEXAMPLE', KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: secret },
  })
  assert.match(message, /^KEYWRIGHT_ROOT_SECRET_ACCESS_KEY must be/)
  assert.ok(!message.includes(secret))
  assert.ok(!refusal({ env: { KEYWRIGHT_DATABASE_URL: 'mysql://u:hunter2@h/d' } }).includes('hunter2'))
  assert.ok(!refusal({ yaml: 'rootSecretAccessKey: "hunter2hunter2hunter2\nport: 1' }).includes('hunter2'))
})

test('the root secret has no flag of its own, and its file is read when only its owner can', () => {
  const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
  assert.match(
    refusal({ flags: { rootSecretAccessKey: secretAccessKey } }),
    /^--root-secret-access-key is not offered: .*file/,
  )

  const file = join(folder(), 'secret')
  writeFileSync(file, `${secretAccessKey}\n`, { mode: 0o600 })
  const flags = { rootAccessKeyId: 'AKIDEXAMPLE', rootSecretAccessKeyFile: file }
  assert.equal(load({ flags }).rootSecretAccessKey, secretAccessKey)
  assert.match(
    refusal({ flags, env: { KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: secretAccessKey } }),
    /cannot both be given/,
  )

  chmodSync(file, 0o640)
  assert.match(refusal({ flags }), /open to other users: run chmod 600/)
  assert.match(refusal({ flags: { ...flags, rootSecretAccessKeyFile: `${file}x` } }), /does not exist/)
})

test('settings that belong together or exclude each other are refused alone or together', () => {
  const cases: [Record<string, string | boolean>, RegExp][] = [
    [{ rootAccessKeyId: 'AKIDEXAMPLE' }, /both or neither/],
    [{ tlsKeyFile: 'x' }, /both or neither/],
    [{ tlsKeyFile: 'x', tlsCertificateFile: 'y', tlsSelfSigned: true }, /exclude each other/],
    [{ tlsHostNames: 'example.com' }, /tlsSelfSigned/],
    [{ rootKeyProvider: 'passphrase', passphraseFile: 'x', passphraseFd: '3' }, /exclude each other/],
    [{ passphraseFile: 'x' }, /needs the root key provider passphrase/],
    [{ host: '0.0.0.0' }, /plain HTTP on 0\.0\.0\.0 .*--insecure-http/],
    [{ host: '::' }, /plain HTTP/],
    [{ devAuth: true, host: '0.0.0.0', insecureHttp: true }, /--dev-auth-any-address/],
    [{ devAuthAnyAddress: true }, /without devAuth/],
    [{ proxyProtocol: true }, /trustedProxies/],
  ]
  for (const [flags, expected] of cases) assert.match(refusal({ flags }), expected)
  assert.equal(load({ flags: { host: '0.0.0.0', insecureHttp: true } }).host, '0.0.0.0')
  assert.equal(load({ flags: { host: '0.0.0.0', tlsSelfSigned: true } }).host, '0.0.0.0')
  assert.equal(
    load({ flags: { devAuth: true, devAuthAnyAddress: true, host: '0.0.0.0', insecureHttp: true } }).devAuth,
    true,
  )
})

test('only addresses of this machine count as loopback', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) assert.equal(isLoopback(host), true)
  for (const host of [
    '0.0.0.0',
    '::',
    '127.0.0.1.example.com',
    '127.1',
    'localhost.example.com',
    '10.0.0.1',
  ]) {
    assert.equal(isLoopback(host), false)
  }
})

test('a hostile or broken file is refused in one line, and soon', () => {
  const laughs = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 12; i++) {
    const before = String.fromCharCode(96 + i)
    const letter = String.fromCharCode(97 + i)
    laughs.push(`${letter}: &${letter} [${Array<string>(9).fill(`*${before}`).join(',')}]`)
  }
  const started = performance.now()
  assert.match(refusal({ yaml: `${laughs.join('\n')}\n` }), /keywright\.yaml/)
  assert.match(refusal({ yaml: '['.repeat(60_000) }), /keywright\.yaml/)
  assert.match(refusal({ yaml: `port: ${'{a: '.repeat(15_000)}` }), /keywright\.yaml/)
  assert.match(refusal({ yaml: 'x'.repeat(65_537) }), /longer than 65536 bytes/)
  assert.match(refusal({ yaml: 'port: 1\nport: 2\n' }), /line 2 is not valid YAML \(DUPLICATE_KEY\)/)
  assert.match(refusal({ yaml: 'port: 1\n---\nport: 2\n' }), /not valid YAML/)
  assert.match(refusal({ yaml: '- port\n' }), /one setting a line/)
  assert.match(refusal({ yaml: 'port: [1]\n' }), /^port in keywright\.yaml must be/)
  assert.match(refusal({ yaml: 'regions: [[us-east-1]]\n' }), /^regions in keywright\.yaml must be/)
  assert.match(refusal({ yaml: 'host: {a: b}\n' }), /^host in keywright\.yaml must be/)
  assert.match(refusal({ yaml: '? [a]\n: b\n' }), /unknown setting/)
  assert.ok(performance.now() - started < 5000, 'no input takes seconds')
  assert.equal(load({ yaml: '' }).port, 5567)
  assert.equal(load({ yaml: '# nothing\n' }).port, 5567)
})

test('a configuration file that is named must exist', () => {
  assert.match(refusal({ flags: { config: 'absent.yaml' } }), /absent\.yaml does not exist/)
  assert.match(refusal({ env: { KEYWRIGHT_CONFIG: '.' } }), /is not a file/)
})

test('secrets where other users can read them are warned about, without showing them', () => {
  const cwd = folder('databaseUrl: postgres://u:hunter2@db/kw\n')
  chmodSync(join(cwd, 'keywright.yaml'), 0o644)
  const inFile = loadConfig({ flags: {}, env: {}, cwd })
  assert.equal(inFile.databaseUrl, 'postgres://u:hunter2@db/kw')
  assert.match(inFile.warnings.join(), /chmod 600 keywright\.yaml/)
  const inFlag = load({ flags: { databaseUrl: 'postgres://u:hunter2@db/kw' } })
  assert.match(inFlag.warnings.join(), /KEYWRIGHT_DATABASE_URL/)
  assert.ok(![...inFile.warnings, ...inFlag.warnings].join().includes('hunter2'))
  assert.deepEqual(load({ flags: { databaseUrl: 'postgres://db/kw' } }).warnings, [])
})

test('a private endpoint is a mapping in the file and one text anywhere else', () => {
  const cwd = folder(
    'privateEndpoints:\n  - listen: 10.0.0.5:5568\n    vpceId: vpce-0a\n    vpcId: vpc-0b\n    policyFile: p.json\ninsecureHttp: true\n',
  )
  const made = {
    listen: { host: '10.0.0.5', port: 5568 },
    vpceId: 'vpce-0a',
    vpcId: 'vpc-0b',
    policyFile: join(cwd, 'p.json'),
  }
  assert.deepEqual(loadConfig({ flags: {}, env: {}, cwd }).privateEndpoints, [made])
  const text = `listen=10.0.0.5:5568;vpceId=vpce-0a;vpcId=vpc-0b;policyFile=${join(cwd, 'p.json')}`
  const flags = { privateEndpoints: text, insecureHttp: true }
  assert.deepEqual(loadConfig({ flags, env: {}, cwd: folder() }).privateEndpoints, [made])
  assert.deepEqual(load({}).privateEndpoints, [])
  const hidden =
    'privateEndpoints:\n  - vpceId: vpce-0a\n    vpcId: vpc-0b\n    listen: "127.0.0.1:1;policyFile=x"\n'
  for (const yaml of [
    hidden,
    'privateEndpoints: [{listen: 127.0.0.1:1, vpceId: [vpce-0a], vpcId: vpc-0b}]\n',
    'privateEndpoints: [[listen]]\n',
  ]) {
    assert.match(refusal({ yaml }), /^privateEndpoints in keywright\.yaml must be a list of listen=/)
  }
})

test('an endpoint and a listener for services are held to the rules of the main listener', () => {
  const endpoint = 'listen=10.0.0.5:5568;vpceId=vpce-0a;vpcId=vpc-0b'
  assert.match(
    refusal({ flags: { privateEndpoints: endpoint } }),
    /^plain HTTP on 10\.0\.0\.5, of the private endpoint/,
  )
  assert.match(
    refusal({ flags: { privateEndpoints: endpoint, insecureHttp: true, devAuth: true } }),
    /^devAuth verifies no signature and is refused on 10\.0\.0\.5/,
  )
  assert.match(refusal({ flags: { servicesListen: '127.0.0.1:5570' } }), /^servicesListen .* needs TLS/)
  const flags = { servicesListen: '127.0.0.1:5570', tlsSelfSigned: true }
  assert.deepEqual(load({ flags }).servicesListen, { host: '127.0.0.1', port: 5570 })
  assert.match(refusal({ flags: { ...flags, devAuth: true } }), /^devAuth .* servicesListen/)
})

test('the edit distance counts insertions, deletions and replacements', () => {
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('same', 'same'), 0)
})

test("request quotas are AWS's, nobody's, or what is said class by class", () => {
  const quotas = (value: string) => load({ env: { KEYWRIGHT_REQUEST_QUOTAS: value } }).requestQuotas
  assert.equal(load({}).requestQuotas, 'auto')
  assert.equal(quotas('off'), 'off')
  assert.deepEqual(quotas('aws'), { aws: true, own: [] })
  const createKey = new Map([['CreateKey', 50]])
  const all = { accountId: undefined, region: undefined, rates: createKey }
  assert.deepEqual(quotas('CreateKey=50'), { aws: false, own: [all] })
  const own = [
    all,
    {
      accountId: '000000000012',
      region: 'eu-west-1',
      rates: new Map([
        ['Cryptographic.RSA', 0.5],
        ['CreateKey', Infinity],
      ]),
    },
  ]
  assert.deepEqual(
    quotas('aws, CreateKey=50, account=000000000012;region=eu-west-1;Cryptographic.RSA=0.5;CreateKey=off'),
    { aws: true, own },
  )
  const yaml = `requestQuotas:
  - aws
  - CreateKey: 50
  - account: 000000000012
    region: eu-west-1
    Cryptographic.RSA: 0.5
    CreateKey: off
`
  assert.deepEqual(load({ yaml }).requestQuotas, { aws: true, own })
  for (const wrong of [
    'on',
    'off,CreateKey=5',
    'auto,CreateKey=5',
    'CreateKey=5,aws',
    'aws,aws',
    'CreateKey',
    'CreateKey=',
    'CreateKey=0',
    'CreateKey=-5',
    'CreateKey=1e9',
    'CreateKey=5;CreateKey=6',
    'account=12;CreateKey=5',
    'account=000000000012',
    'region=Mars;CreateKey=5',
  ])
    assert.match(
      refusal({ env: { KEYWRIGHT_REQUEST_QUOTAS: wrong } }),
      /REQUEST_QUOTAS must be auto, off, aws,/,
      wrong,
    )
})

test('docs/configuration.md lists every setting as the table has it', () => {
  const document = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const rows = document.split('\n').filter((line) => line.includes('| `KEYWRIGHT_'))
  assert.equal(rows.join('\n'), settingNames.map(documentRow).join('\n'))
})

function documentRow(name: (typeof settingNames)[number]): string {
  const setting: Setting<unknown> = settings[name]
  const flag = setting.noFlag === undefined ? `\`${flagOf(name)}\`` : 'none'
  const fallback =
    name === 'regions'
      ? 'every AWS commercial Region, us-east-1 first'
      : setting.default === undefined || setting.default === ''
        ? 'none'
        : `\`${setting.default}\``
  return `| \`${name}\` | ${flag} | \`${variableOf(name)}\` | ${setting.type.form} | ${fallback} | ${setting.description} |`
}

test('attestation roots are paths and aws, each once; without the setting they are aws, and there may be none', () => {
  const cwd = folder('attestationRoots: [aws, roots/ours.pem]\n')
  assert.deepEqual(loadConfig({ flags: {}, env: {}, cwd }).attestationRoots, [
    'aws',
    join(cwd, 'roots', 'ours.pem'),
  ])
  assert.deepEqual(load({}).attestationRoots, ['aws'])
  assert.deepEqual(load({ yaml: 'attestationRoots: []\n' }).attestationRoots, [])
  assert.deepEqual(load({ flags: { attestationRoots: '' } }).attestationRoots, [])
  for (const attestationRoots of ['aws,aws', 'a.pem,./a.pem', 'a.pem,']) {
    assert.match(refusal({ flags: { attestationRoots } }), /^--attestation-roots must be a list of paths/)
  }
})
