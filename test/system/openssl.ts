import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../server-process.ts'

export interface Ran {
  readonly code: number
  readonly output: string
}

/** Debian's openssl in a folder of its own, where it reads what tests put there and tests read what it wrote. */
export interface OpenSsl {
  /** @returns the name under which openssl finds it */
  put(name: string, content: Uint8Array): string
  take(name: string): Buffer
  /** What it did, however it ended. */
  tried(...args: readonly string[]): Promise<Ran>
  /** @throws Error when it ends with anything but 0 */
  run(...args: readonly string[]): Promise<string>
}

export function openSsl(): OpenSsl {
  const cwd = temporaryFolder()
  const tried = (...args: readonly string[]) =>
    new Promise<Ran>((resolve) => {
      const options = { cwd, timeout: 60_000, env: { PATH: '/usr/bin:/bin', HOME: cwd } }
      const child = execFile('/usr/bin/openssl', args, options, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: out + err })
      })
      child.stdin?.end()
    })
  return {
    tried,
    put(name, content) {
      writeFileSync(join(cwd, name), content)
      return name
    },
    take: (name) => readFileSync(join(cwd, name)),
    async run(...args) {
      const { code, output } = await tried(...args)
      if (code !== 0) throw new Error(`openssl ${args.join(' ')} ended with ${code}: ${output}`)
      return output
    },
  }
}
