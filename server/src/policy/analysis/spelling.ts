/** The word that somebody who wrote `written` probably meant: one that differs by two letters at most. */
export function nearest(written: string, words: readonly string[]): string | undefined {
  const lower = written.toLowerCase()
  // Of a long text no word is near, and short ones are near to everything.
  const most = lower.length < 5 ? 1 : 2
  let found: string | undefined
  let smallest = most + 1
  for (const word of words) {
    if (Math.abs(word.length - lower.length) >= smallest) continue
    const distance = editDistance(lower, word.toLowerCase(), smallest)
    if (distance < smallest) {
      smallest = distance
      found = word
    }
  }
  return found
}

/** Levenshtein's distance; stops at `bound`. */
function editDistance(one: string, other: string, bound: number): number {
  let previous = Array.from({ length: other.length + 1 }, (_, j) => j)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const change = (previous[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      row.push(Math.min(change, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    if (Math.min(...row) >= bound) return bound
    previous = row
  }
  return previous[other.length] ?? bound
}
