import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder, type ServerProcess } from '../server-process.ts'

/** A data directory for a second node: it has the first one's root key, and nothing else. */
export function dataDirOfSecondNode(first: Pick<ServerProcess, 'dataDir'>): string {
  const dataDir = join(temporaryFolder(), 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  copyFileSync(join(first.dataDir, 'root.key'), join(dataDir, 'root.key'))
  return dataDir
}
