import type { Store } from '../store/store.ts'
import { isChainId } from './chain.ts'
import { findLastSeal, listLastSeals } from './chain-registry.ts'
import type { SignedSeal } from './seal.ts'

/**
 * Seals that the operator keeps somewhere else, one JSON object a line. A seal covers every record before it, so the
 * last one of each chain is enough. Against these a database and a journal that were both put back to an earlier day
 * show it.
 */
export async function* exportAnchors(store: Store): AsyncGenerator<string> {
  for (const chain of (await listLastSeals(store)).keys()) {
    const seal = await findLastSeal(store, chain)
    if (seal !== undefined) yield anchorLine(seal)
  }
}

function anchorLine({ chain, sequence, hash, sealedAtMs, publicKey, signature }: SignedSeal): string {
  return JSON.stringify({
    chain,
    sequence,
    hash,
    sealedAt: sealedAtMs,
    publicKey: publicKey.toString('base64'),
    signature: signature.toString('base64'),
  })
}

class AnchorFileError extends Error {
  constructor(line: number) {
    super(`Line ${line} of the anchor file is not a seal as \`keywright audit anchors\` writes it`)
    this.name = 'AnchorFileError'
  }
}

/** @throws AnchorFileError for a line that is not one */
export function parseAnchors(text: string): SignedSeal[] {
  const anchors: SignedSeal[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const seal = parseAnchor(line)
    if (seal === undefined) throw new AnchorFileError(index + 1)
    anchors.push(seal)
  }
  return anchors
}

function parseAnchor(line: string): SignedSeal | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { chain, sequence, hash, sealedAt, publicKey, signature } = value as Record<string, unknown>
  if (typeof chain !== 'string' || !isChainId(chain)) return undefined
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return undefined
  if (!isCount(sequence) || !isCount(sealedAt)) return undefined
  if (typeof publicKey !== 'string' || typeof signature !== 'string') return undefined
  return {
    chain,
    sequence,
    hash,
    sealedAtMs: sealedAt,
    publicKey: Buffer.from(publicKey, 'base64'),
    signature: Buffer.from(signature, 'base64'),
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
