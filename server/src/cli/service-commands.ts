import { resolve } from 'node:path'
import type { Command } from 'commander'
import { CommandError } from './failure.ts'
import { readInputFile } from './input-file.ts'
import { textTable, timeText } from './output.ts'
import type { Session } from './session.ts'

const LONGEST_CERTIFICATE_BYTES = 16_384

/** `keywright service …`: the services beside this one that may act for their users. */
export function addServiceCommands(program: Command, session: Session): void {
  const service = program
    .command('service')
    .description('services beside this one that may use KMS keys for their users')
  service
    .command('register <name>')
    .description('register a service, such as s3.us-east-1.amazonaws.com, by its client certificate')
    .requiredOption('--certificate <file>', 'the client certificate of the service, in PEM')
    .option('--json', 'print JSON')
    .action(async (name: string, { certificate, json }: { certificate: string; json?: boolean }) => {
      const made = await session.call('service register', {
        name,
        certificate: certificateIn(resolve(session.around.cwd, certificate), certificate),
      })
      session.show(
        json,
        made,
        () => `Service ${made.name} is known by the certificate ${made.certificateFingerprint}.\n`,
      )
    })
  service
    .command('list')
    .description('list the registered services')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const services = await session.call('service list')
      const rows = services.map((each) => [
        each.name,
        each.certificateFingerprint,
        timeText(each.certificateExpiresAt),
        timeText(each.createdAt),
      ])
      session.show(json, services, () =>
        textTable(['SERVICE', 'CERTIFICATE (SHA-256)', 'EXPIRES', 'REGISTERED'], rows),
      )
    })
  service
    .command('remove <name>')
    .description('forget a service; what it was given for its users ends at once')
    .action(async (name: string) => {
      await session.call('service remove', { name })
      session.around.print(`Service ${name} is removed.\n`)
    })
}

function certificateIn(file: string, shown: string): string {
  const bytes = readInputFile(file, {
    maxBytes: LONGEST_CERTIFICATE_BYTES,
    tooLong: `${shown} is longer than a certificate can be`,
    unreadable: (code) => `${shown} cannot be read (${code})`,
  })
  // Nothing else of the file leaves this process: some keep the private key beside the certificate.
  const [certificate] =
    /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.exec(bytes.toString('latin1')) ??
    []
  if (certificate === undefined) throw new CommandError(`${shown} holds no certificate in PEM form`)
  return certificate
}
