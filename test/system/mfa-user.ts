import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Credentials, ServerProcess } from '../server-process.ts'
import { authenticator, type Authenticator } from './authenticator.ts'
import { issuedKey, type AccessKeyAnswer } from './cli-credentials.ts'
import { terminal, type Terminal } from './terminal.ts'

export interface MfaUser {
  readonly shell: Terminal
  readonly key: Credentials
  readonly app: Authenticator
  /** The ARN of its device. */
  readonly serial: string
}

/** A new user with a device of its own name that is enabled, and what an app made of the seed. */
export async function newMfaUser(
  server: Pick<ServerProcess, 'url' | 'credentials'>,
  admin: Terminal,
  name: string,
): Promise<MfaUser> {
  const made = await admin.json<AccessKeyAnswer>(`
aws iam create-user --user-name ${name} > made
aws iam create-virtual-mfa-device --virtual-mfa-device-name ${name} --bootstrap-method Base32StringSeed --outfile ${name}.seed > ${name}.device
aws iam create-access-key --user-name ${name}`)
  const device = JSON.parse(readFileSync(join(admin.folder, `${name}.device`), 'utf8')) as {
    VirtualMFADevice: { SerialNumber: string }
  }
  const serial = device.VirtualMFADevice.SerialNumber
  const app = authenticator(readFileSync(join(admin.folder, `${name}.seed`), 'latin1'))
  const enable = () => {
    const [first, second] = app.two()
    return admin.run(
      `aws iam enable-mfa-device --user-name ${name} --serial-number ${serial} --authentication-code1 ${first} --authentication-code2 ${second}`,
    )
  }
  // Whoever types the codes at the very end of their half minute types the next ones.
  let enabled = await enable()
  if (enabled.stderr.includes('InvalidAuthenticationCode')) enabled = await enable()
  assert.equal(enabled.code, 0, enabled.stderr)
  const key = issuedKey(made)
  return { key, app, serial, shell: terminal(server, { endpoint: server.url, credentials: key }) }
}
