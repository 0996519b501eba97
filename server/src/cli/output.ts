import { oneLine } from './failure.ts'

/** A table with a heading, columns as wide as their widest cell. Cells come from the store, so nothing in them reaches the terminal as control. */
export function textTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heading, ...rows.map((row) => row.map(oneLine))]
  const widths = heading.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

/** Milliseconds since the epoch as people and logs write it. */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

/** A path as a shell reads it. */
export function shellWord(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
