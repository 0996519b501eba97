import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  credentialsFileOf,
  removeCredentialsFile,
  reserveCredentialsFile,
  writeCredentialsFile,
} from './credentials-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'keywright-credentials-'))
after(() => {
  rmSync(folder, { recursive: true, force: true })
})

const pair = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const expected = `[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
`

test('the credentials file is for its owner alone, whatever the umask, and leaves nothing beside it', () => {
  const file = credentialsFileOf(folder)
  for (const umask of [0, 0o777]) {
    const before = process.umask(umask)
    try {
      writeCredentialsFile(file, pair)
    } finally {
      process.umask(before)
    }
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(readFileSync(file, 'utf8'), expected)
    assert.deepEqual(readdirSync(folder), ['credentials'])
  }
})

test('a reserved file is private before it has content, and never takes the place of another', () => {
  const file = join(folder, 'reserved')
  const reserved = reserveCredentialsFile(file)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.throws(() => reserveCredentialsFile(file), { code: 'EEXIST' })
  reserved.fill(pair)
  assert.equal(readFileSync(file, 'utf8'), expected)
  assert.throws(() => reserveCredentialsFile(file), { code: 'EEXIST' })
  assert.equal(readFileSync(file, 'utf8'), expected)
})

test('a reserved file that is not needed leaves nothing', () => {
  const file = join(folder, 'unneeded')
  reserveCredentialsFile(file).discard()
  assert.equal(existsSync(file), false)
})

test('a credentials file is taken away, and one that is not there is no error', () => {
  const file = join(folder, 'unwanted')
  writeCredentialsFile(file, pair)
  removeCredentialsFile(file)
  assert.equal(existsSync(file), false)
  removeCredentialsFile(file)
})
