import type { Config } from '../config.ts'
import { runRequest } from './commands.ts'
import { startControlServer } from './control.ts'
import type { ControlServer } from './control.ts'
import type { DeploymentIo, Main, RunningServer } from './deployment.ts'
import { describeFailure } from './failure.ts'
import { shellWord } from './output.ts'

// Ten seconds are promised from the signal to the end; what is left is for the exit itself.
const STOP_LIMIT_MS = 9_500

/**
 * Serves until SIGTERM, SIGINT or SIGHUP, then drains; resolves with the exit code. A second SIGINT ends at once. With TLS
 * files SIGHUP does not stop: it looks at them again, as daemons do.
 * `print` writes what a user or a script reads; the first line is stable: `Keywright is serving <url>`.
 */
export async function serveUntilStopped(
  { config, io, load }: { config: Config; io: DeploymentIo; load: () => Promise<Main> },
  print: (text: string) => void,
): Promise<number> {
  let server: RunningServer | undefined
  const reloads = config.tlsCertificateFile !== undefined && process.platform !== 'win32'
  const stopping = stopSignal(reloads ? ['SIGTERM', 'SIGINT'] : ['SIGTERM', 'SIGINT', 'SIGHUP'])
  const onHangUp = () => {
    io.log.info('SIGHUP: the TLS certificate files are looked at')
    void server?.reload()
  }
  if (reloads) process.on('SIGHUP', onHangUp)
  try {
    const { serve } = await load()
    server = await serve(config, io)
    let control: ControlServer | undefined
    try {
      // The server holds the lock of its data directory until it has stopped.
      control = await controlOf(config, server)
    } catch (error) {
      await server.stop()
      throw error
    }
    print(banner(config, server))
    const signal = await stopping.requested
    io.log.info({ signal }, 'stopping: requests that came are answered, no new ones are taken')
    const limit = setTimeout(() => {
      io.log.error('not everything ended in time: stopping now')
      io.log.flush()
      process.exit(1)
    }, STOP_LIMIT_MS)
    await control?.close().catch((error: unknown) => {
      io.log.warn(`the control socket did not close: ${describeFailure(error)}`)
    })
    await server.stop()
    clearTimeout(limit)
    io.log.info('stopped')
    io.log.flush()
    return 0
  } finally {
    stopping.forget()
    process.off('SIGHUP', onHangUp)
  }
}

async function controlOf(config: Config, server: RunningServer): Promise<ControlServer | undefined> {
  // A Unix socket with the mode of a file is what protects it, and Windows has none.
  if (process.platform === 'win32') return undefined
  return startControlServer({ dataDir: config.dataDir }, (request) => runRequest(server.deployment, request))
}

/** Signals count from the start, so one that comes while the store opens still ends in order. */
function stopSignal(signals: readonly NodeJS.Signals[]): {
  requested: Promise<NodeJS.Signals>
  forget(): void
} {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let interrupts = 0
  const onSignal = (signal: NodeJS.Signals) => {
    if (signal === 'SIGINT' && ++interrupts > 1) process.exit(130)
    resolve(signal)
  }
  for (const signal of signals) process.on(signal, onSignal)
  return {
    requested: promise,
    forget() {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}

/** What is printed once requests are answered. */
export function banner(
  config: Pick<Config, 'regions' | 'devAuth'>,
  {
    url,
    accountId,
    adminUrl,
    servicesUrl,
    linkUrl,
    endpointUrls,
    caFile,
    credentialsFile,
  }: Omit<RunningServer, 'deployment' | 'reload' | 'stop'>,
): string {
  const variables = [
    `AWS_SHARED_CREDENTIALS_FILE=${shellWord(credentialsFile)}`,
    `AWS_DEFAULT_REGION=${config.regions[0]}`,
    ...(caFile === undefined ? [] : [`AWS_CA_BUNDLE=${shellWord(caFile)}`]),
  ]
  const lines = [
    `Keywright is serving ${url}`,
    `Credentials of the root user of account ${accountId}: ${credentialsFile}`,
    ...(adminUrl === undefined ? [] : [`Health and metrics: ${adminUrl}`]),
    ...(servicesUrl === undefined ? [] : [`Registered services: ${servicesUrl}`]),
    ...(linkUrl === undefined ? [] : [`Linked deployments: ${linkUrl}`]),
    ...(endpointUrls ?? []).map((url) => `Private endpoint: ${url}`),
    ...(caFile === undefined
      ? []
      : [`Certificate authority to trust: ${caFile} (AWS_CA_BUNDLE; NODE_EXTRA_CA_CERTS for Node)`]),
    ...(config.devAuth
      ? ['Development mode: signatures are NOT verified. Anyone who can connect can use every key.']
      : []),
    'To try it:',
    `  export ${variables.join(' ')}`,
    `  aws --endpoint-url ${shellWord(url)} kms create-key --description "Application encryption key"`,
    `  aws --endpoint-url ${shellWord(url)} kms list-keys`,
  ]
  return `${lines.join('\n')}\n`
}
