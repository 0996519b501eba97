import { existsSync, readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve, sep } from 'node:path'
import { endLike, runChild } from './child.mjs'
import { install } from './install.mjs'
import { pinnedNode, serviceFlags } from './node.mjs'
import { main, root, SetupError } from './root.mjs'
import { requireSystemPrograms } from './system-programs.mjs'

const systemTests = join('test', 'system')

/**
 * What `npm run …` does: the arguments of the pinned Node, and its environment.
 * @type {Record<string, (args: string[]) => { args: string[], env?: NodeJS.ProcessEnv }>}
 */
const commands = {
  start: (args) => ({ args: [...serviceFlags, join(root, 'server/src/cli/keywright.ts'), 'serve', ...args] }),
  test: (args) =>
    testRun(args, ['server/src', 'test', 'check', 'setup'], (file) => !isSystemTest(file), 120_000),
  'test:system': (args) => {
    requireSystemPrograms()
    return testRun(args, [systemTests], isSystemTest, 600_000)
  },
  bench: (args) => ({ args: [join(root, 'bench/run.ts'), ...args] }),
  check: (args) => ({ args: [join(root, 'check/run.ts'), ...args] }),
  format: (args) => ({ args: [join(root, 'node_modules/oxfmt/bin/oxfmt'), ...args] }),
}

/**
 * `node --test` over our files. Arguments that name files or folders replace the usual ones; options go to Node.
 * @param {string[]} args
 * @param {string[]} folders
 * @param {(file: string) => boolean} wanted
 * @param {number} timeoutMs for one test, so that a hang fails instead of holding CI
 */
function testRun(args, folders, wanted, timeoutMs) {
  const options = args.filter((arg) => arg.startsWith('-'))
  const named = args.filter((arg) => !arg.startsWith('-'))
  const files =
    named.length > 0
      ? named.flatMap((path) => testFiles(resolve(path)))
      : folders.flatMap((folder) => testFiles(join(root, folder))).filter(wanted)
  if (files.length === 0)
    throw new SetupError(`no test files in ${(named.length > 0 ? named : folders).join(', ')}`)
  // Half of a test's time is waiting for a disk or a child: two at a time even on one core.
  const concurrency = Math.min(4, Math.max(2, availableParallelism()))
  return {
    args: [
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${timeoutMs}`,
      ...options,
      ...files,
    ],
    env: testEnvironment(),
  }
}

/** @param {string} path @returns {string[]} */
function testFiles(path) {
  if (!existsSync(path)) return []
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(path, file))
    .sort()
}

/** @param {string} file */
function isSystemTest(file) {
  return relative(root, file).startsWith(systemTests + sep)
}

/** Neither Keywright's settings nor AWS's of whoever runs the tests may change what they say. */
function testEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(KEYWRIGHT|AWS)_/i.test(name)))
}

await main(async () => {
  const [name = '', ...args] = process.argv.slice(2)
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new SetupError(`say one of: ${Object.keys(commands).join(', ')}`)
  await install()
  const run = command(args)
  endLike(await runChild(pinnedNode(), run.args, run.env === undefined ? {} : { env: run.env }))
})
