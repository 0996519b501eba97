/** Looks for any of many short strings of bytes in long ones. */
export interface ByteSearch {
  isIn(bytes: Uint8Array): boolean
}

/** What each of the wanted is cut into; a copy that was partly written over still holds one whole. */
export const PIECE_BYTES = 12

/**
 * Every piece begins with four bytes that are looked up at each place, behind a table of which first two there are at all:
 * some 1 ns a byte, however many pieces (Node 26.10, 2026-11).
 */
export function searchFor(wanted: readonly Uint8Array[]): ByteSearch {
  const isFirst = new Uint8Array(65_536)
  const pieces = new Map<number, Buffer[]>()
  for (const each of wanted) {
    for (let at = 0; at + PIECE_BYTES <= each.length; at += PIECE_BYTES) {
      const piece = Buffer.from(each.subarray(at, at + PIECE_BYTES))
      isFirst[piece.readUInt16LE(0)] = 1
      const start = piece.readUInt32LE(0)
      pieces.set(start, [...(pieces.get(start) ?? []), piece])
    }
  }
  return {
    isIn(bytes) {
      const { buffer, byteOffset, length } = bytes
      const view = Buffer.from(buffer, byteOffset, length)
      for (let at = 0; at + PIECE_BYTES <= length; at++) {
        // Within the length, so both are there.
        if (isFirst[(view[at] as number) | ((view[at + 1] as number) << 8)] === 0) continue
        const found = pieces.get(view.readUInt32LE(at))
        if (found?.some((piece) => view.compare(piece, 0, PIECE_BYTES, at, at + PIECE_BYTES) === 0))
          return true
      }
      return false
    },
  }
}
