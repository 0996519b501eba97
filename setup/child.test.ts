import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { pinnedNode } from './node.mjs'
import { SetupError } from './root.mjs'

const childModule = pathToFileURL(join(import.meta.dirname, 'child.mjs')).href

/** A process that starts `program` as `npm start` starts the server; its standard output is the program's. */
function starter(program: string) {
  const script = `
    import { endLike, runChild } from ${JSON.stringify(childModule)}
    endLike(await runChild(process.execPath, ['-e', ${JSON.stringify(program)}]))`
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} to the starter reaches the program, and the starter ends with the program's exit code`, async () => {
    const parent = starter(`
      const alive = setInterval(() => {}, 1000)
      process.on('${signal}', () => { clearInterval(alive); process.exitCode = 7 })
      console.log('ready')`)
    await once(parent.stdout, 'data')
    parent.kill(signal)
    assert.deepEqual(await once(parent, 'exit'), [7, null])
  })
}

test('a program that a signal ended ends its starter by the same signal', async () => {
  const parent = starter(`process.kill(process.pid, 'SIGKILL')`)
  assert.deepEqual(await once(parent, 'exit'), [null, 'SIGKILL'])
})

test('a platform without a pinned Node is refused with the platforms that have one', () => {
  assert.throws(
    () => pinnedNode('freebsd', 'x64'),
    (error) => {
      assert.ok(error instanceof SetupError)
      assert.match(error.message, /freebsd-x64.*linux-x64/)
      return true
    },
  )
})
