import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { exportAnchors, parseAnchors } from '../audit/anchors.ts'
import { tail } from '../audit/read.ts'
import type { TailedRecord } from '../audit/read.ts'
import { verifyJournal } from '../audit/verify.ts'
import type { ChainReport } from '../audit/verify.ts'
import { requireOwnDataDir } from './data-dir.ts'
import type { JournalAccess } from './deployment.ts'
import { CommandError, oneLine } from './failure.ts'
import { readInputFile } from './input-file.ts'
import { textTable, timeText } from './output.ts'
import type { Session } from './session.ts'

const MAX_ANCHOR_BYTES = 64 * 2 ** 20

/** The commands that read the journal, in a process of their own, whether or not a server runs. */
export function addAuditCommands(program: Command, session: Session): void {
  const audit = program.command('audit').description('the journal: a CloudTrail record for every request')
  audit
    .command('tail')
    .description('print the latest records')
    .option('-f, --follow', 'go on with records as they are written')
    .option('-n, --limit <count>', 'how many of the latest records', wholeNumber, 20)
    .option('--json', 'print the records as they stand in the journal, one JSON object a line')
    .action((options: TailOptions) => tailJournal(session, options))
  audit
    .command('verify')
    .description(
      'check hashes and seals of the whole journal; exit code 1 and the first bad record when they do not hold',
    )
    .option('--anchor <file>', 'seals that were kept elsewhere, from keywright audit anchors')
    .option('--json', 'print JSON')
    .action((options: { anchor?: string; json?: boolean }) => verify(session, options))
  audit
    .command('anchors')
    .alias('anchor')
    .description(
      "print the last seal of each chain, to be kept elsewhere and given to 'audit verify --anchor'",
    )
    .action(() =>
      withJournal(session, async ({ store }) => {
        for await (const line of exportAnchors(store)) session.around.print(`${line}\n`)
      }),
    )
}

async function withJournal(session: Session, use: (journal: JournalAccess) => Promise<void>): Promise<void> {
  const config = session.configOf()
  requireOwnDataDir(config.dataDir)
  const { openJournalAccess } = await session.around.load()
  const journal = await openJournalAccess(config, session.ioOf(config, 'command'))
  try {
    await use(journal)
  } finally {
    await journal.close()
  }
}

interface TailOptions {
  readonly follow?: boolean
  readonly limit: number
  readonly json?: boolean
}

async function tailJournal(
  session: Session,
  { follow = false, limit, json = false }: TailOptions,
): Promise<void> {
  await withJournal(session, async ({ store, reader }) => {
    const stop = new AbortController()
    const onSignal = () => {
      stop.abort()
    }
    // `| head` closes our output when it has enough.
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
    process.stdout.once('error', onSignal)
    try {
      for await (const tailed of tail({ store, reader, follow, limit, signal: stop.signal })) {
        session.around.print(json ? `${printableJson(tailed.record)}\n` : recordLine(tailed))
      }
    } finally {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
      process.stdout.off('error', onSignal)
    }
  })
}

/** The members of a CloudTrail record that one line has room for. */
interface ShownRecord {
  readonly eventTime?: string
  readonly eventName?: string
  readonly awsRegion?: string
  readonly sourceIPAddress?: string
  readonly errorCode?: string
  readonly userIdentity?: { readonly arn?: string; readonly userName?: string; readonly type?: string }
  readonly resources?: readonly { readonly ARN?: string }[]
}

/** The same JSON, with what a terminal would obey written as escapes: JSON leaves U+007F to U+009F as they are. */
function printableJson(json: string): string {
  return json.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    character.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}

function recordLine({ record }: TailedRecord): string {
  const { eventTime, eventName, awsRegion, sourceIPAddress, errorCode, userIdentity, resources } = JSON.parse(
    record,
  ) as ShownRecord
  const who = userIdentity?.arn ?? userIdentity?.userName ?? userIdentity?.type
  const keys = (resources ?? []).map((resource) => resource.ARN)
  const parts = [eventTime, eventName, errorCode ?? 'ok', awsRegion, who, sourceIPAddress, ...keys]
  return `${parts.map((part) => oneLine(String(part ?? '-'))).join('  ')}\n`
}

async function verify(
  session: Session,
  { anchor, json }: { anchor?: string; json?: boolean },
): Promise<void> {
  const anchors = anchor === undefined ? [] : parseAnchors(readAnchors(resolve(session.around.cwd, anchor)))
  await withJournal(session, async ({ store, reader, unlock }) => {
    const publicKey = await unlock()
    const report = await verifyJournal({ store, reader, publicKey, anchors })
    session.show(json, report, () =>
      textTable(['CHAIN', 'STATE', 'STARTED', 'RECORDS', 'SEALED', 'RESULT'], report.chains.map(row)),
    )
    const bad = report.chains.filter((chain) => chain.firstBad !== undefined)
    const [first] = bad
    if (first !== undefined) {
      throw new CommandError(`the journal does not verify: chain ${first.chain}, ${verdict(first)}`)
    }
    if (json !== true) {
      const records = report.chains.reduce((sum, chain) => sum + chain.records, 0)
      session.around.print(`The journal verifies. Records: ${records}, chains: ${report.chains.length}.\n`)
    }
  })
}

function row(chain: ChainReport): string[] {
  const started = chain.startedAtMs === undefined ? '-' : timeText(chain.startedAtMs)
  return [
    chain.chain,
    chain.state,
    started,
    String(chain.records),
    String(chain.sealedThrough),
    verdict(chain),
  ]
}

function verdict({ firstBad, tail: rest }: ChainReport): string {
  if (firstBad !== undefined) {
    const place = firstBad.segment === undefined ? '' : ` (${firstBad.segment} line ${firstBad.line})`
    return `record ${firstBad.sequence}${place}: ${firstBad.reason}; proven through record ${firstBad.provenThrough}`
  }
  if (rest === undefined) return 'ok'
  const what =
    rest.kind === 'torn' ? 'a crash tore the last line' : 'lines behind the end belong to refused requests'
  return `ok; ${what} (${rest.segment} line ${rest.line})`
}

function readAnchors(file: string): string {
  return readInputFile(file, {
    maxBytes: MAX_ANCHOR_BYTES,
    tooLong: `${file} is too long for an anchor file`,
    unreadable: (code) => `cannot read the anchor file ${file} (${code})`,
  }).toString()
}

function wholeNumber(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
