import { randomBytes } from 'node:crypto'
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncDirectory } from '../sync-directory.ts'

export interface AccessKeyPair {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** The AWS shared-credentials format, as every AWS SDK and the AWS CLI read it. */
function sharedCredentials({ accessKeyId, secretAccessKey }: AccessKeyPair): string {
  return `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`
}

/** Where the root user's credentials are, for the operator and for scripts. */
export function credentialsFileOf(dataDir: string): string {
  return join(dataDir, 'credentials')
}

/** Writes a credentials file, mode 0600 from its first byte on, whole or not at all: beside its place, then renamed. */
export function writeCredentialsFile(file: string, pair: AccessKeyPair): void {
  const folder = dirname(file)
  const temporary = join(folder, `.${basename(file)}.${randomBytes(8).toString('hex')}`)
  try {
    fill(createPrivate(temporary), pair)
    renameSync(temporary, file)
    syncDirectory(folder)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Takes the file away, for good. One that is not there is no error. */
export function removeCredentialsFile(file: string): void {
  rmSync(file, { force: true })
  syncDirectory(dirname(file))
}

/** A new file that waits for its content. */
export interface ReservedFile {
  fill(pair: AccessKeyPair): void
  discard(): void
}

/**
 * Makes the file that a new secret will go to before the secret is made, so that none is lost to a wrong path. An
 * existing file is never touched: the call throws with code EEXIST.
 */
export function reserveCredentialsFile(file: string): ReservedFile {
  const fd = createPrivate(file)
  return {
    fill(pair) {
      fill(fd, pair)
      syncDirectory(dirname(file))
    },
    discard() {
      closeSync(fd)
      rmSync(file, { force: true })
    },
  }
}

function createPrivate(file: string): number {
  const fd = openSync(file, 'wx', 0o600)
  fchmodSync(fd, 0o600)
  return fd
}

function fill(fd: number, pair: AccessKeyPair): void {
  try {
    writeSync(fd, sharedCredentials(pair))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
