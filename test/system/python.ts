import { execFile } from 'node:child_process'
import { temporaryFolder, type ServerProcess } from '../server-process.ts'

// One for all promises of a test file: what one leaves in its working directory, a later one finds.
const home = temporaryFolder()

/**
 * Runs one promise of a script of `boto3/` with Debian's Python. Resolves with what it printed when it was broken, otherwise
 * with ''.
 *
 * @param more variables beside those that every script is given
 */
export function brokenPromise(
  script: string,
  name: string,
  { url, credentials }: Pick<ServerProcess, 'url' | 'credentials'>,
  account: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = {
    HOME: home,
    PATH: '/usr/bin:/bin',
    LANG: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_DEFAULT_REGION: 'us-east-1',
    KMS_ENDPOINT: url,
    KMS_ACCOUNT: account,
    ...more,
  }
  return new Promise((resolve) => {
    execFile('/usr/bin/python3', [script, name], { env, cwd: home, timeout: 300_000 }, (error, out, err) => {
      resolve(error === null ? '' : `${error.message}\n${out}${err}`)
    })
  })
}
