import { systemClock } from '../clock.ts'
import { systemRandom } from '../crypto/random.ts'
import type { Main } from './deployment.ts'
import { runCommandLine } from './program.ts'

// A reader that went away, as in `keywright audit tail | head`, is no reason to fail.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  clock: systemClock,
  random: systemRandom,
  // Loaded only by the commands that open a deployment: the others start and end at once.
  load: (): Promise<Main> => import('../main.ts'),
  print: (text) => process.stdout.write(text),
  complain: (text) => process.stderr.write(text),
})
