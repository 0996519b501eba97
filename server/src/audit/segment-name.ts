import { isChainId } from './chain.ts'

/** `<chain>-<nnnn>.jsonl`; segments of a chain are numbered from 1. */
export function segmentName(chain: string, number: number): string {
  return `${chain}-${String(number).padStart(4, '0')}.jsonl`
}

export function parseSegmentName(name: string): { chain: string; number: number } | undefined {
  const match = /^(.{36})-([0-9]{4,9})\.jsonl$/.exec(name)
  if (match === null) return undefined
  const chain = match[1] as string
  const number = Number(match[2])
  if (!isChainId(chain) || segmentName(chain, number) !== name) return undefined
  return { chain, number }
}
