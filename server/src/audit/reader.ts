/** Reads a journal's lines back, from wherever a sink put them. Nothing is believed about what is read. */
export interface JournalReader {
  /** Every chain of which something is kept. */
  chains(): Promise<string[]>
  /** A chain's lines in order from a place, or from the beginning; ends at what is there now. */
  lines(chain: string, from?: ReadPosition): AsyncGenerator<JournalLine>
  /** A place at or before the line of that sequence, found without reading the whole chain. */
  seek(chain: string, sequence: number): Promise<ReadPosition | undefined>
  /** The last lines of a chain, in order. */
  lastLines(chain: string, count: number): Promise<JournalLine[]>
  /** Of the last line that is there; 0 when there is none. */
  lastSequence(chain: string): Promise<number>
}

export interface JournalLine {
  /** Without the line feed. */
  readonly bytes: Buffer
  /** False for what stands behind the last line feed. */
  readonly complete: boolean
  /** The file's name or the batch's place in its table, and the line in it from 1: for the operator. */
  readonly segment: string
  readonly line: number
  /** Where the next line begins. */
  readonly next: ReadPosition
}

export interface ReadPosition {
  /** The number of a segment file, or a batch's first sequence. */
  readonly segment: number
  readonly offsetBytes: number
  /** Lines of the segment before this place. */
  readonly line: number
}
