import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder, type Credentials, type ServerProcess } from '../server-process.ts'

/** What a user's shell shows. */
export interface Shown {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * A shell in which `aws` is Debian's AWS CLI, pointed at a server by its own configuration and nothing else: commands
 * stand in the tests as a user types them.
 */
export interface Terminal {
  /** The working directory: `fileb://secret` is a file there. */
  readonly folder: string
  run(script: string): Promise<Shown>
  /** The JSON that a command prints, which must succeed. */
  json<T = Record<string, never>>(script: string): Promise<T>
  /** The text that a command prints, without the line feed at its end; it must succeed. */
  text(script: string): Promise<string>
  /** The service's error as the CLI words it; the command must be refused with one. */
  refusal(script: string): Promise<{ code: string; operation: string; message: string }>
  /** The same in one text, `code: message`. */
  refusedWith(script: string): Promise<string>
}

export interface TerminalOptions {
  readonly region?: string
  readonly credentials?: Credentials
  /** More variables, such as AWS_CA_BUNDLE. */
  readonly env?: Readonly<Record<string, string>>
  /** Undefined leaves --endpoint-url to the commands themselves. */
  readonly endpoint?: string | undefined
}

// A service's refusal, from "AWS CLI return codes" of the AWS CLI User Guide.
const REFUSED = 254

export function terminal(
  server: Pick<ServerProcess, 'credentials'>,
  options: TerminalOptions = {},
): Terminal {
  const home = temporaryFolder()
  const folder = join(home, 'work')
  const bin = join(home, 'bin')
  mkdirSync(folder)
  mkdirSync(bin)
  const endpoint = options.endpoint === undefined ? '' : ` --endpoint-url '${options.endpoint}'`
  const command = join(bin, 'aws')
  writeFileSync(command, `#!/bin/sh\nexec /usr/bin/aws${endpoint} "$@"\n`)
  chmodSync(command, 0o755)
  const config = join(home, 'config')
  const region = options.region ?? 'us-east-1'
  writeFileSync(
    config,
    `[default]\nregion = ${region}\noutput = json\ncli_binary_format = raw-in-base64-out\ncli_pager =\n`,
  )
  const { accessKeyId, secretAccessKey } = options.credentials ?? server.credentials
  const env = {
    HOME: home,
    PATH: `${bin}:/usr/bin:/bin`,
    LANG: 'C.UTF-8',
    AWS_CONFIG_FILE: config,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...options.env,
  }

  const run = (script: string) => shell(script, folder, env)
  const text = async (script: string) => {
    const { code, stdout, stderr } = await run(script)
    assert.equal(code, 0, `${script}\n${stderr}`)
    return stdout.replace(/\n$/, '')
  }
  const refusal: Terminal['refusal'] = async (script) => {
    const { code, stdout, stderr } = await run(script)
    assert.equal(code, REFUSED, `${script}\n${stdout}${stderr}`)
    const match = /^\s*An error occurred \((\w+)\) when calling the (\w+) operation: (.*)\s*$/.exec(stderr)
    assert.ok(match, stderr)
    const [, error = '', operation = '', message = ''] = match
    return { code: error, operation, message }
  }
  return {
    folder,
    run,
    text,
    json: async <T>(script: string) => JSON.parse(await text(script)) as T,
    refusal,
    async refusedWith(script) {
      const { code, message } = await refusal(script)
      return `${code}: ${message}`
    },
  }
}

function shell(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/bash', ['-euo', 'pipefail', '-c', script], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
