import type { Clock } from '../../clock.ts'
import type { Disk } from '../disk.ts'
import { SegmentWriter, type SegmentLimits } from '../segment-writer.ts'
import type { JournalSink } from '../sink.ts'

/** The file sink without its thread, over any disk. */
export function inProcessSink(
  disk: Disk,
  directory: string,
  clock: Clock,
  limits: SegmentLimits,
): JournalSink {
  const writer = new SegmentWriter(disk, directory, limits)
  // Later, as an answer of a thread comes later.
  const call = async (work: () => void): Promise<undefined> => {
    await Promise.resolve()
    work()
  }
  return {
    readsFeedHead: false,
    removesOutboxRows: false,
    begin: (chain) => call(() => writer.begin(chain, clock.now())),
    async commit({ chain, lines, nowMs }) {
      await call(() => writer.append(chain, lines, nowMs))
      return { status: 'durable' }
    },
    end: () => call(() => writer.end()),
    settle: (chain) => call(() => writer.settle(chain)),
    close: () => call(() => writer.end()),
  }
}
