import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../clock.ts'
import { prepareSelfSigned } from '../../http/self-signed.ts'
import { createLog } from '../../telemetry/log.ts'

const log = createLog({ level: 'silent' })

/** A site of this machine, with a certificate for `localhost` of an authority of its own. */
export interface TlsSite {
  /** `https://localhost:port` */
  readonly origin: string
  readonly port: number
  /** The authority's certificate, as text and as file. */
  readonly ca: string
  readonly caFile: string
  /** The paths that were asked for. */
  readonly asked: string[]
  answer: RequestListener
}

export async function tlsSite(t: { after(cleanUp: () => unknown): void }): Promise<TlsSite> {
  const directory = mkdtempSync(join(tmpdir(), 'keywright-site-'))
  const made = await prepareSelfSigned({ directory, names: ['localhost'] }, { clock: systemClock, log })
  const pem = readFileSync(made.certFile)
  const server = createServer({ cert: pem, key: pem }, (request, response) => {
    site.asked.push(request.url ?? '')
    site.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const { port } = server.address() as AddressInfo
  const site: TlsSite = {
    origin: `https://localhost:${port}`,
    port,
    ca: readFileSync(made.caFile, 'utf8'),
    caFile: made.caFile,
    asked: [],
    answer: (_request, response) => response.end('hello'),
  }
  return site
}
