import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { linkedServer, type LinkedServer } from '../linked-servers.ts'
import { startServer, temporaryFolder } from '../server-process.ts'

/** The commands of docs/region-links.md, in their order, in a folder where its two deployments are served. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = temporaryFolder()
let north: LinkedServer
let south: LinkedServer
before(async () => {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const command = join(root, 'server/src/cli/keywright.ts')
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${command}' "$@"\n`)
  chmodSync(join(bin, 'npx'), 0o755)
  north = await linkedServer('us-east-1,us-west-2', { dataDir: join(folder, 'north') })
  south = await linkedServer('eu-west-1', { dataDir: join(folder, 'south') })
})
after(async () => {
  await north.stop()
  await south.stop()
})

test('the commands of docs/region-links.md link two deployments, and one opens what the other sealed', async () => {
  const page = readFileSync(join(root, 'docs/region-links.md'), 'utf8')
  const fences = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, fence = '']) => fence)
  assert.equal(fences.length, 2)
  const commands = fences
    .join('\n')
    .replaceAll('http://127.0.0.1:5601', north.server.url)
    .replaceAll('http://127.0.0.1:5611', south.server.url)
    .replaceAll('https://127.0.0.1:5602', north.linkUrl)
    .replaceAll('https://127.0.0.1:5612', south.linkUrl)
  const { code, stdout, stderr } = await run(`set -euo pipefail\n${commands}`)
  assert.equal(code, 0, stderr)
  const [, northern] = /north\.json\.\nFingerprint: (\S+)/.exec(stdout) ?? []
  assert.ok(northern)
  assert.ok(stdout.includes(`Ours, shown there: ${northern}`), stdout)
  assert.ok(stdout.includes(`Its fingerprint:   ${northern}`), stdout)
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.at(-2), 'Creating')
  assert.equal(lines.at(-1), 'attack at dawn')
})

test('a link that keys span is ended only by force, and then both sides keep them', async () => {
  const { deploymentId } = south
  const refused = await run(`KEYWRIGHT_DATA_DIR=north npx keywright region unlink ${deploymentId}`)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /1 multi-Region keys have related keys in that deployment/)
  const forced = await run(`KEYWRIGHT_DATA_DIR=north npx keywright region unlink ${deploymentId} --force`)
  assert.equal(forced.code, 0, forced.stderr)
  const { Keys } = await north.kms('us-east-1').listKeys({})
  const KeyId = Keys?.[0]?.KeyId ?? ''
  const { KeyMetadata } = await north.kms('us-east-1').describeKey({ KeyId })
  assert.deepEqual(KeyMetadata?.MultiRegionConfiguration?.ReplicaKeys, [])
  await north.kms('us-east-1').rotateKeyOnDemand({ KeyId })
  const { CiphertextBlob } = await south.kms('eu-west-1').encrypt({ KeyId, Plaintext: Buffer.from('kept') })
  const { Plaintext } = await north.kms('us-east-1').decrypt({ CiphertextBlob })
  assert.equal(Buffer.from(Plaintext ?? []).toString(), 'kept')
})

test('what cannot be linked is refused with a reason', async () => {
  const said = async (command: string) => {
    const { code, stderr } = await run(`KEYWRIGHT_DATA_DIR=north npx keywright region ${command}`)
    assert.notEqual(code, 0, command)
    return stderr
  }
  const url = '--url https://127.0.0.1:1'
  assert.match(await said(`link north.json ${url}`), /this is the identity of this deployment/)
  const file = readFileSync(join(folder, 'south.json'), 'utf8')
  writeFileSync(join(folder, 'changed.json'), file.replace('eu-west-1', 'eu-west-3'))
  assert.match(await said(`link changed.json ${url}`), /was changed after it was made/)
  writeFileSync(join(folder, 'nothing.json'), '{"format":"else"}')
  assert.match(await said(`link nothing.json ${url}`), /not the identity of a deployment/)
  assert.match(await said(`link absent.json ${url}`), /absent\.json cannot be read/)
  const other = `--fingerprint ${'0000-'.repeat(9)}0000`
  assert.match(await said(`link south.json ${url} ${other}`), /not the one that was given/)
  assert.match(await said(`link south.json ${url} --only us-west-1`), /not a Region of that deployment/)
  assert.match(await said('link south.json --url http://127.0.0.1:1'), /must be an https URL/)
  assert.match(await said(`unlink ${south.deploymentId}`), /there is no link with deployment/)
})

test('a server does not start with a Region of a linked deployment, nor with an address that is taken', async () => {
  const { linkUrl } = south
  await south.stop()
  const dataDir = join(folder, 'south')
  const start = (env: Record<string, string>) => startServer({ dataDir, env })
  await assert.rejects(
    start({ KEYWRIGHT_REGIONS: 'eu-west-1,us-west-2', KEYWRIGHT_ACCOUNT_ID: '111122223333' }),
    /us-west-2 is a Region of the linked deployment/,
  )
  const taken = new URL(north.linkUrl).host
  await assert.rejects(
    start({ KEYWRIGHT_REGIONS: 'eu-west-1', KEYWRIGHT_LINK_LISTEN: taken }),
    /linkListen: .* cannot be listened on \(EADDRINUSE\)/,
  )
  await south.start()
  assert.equal(south.linkUrl, linkUrl)
})

function run(commands: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', commands], {
    cwd: folder,
    env: {
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      LANG: 'C.UTF-8',
      // Of 2022, and of no use here.
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      resolve({ code, stdout, stderr })
    })
  })
}
