/** One number that a question of the bench found, ready to print. */
export interface Figure {
  readonly name: string
  readonly value: string
  readonly target?: Target
}

export interface Target {
  /** Such as `≥ 0.25`. */
  readonly text: string
  readonly met: boolean
}

export function atLeast(value: number, bound: number, unit = ''): Target {
  return { text: `≥ ${bound}${unit}`, met: value >= bound }
}

export function below(value: number, bound: number, unit = ''): Target {
  return { text: `< ${bound}${unit}`, met: value < bound }
}

export function atMost(value: number, bound: number, unit = ''): Target {
  return { text: `≤ ${bound}${unit}`, met: value <= bound }
}

/** The middle value, so that one disturbed round of an uneven number does not count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[middle]]
  if (low === undefined || high === undefined) throw new RangeError('nothing to take the median of')
  return (low + high) / 2
}

/** The smallest of sorted values that `share` of all do not exceed. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (value === undefined) throw new RangeError('nothing to take a percentile of')
  return value
}

/** The middle value, and the range it stands in. */
export function spread(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`
}

/** The summary that ends a run. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, target }) => [
    name,
    value,
    target?.text ?? '',
    target === undefined ? '' : target.met ? 'met' : 'NOT MET',
  ])
  const all = [['figure', 'value', 'target', ''], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
