import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { createLog } from '../telemetry/log.ts'
import { heldClock } from '../testing/held-clock.ts'
import { freshDataDir, openAt } from './testing/deployment-fixture.ts'

/** A log that keeps its warnings. */
function capture() {
  const warnings: string[] = []
  const destination = new Writable({
    write(line: Buffer, _encoding, done) {
      warnings.push((JSON.parse(line.toString()) as { message: string }).message)
      done()
    },
  })
  return { log: createLog({ level: 'warn', pretty: false, destination }), warnings }
}

test('a root key file that stands beside a passphrase is told of at each start, by its name', async (t) => {
  const dataDir = freshDataDir(t)
  const clock = heldClock()
  const file = join(dataDir, 'root.key')
  const start = async () => {
    const { log, warnings } = capture()
    const passphrase = () => Promise.resolve(Buffer.from('correct horse battery staple'))
    const rootKey = { provider: 'passphrase', file, passphrase, random: systemRandom } as const
    const { opened } = await openAt(dataDir, clock, { rootKey }, log)
    await opened.close()
    return warnings
  }
  assert.deepEqual(await start(), [])
  // As a change from the file to the passphrase leaves it when it is cut short before its last step.
  writeFileSync(file, 'the former root key', { mode: 0o600 })
  const warnings = await start()
  assert.equal(warnings.length, 1)
  assert.ok(warnings[0]?.includes(file))
  assert.match(warnings[0] ?? '', /destroy it/)
  rmSync(file)
  assert.deepEqual(await start(), [])
})
