import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { heldClock } from '../testing/held-clock.ts'
import { storeSuite, type FreshTarget } from './store.suite.ts'
import { openStore } from './store.ts'

const fresh: FreshTarget = async (state) => {
  const directory = mkdtempSync(join(tmpdir(), 'keywright-store-'))
  const options = { engine: 'sqlite', file: join(directory, 'keywright.db') } as const
  if (state === 'migrated') await (await openStore(options, { clock: heldClock() })).close()
  return {
    options,
    remove: () => {
      rmSync(directory, { recursive: true })
      return Promise.resolve()
    },
  }
}

storeSuite('store on SQLite', fresh)
