import { decision } from './decision.ts'
import { decrypt } from './decrypt.ts'
import { encrypt } from './encrypt.ts'
import { table, type Figure } from './figure.ts'
import { flood } from './flood.ts'
import { generateDataKey } from './generate-data-key.ts'
import { generateDataKeyPair } from './generate-data-key-pair.ts'
import { grants } from './grants.ts'
import { monitorsOffServer } from './kernel-monitors.ts'
import { describeMachine } from './machine.ts'
import { mac } from './mac.ts'
import { manyKeys } from './many-keys.ts'
import { requirePrograms } from './pinned-process.ts'
import { openBench, type Question } from './question.ts'
import { quotas } from './quotas.ts'
import { roleSession } from './role-session.ts'
import { rsaEncryption } from './rsa-encryption.ts'
import { sharedSecrets } from './shared-secrets.ts'
import { sign } from './sign.ts'
import { startUp } from './start-up.ts'
import { verify } from './verify.ts'

const questions: readonly Question[] = [
  startUp,
  encrypt,
  decrypt,
  generateDataKey,
  manyKeys,
  decision,
  grants,
  roleSession,
  quotas,
  sign,
  verify,
  mac,
  rsaEncryption,
  sharedSecrets,
  generateDataKeyPair,
  flood,
]

/**
 * `npm run bench -- [--quick] [question …]`: asks all questions, or those named, and prints one table. Numbers that miss
 * their target are said and are no failure; the exit code is not 0 only when something broke.
 */
async function run(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick')
  const named = args.filter((arg) => arg !== '--quick')
  const unknown = named.find((name) => !questions.some((question) => question.name === name))
  if (unknown !== undefined) {
    throw new Error(`no question ${unknown}: name some of ${questions.map(({ name }) => name).join(', ')}`)
  }
  requirePrograms()
  using bench = await openBench({ quick })
  const { cores, connections } = bench
  using monitors = monitorsOffServer(cores)
  const heading =
    `${describeMachine(bench.directory)}\n` +
    `layout       servers on CPU ${cores.server}, load on CPU ${cores.load}, ${connections} connections` +
    (monitors.said === undefined ? '' : `\nmonitors     the kernel's, of memory use: ${monitors.said}`) +
    (quick ? '\nquick        short rounds and fewer keys: a look, not a measurement' : '')
  console.log(heading)

  const figures: Figure[] = []
  for (const question of questions) {
    if (named.length > 0 && !named.includes(question.name)) continue
    console.log(`\n${question.name}`)
    figures.push(...(await question.ask(bench)))
  }
  console.log(`\n${heading}\n\n${table(figures)}`)
  console.log('\nSeveral rounds: the median, and the range in parentheses.')
}

// So that what has to be ended and removed with this process is, also when it is interrupted.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

try {
  await run(process.argv.slice(2))
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
