import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { checkRequest, runRequest } from './commands.ts'
import type { CommandName, CommandResult } from './commands.ts'
import { callControl, NoServerError, operatorName } from './control.ts'
import { DataDirInUseError, requireOwnDataDir } from './data-dir.ts'
import type { DeploymentIo, Main } from './deployment.ts'

// A server that is starting or stopping holds the lock without a control socket; another command holds it briefly.
const PATIENCE_MS = 5_000
const PAUSE_MS = 100

/**
 * Gives an administrative command to the server that runs on the data directory, or opens the deployment and runs it here
 * when none does. Rejects with what a failing command would say, in one line.
 */
export async function invoke<Name extends CommandName>(
  { config, io, load }: { config: Config; io: DeploymentIo; load: () => Promise<Main> },
  command: Name,
  args: Readonly<Record<string, string>>,
): Promise<CommandResult<Name>> {
  const request = checkRequest(command, args, operatorName())
  requireOwnDataDir(config.dataDir)
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await callControl(config.dataDir, command, args)
    } catch (error) {
      if (!(error instanceof NoServerError)) throw error
    }
    try {
      const { openDeployment } = await load()
      const deployment = await openDeployment(config, io)
      try {
        return (await runRequest(deployment, request)) as CommandResult<Name>
      } finally {
        await deployment.close()
      }
    } catch (error) {
      if (!(error instanceof DataDirInUseError) || performance.now() > deadline) throw error
      await wait(PAUSE_MS)
    }
  }
}
