/** A place in a policy's text. */
export interface Position {
  /** In UTF-16 code units, from 0. */
  readonly offset: number
  /** From 1. */
  readonly line: number
  /** From 0. */
  readonly column: number
}

/** Where a part of a policy stands. */
export interface Location extends Position {
  /** Just after its last character. */
  readonly end: Position
  /** From the document inwards, such as `['Statement', 0, 'Action']`. */
  readonly path: readonly (string | number)[]
}

/** Why a text is not a policy, in AWS's words where they are known, and where. */
export class MalformedPolicyError extends Error {
  readonly location: Location

  constructor(message: string, location: Location) {
    super(message)
    this.name = 'MalformedPolicyError'
    this.location = location
  }
}

/** Tells lines and columns of a text, each in time that grows with the logarithm of its length. */
export class Places {
  readonly #lineStarts: readonly number[]

  constructor(text: string) {
    const starts = [0]
    for (let next = text.indexOf('\n'); next !== -1; next = text.indexOf('\n', next + 1))
      starts.push(next + 1)
    this.#lineStarts = starts
  }

  locate(start: number, end: number, path: readonly (string | number)[]): Location {
    return { ...this.#position(start), end: this.#position(end), path }
  }

  #position(offset: number): Position {
    let line = 1
    let after = this.#lineStarts.length
    // The last line that begins at or before the offset.
    while (line < after) {
      const middle = (line + after + 1) >> 1
      if ((this.#lineStarts[middle - 1] ?? 0) <= offset) line = middle
      else after = middle - 1
    }
    return { offset, line, column: offset - (this.#lineStarts[line - 1] ?? 0) }
  }
}
