import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { RegionLinkFacts } from '../deployment/region-links.ts'
import { readInputFile } from './input-file.ts'
import { textTable, timeText } from './output.ts'
import type { Session } from './session.ts'

const LONGEST_IDENTITY_BYTES = 32_768

/** `keywright region …`: the deployments that have multi-Region keys in common with this one. */
export function addRegionCommands(program: Command, session: Session): void {
  const region = program.command('region').description('join the Regions of another deployment to this one')
  region
    .command('identity')
    .description('print what the operator of another deployment needs to link with this one; no secret')
    .option('--output <file>', 'write it to a file')
    .action(async ({ output }: { output?: string }) => {
      const own = await session.call('region identity')
      if (output === undefined) return session.around.print(own.file)
      writeFileSync(resolve(session.around.cwd, output), own.file)
      session.around.print(`The identity of deployment ${own.deploymentId} is in ${output}.\n`)
      session.around.print(`Fingerprint: ${own.fingerprint}\n`)
    })
  region
    .command('link <file>')
    .description('link with the deployment whose identity is in a file; its operator does the same with ours')
    .requiredOption(
      '--url <url>',
      'where it listens (its setting linkListen), such as https://kms.example.com:5569',
    )
    .option('--only <regions>', 'only these of its Regions, with commas in between')
    .option('--fingerprint <fingerprint>', 'refuse when the identity has another one')
    .option('--json', 'print JSON')
    .action(async (file: string, { json, url, ...options }: LinkOptions) => {
      const made = await session.call('region link', {
        identity: identityIn(resolve(session.around.cwd, file), file),
        url,
        ...options,
      })
      session.show(json, made, () =>
        [
          `Deployment ${made.deploymentId} is linked, with ${made.regions.join(', ')}.\n`,
          `Its fingerprint:   ${made.fingerprint}\n`,
          `Ours, shown there: ${made.ownFingerprint}\n`,
          'Compare both with its operator, by telephone for example.\n',
        ].join(''),
      )
    })
  region
    .command('unlink <deployment-id>')
    .description('end a link; refused while multi-Region keys span it')
    .option('--force', 'end it all the same; each side keeps its keys')
    .action(async (deploymentId: string, { force }: { force?: boolean }) => {
      const { sets } = await session.call('region unlink', {
        deploymentId,
        ...(force === true && { force: 'true' }),
      })
      session.around.print(`Deployment ${deploymentId} is no longer linked.\n`)
      if (sets > 0)
        session.around.print(`${sets} multi-Region keys are no longer kept in agreement with it.\n`)
    })
  region
    .command('links')
    .description('list the linked deployments and how things stand with them')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const links = await session.call('region links')
      session.show(json, links, () => textOf(links))
    })
}

interface LinkOptions {
  readonly url: string
  readonly only?: string
  readonly fingerprint?: string
  readonly json?: boolean
}

function textOf(links: readonly RegionLinkFacts[]): string {
  const rows = links.map((link) => [
    link.deploymentId,
    link.regions.join(','),
    link.url,
    stateOf(link),
    String(link.sets),
    String(link.waiting),
  ])
  const troubles = links.flatMap(({ deploymentId, troubles: of }) =>
    of.map(({ keyId, reason, since }) => [keyId, deploymentId, timeText(since), reason]),
  )
  return [
    textTable(['DEPLOYMENT', 'REGIONS', 'URL', 'STATE', 'KEYS', 'WAITING'], rows),
    ...(troubles.length > 0 ? ['\n', textTable(['KEY', 'DEPLOYMENT', 'SINCE', 'TROUBLE'], troubles)] : []),
  ].join('')
}

function stateOf({ failingSince, failure, seenAt }: RegionLinkFacts): string {
  if (failingSince !== undefined) return `failing since ${timeText(failingSince)}: ${failure ?? ''}`
  return seenAt === undefined ? 'not spoken with yet' : 'ok'
}

function identityIn(file: string, shown: string): string {
  const bytes = readInputFile(file, {
    maxBytes: LONGEST_IDENTITY_BYTES,
    tooLong: `${shown} is longer than an identity can be`,
    unreadable: (code) => `${shown} cannot be read (${code})`,
  })
  return bytes.toString('latin1').replaceAll('\r\n', '\n')
}
