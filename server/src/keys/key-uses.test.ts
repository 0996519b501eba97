import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../store/store.ts'
import { heldClock } from '../testing/held-clock.ts'
import { keyUsesSuite } from './key-uses.suite.ts'

keyUsesSuite(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'keywright-uses-'))
  const options = { engine: 'sqlite', file: join(directory, 'keywright.db') } as const
  await (await openStore(options, { clock: heldClock() })).close()
  return {
    options,
    remove: () => {
      rmSync(directory, { recursive: true })
      return Promise.resolve()
    },
  }
})
