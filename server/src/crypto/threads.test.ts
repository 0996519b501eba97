import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { MaterialUnavailable, TooManyWaiting } from './material.ts'
import type { ObedientTasks } from './testing/obedient-worker.ts'
import { Threads, type ThreadOptions } from './threads.ts'

const file = new URL('./testing/obedient-worker.ts', import.meta.url)

type CleanUp = { after(cleanUp: () => Promise<void> | void): void }

function open(t: CleanUp, options: Partial<ThreadOptions> = {}) {
  const waiting = { ofOwner: 10, inAll: 20 }
  const threads = new Threads<ObedientTasks>({ file, count: 1, ahead: 1, waiting, ...options })
  t.after(() => threads.close())
  return threads
}

/** Keeps a thread busy until `open` is called. */
function occupy(t: CleanUp, threads: Threads<ObedientTasks>, owner = 'somebody') {
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const release = () => {
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
  t.after(release)
  return { done: threads.run(owner, 'waitFor', gate), release }
}

test('a thread answers with bytes, keys, and the errors of its tasks', async (t) => {
  const threads = open(t)
  const bytes = await threads.run('a', 'echo', Buffer.from('bytes'))
  assert.ok(Buffer.isBuffer(bytes))
  assert.equal(bytes.toString(), 'bytes')
  const key = await threads.run('a', 'newKey', 16)
  assert.ok(key instanceof KeyObject)
  assert.deepEqual(key.export(), Buffer.alloc(16, 7))
  await assert.rejects(threads.run('a', 'fail', 'too much'), new RangeError('too much'))
  assert.equal((await threads.run('a', 'echo', Buffer.from('more'))).toString(), 'more')
})

test('no memory but that of the bytes goes to a thread, and the bytes are still there', async (t) => {
  const threads = open(t)
  const pool = Buffer.from('secret|given|secret')
  assert.equal((await threads.run('a', 'memoryOf', pool.subarray(7, 12))).toString(), '5')
  assert.equal(pool.toString(), 'secret|given|secret')
})

test('a thread sees nothing of the environment', async (t) => {
  assert.equal((await open(t).run('a', 'environment')).toString(), '')
})

test('threads start with the work for them, as many as there may be', async (t) => {
  const threads = open(t, { count: 2 })
  const [first, second] = [occupy(t, threads), occupy(t, threads)]
  const third = threads.run('a', 'ofThread')
  second.release()
  await second.done
  const ofSecond = (await third).toString()
  assert.equal((await threads.run('a', 'ofThread')).toString(), ofSecond)
  first.release()
  await first.done
  const both = await Promise.all([threads.run('a', 'ofThread'), threads.run('a', 'ofThread')])
  assert.equal(new Set(both.map(String)).size, 2)
})

test('owners take turns in the threads', async (t) => {
  const threads = open(t)
  const busy = occupy(t, threads)
  const order: string[] = []
  const ask = async (work: string) => {
    await threads.run(work.slice(0, 1), 'echo', Buffer.alloc(0))
    order.push(work)
  }
  const asked = ['a1', 'a2', 'a3', 'b1', 'c1'].map(ask)
  busy.release()
  await Promise.all(asked)
  assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'a3'])
})

test('who asks for more than may wait is refused at once, and another owner is not', async (t) => {
  const threads = open(t, { waiting: { ofOwner: 2, inAll: 20 } })
  const busy = occupy(t, threads)
  const waiting = [threads.run('a', 'ofThread'), threads.run('a', 'ofThread')]
  await assert.rejects(threads.run('a', 'ofThread'), TooManyWaiting)
  waiting.push(threads.run('b', 'ofThread'))
  busy.release()
  await Promise.all(waiting)
})

test('spare work is done when nothing else waits', async (t) => {
  const threads = open(t)
  const busy = occupy(t, threads)
  const order: string[] = []
  const spare = threads.runSpare('ofThread').then(() => order.push('spare'))
  const asked = ['1', '2'].map((name) => threads.run('a', 'ofThread').then(() => order.push(name)))
  busy.release()
  await Promise.all([spare, ...asked])
  assert.deepEqual(order, ['1', '2', 'spare'])
})

test('spare work takes one thread, whatever there is of it', async (t) => {
  const threads = open(t, { count: 2 })
  const gates = [0, 1].map(() => new Int32Array(new SharedArrayBuffer(4)))
  const spare = gates.map((gate) => threads.runSpare('waitFor', gate))
  // The other thread is free, so this is answered while spare work holds the first.
  await threads.run('a', 'ofThread')
  for (const gate of gates) {
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
  await Promise.all(spare)
})

test('the work of a thread that ends is rejected, and what waits is done by a new one', async (t) => {
  const threads = open(t, { ahead: 2 })
  const before = (await threads.run('a', 'ofThread')).toString()
  const ending = threads.run('a', 'end')
  const [behindIt, waiting] = [threads.run('a', 'ofThread'), threads.run('a', 'ofThread')]
  await assert.rejects(ending, MaterialUnavailable)
  await assert.rejects(behindIt, MaterialUnavailable)
  assert.notEqual((await waiting).toString(), before)
})

test('a thread whose module cannot be loaded rejects its work with the cause', async (t) => {
  const threads = open(t, { file: new URL('./testing/no-such-worker.ts', import.meta.url) })
  await assert.rejects(threads.run('a', 'ofThread'), (error: unknown) => {
    assert.ok(error instanceof MaterialUnavailable)
    assert.match(String(error.cause), /no-such-worker/)
    return true
  })
})

test('closing rejects what runs, what waits, spare work and what comes later', async (t) => {
  const threads = open(t)
  const { done, release } = occupy(t, threads)
  const [waiting, spare] = [threads.run('a', 'ofThread'), threads.runSpare('ofThread')]
  const rejected = Promise.all(
    [done, waiting, spare].map((work) => assert.rejects(work, MaterialUnavailable)),
  )
  const closing = threads.close()
  await rejected
  release()
  await closing
  await assert.rejects(threads.run('a', 'ofThread'), MaterialUnavailable)
})

test('what cannot be handed over is refused, and what is made ahead goes on after it', async (t) => {
  const threads = open(t)
  const uncloneable = (() => undefined) as never
  await assert.rejects(threads.runSpare('echo', uncloneable), MaterialUnavailable)
  assert.equal((await threads.runSpare('echo', Buffer.from('next'))).toString(), 'next')
})

test('threads that are not closed do not keep the process alive, and work in them does', () => {
  const module = JSON.stringify(new URL('./threads.ts', import.meta.url).href)
  const options = `{ file: new URL('${file.href}'), count: 1, ahead: 1, waiting: { ofOwner: 1, inAll: 1 } }`
  const script = `
    import(${module})
      .then(({ Threads }) => new Threads(${options}).run('a', 'echo', Buffer.from('answered')))
      .then((answer) => console.log(String(answer)))`
  const { stdout, status, stderr } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.equal(stdout, 'answered\n', stderr)
  assert.equal(status, 0)
})
