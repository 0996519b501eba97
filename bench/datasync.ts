import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { percentile } from './figure.ts'

/**
 * What the disk itself takes to make an appended block durable, in ms, tried for some seconds with nobody of ours asking
 * it for anything else.
 */
export function datasyncLatency(
  file: string,
  blockBytes: number,
  seconds: number,
): { p50Ms: number; p99Ms: number; maxMs: number } {
  const block = Buffer.alloc(blockBytes, 'x')
  const handle = openSync(file, 'ax', 0o600)
  const latencies: number[] = []
  const endAt = performance.now() + seconds * 1000
  try {
    for (let startedAt = performance.now(); startedAt < endAt; startedAt = performance.now()) {
      writeSync(handle, block)
      fdatasyncSync(handle)
      latencies.push(performance.now() - startedAt)
    }
  } finally {
    closeSync(handle)
    rmSync(file)
  }
  latencies.sort((a, b) => a - b)
  return {
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
  }
}
