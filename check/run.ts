import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { wrongArrows } from './arrows.ts'
import { sourceFiles } from './imports.ts'

const root = join(import.meta.dirname, '..')
const bin = (path: string) => join(root, 'node_modules', path)

interface Outcome {
  readonly passed: boolean
  readonly output: string
}

/** A step runs a tool under this Node, or looks for itself. */
const steps: Record<string, () => Promise<Outcome>> = {
  types: () => tool(bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'),
  lint: () => tool(bin('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings'),
  format: () => tool(bin('oxfmt/bin/oxfmt'), '--check'),
  arrows: () => Promise.resolve(arrows()),
  unused: () => tool(bin('knip/bin/knip.js'), '--no-progress'),
}

function arrows(): Outcome {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'server/package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const wrong = wrongArrows(sourceFiles(join(root, 'server/src')), Object.keys(dependencies))
  return { passed: wrong.length === 0, output: wrong.join('\n') }
}

function tool(file: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    }
    child.once('error', reject)
    child.once('close', (code) => resolve({ passed: code === 0, output: output.trimEnd() }))
  })
}

/** Steps run side by side; each one's report is printed when it ends. With arguments, only the steps they name. */
async function run(names: readonly string[]): Promise<void> {
  const failed: string[] = []
  await Promise.all(
    names.map(async (name) => {
      const step = steps[name]
      if (step === undefined) throw new Error(`no step ${name}; there are ${Object.keys(steps).join(', ')}`)
      const start = performance.now()
      const { passed, output } = await step()
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      if (passed) return console.log(`check ${name}: ok (${seconds} s)`)
      failed.push(name)
      console.log(`${output}\ncheck ${name}: FAILED (${seconds} s)`)
    }),
  )
  if (failed.length === 0) return
  console.log(`check failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

await run(process.argv.length > 2 ? process.argv.slice(2) : Object.keys(steps))
