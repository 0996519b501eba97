import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Credentials } from '../server-process.ts'
import type { Terminal } from './terminal.ts'

/** Adds a profile to the configuration of a terminal's user. */
export function addProfile(user: Terminal, name: string, settings: Readonly<Record<string, string>>): void {
  const lines = Object.entries({ region: 'us-east-1', ...settings }).map(
    ([setting, value]) => `${setting} = ${value}\n`,
  )
  appendFileSync(join(homeOf(user), 'config'), `[profile ${name}]\n${lines.join('')}`)
}

export function profileKey({ accessKeyId, secretAccessKey }: Credentials): Record<string, string> {
  return { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey }
}

/**
 * Debian's CLI knows neither AWS_ENDPOINT_URL nor `endpoint_url`, and --endpoint-url is for the command itself: the STS that
 * it asks by itself for a role is told by a model of the user's own.
 *
 * @see botocore, "Loaders Reference": ~/.aws/models is searched before the built-in data
 */
export function pointStsAt(user: Terminal, url: string): void {
  const folder = join(homeOf(user), '.aws/models/sts/2011-06-15')
  mkdirSync(folder, { recursive: true })
  const rules = {
    version: '1.0',
    parameters: { Region: { builtIn: 'AWS::Region', required: false, documentation: '', type: 'String' } },
    rules: [{ type: 'endpoint', conditions: [], endpoint: { url, properties: {}, headers: {} } }],
  }
  writeFileSync(join(folder, 'endpoint-rule-set-1.json'), JSON.stringify(rules))
}

function homeOf(user: Terminal): string {
  return dirname(user.folder)
}
