import { parentPort, workerData } from 'node:worker_threads'
import { systemDisk } from './disk.ts'
import { SegmentWriter, type SegmentLimits } from './segment-writer.ts'

/**
 * The worker thread that blocks on the journal's disk: write and fdatasync in turn, so that neither the event loop nor
 * libuv's small thread pool ever waits for them.
 */
export interface WriterSettings {
  readonly directory: string
  readonly limits: SegmentLimits
}

export type WriterCall =
  | { readonly id: number; readonly call: 'begin'; readonly chain: string; readonly nowMs: number }
  | {
      readonly id: number
      readonly call: 'append'
      readonly chain: string
      readonly lines: Uint8Array
      readonly nowMs: number
    }
  | { readonly id: number; readonly call: 'end' }
  | { readonly id: number; readonly call: 'settle'; readonly chain: string }

export interface WriterReply {
  readonly id: number
  /** Why it failed, in one line; absent when it is done. */
  readonly failure?: string
}

if (parentPort !== null) {
  const port = parentPort
  const { directory, limits } = workerData as WriterSettings
  const writer = new SegmentWriter(systemDisk, directory, limits)
  port.on('message', (call: WriterCall) => {
    try {
      answer(writer, call)
      port.postMessage({ id: call.id } satisfies WriterReply)
    } catch (error) {
      port.postMessage({ id: call.id, failure: (error as Error).message } satisfies WriterReply)
    }
  })
}

function answer(writer: SegmentWriter, call: WriterCall): void {
  switch (call.call) {
    case 'begin':
      writer.begin(call.chain, call.nowMs)
      return
    case 'append':
      writer.append(call.chain, call.lines, call.nowMs)
      return
    case 'end':
      writer.end()
      return
    case 'settle':
      writer.settle(call.chain)
  }
}
