import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { PrivateFileError } from '../private-file.ts'
import { PassphraseError, readPassphrase } from './passphrase.ts'

const folder = mkdtempSync(join(tmpdir(), 'keywright-passphrase-'))
after(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** A terminal whose user has typed these bytes. */
function terminal(typed: string | Buffer) {
  const shown: Buffer[] = []
  const raw: boolean[] = []
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => raw.push(on),
  })
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      shown.push(chunk)
      done()
    },
  })
  input.end(typed)
  return { terminal: { input, output }, shown: () => Buffer.concat(shown).toString(), raw }
}

test('a passphrase file is read as it is, when only its owner can', async () => {
  const file = join(folder, 'passphrase')
  writeFileSync(file, 'correct horse battery\n', { mode: 0o600 })
  assert.equal(String(await readPassphrase({ file }, 'create')), 'correct horse battery\n')
  for (const mode of [0o604, 0o640, 0o620]) {
    chmodSync(file, mode)
    await assert.rejects(readPassphrase({ file }, 'open'), /open to other users: run chmod 600/)
  }
})

test('an empty, missing, endless or irregular passphrase file is refused', async () => {
  const file = join(folder, 'odd')
  writeFileSync(file, '', { mode: 0o600 })
  await assert.rejects(readPassphrase({ file }, 'open'), PassphraseError)
  writeFileSync(file, 'x'.repeat(1027))
  await assert.rejects(readPassphrase({ file }, 'open'), /longer than/)
  await assert.rejects(readPassphrase({ file: join(folder, 'absent') }, 'open'), PrivateFileError)
  await assert.rejects(readPassphrase({ file: '/dev/zero' }, 'open'), PrivateFileError)
  await assert.rejects(readPassphrase({ file: folder }, 'open'), PrivateFileError)
})

/** Runs readPassphrase in a process of its own with `content` on descriptor 3. */
async function byDescriptor(content: string, fd = 3): Promise<string> {
  const script = `const { readPassphrase } = await import(${JSON.stringify(new URL('./passphrase.ts', import.meta.url).href)})
try { process.stdout.write('got ' + String(await readPassphrase({ fd: ${fd} }, 'open'))) } catch (error) { process.stdout.write(error.name + ': ' + error.message) }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  })
  const pipe = child.stdio[3] as Writable
  // A reader that has seen enough closes the pipe.
  pipe.on('error', () => {})
  pipe.end(content)
  assert.ok(child.stdout)
  return text(child.stdout)
}

test('a passphrase comes by file descriptor, whole and bounded', async () => {
  assert.equal(await byDescriptor('correct horse battery'), 'got correct horse battery')
  assert.match(await byDescriptor(''), /^PassphraseError: there is no passphrase/)
  assert.match(await byDescriptor('x'.repeat(100_000)), /^PassphraseError: .*more than a passphrase/)
  assert.match(
    await byDescriptor('x', 97),
    /^PassphraseError: cannot read a passphrase from file descriptor 97/,
  )
})

test('a prompt shows nothing of what is typed and takes corrections', async () => {
  const { terminal: tty, shown, raw } = terminal('wrong\u0015batterü\u007fy stable\r')
  assert.equal(String(await readPassphrase({}, 'open', tty)), 'battery stable')
  assert.equal(shown(), 'Passphrase of the root key: \n')
  assert.deepEqual(raw, [true, false])
})

test('a new passphrase is asked for twice and must be the same', async () => {
  assert.equal(
    String(await readPassphrase({}, 'create', terminal('one two three\none two three\n').terminal)),
    'one two three',
  )
  await assert.rejects(
    readPassphrase({}, 'create', terminal('one\nother\n').terminal),
    /the two passphrases differ/,
  )
})

test('Ctrl-C, Ctrl-D and a closed terminal end the prompt without a passphrase', async () => {
  for (const typed of ['abc\u0003', '\u0004', 'abc']) {
    const { terminal: tty, raw } = terminal(typed)
    await assert.rejects(readPassphrase({}, 'open', tty), /no passphrase was given/)
    assert.deepEqual(raw, [true, false])
  }
})

test('without a terminal, file and descriptor are named as the ways to give it', async () => {
  const { terminal: tty } = terminal('abc\n')
  tty.input.isTTY = false
  await assert.rejects(readPassphrase({}, 'open', tty), /--passphrase-file or --passphrase-fd/)
})
