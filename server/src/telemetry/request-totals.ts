import { Counter, type Metric, type Registry } from 'prom-client'

const COUNT = 'keywright_requests_total'
const DURATION = 'keywright_request_duration_seconds'

interface OperationTotals {
  readonly results: Map<string, { count: number }>
  /** How many took at most so long and longer than the bound before; the last entry is for what took longer than any. */
  readonly buckets: Float64Array
  seconds: number
}

/** Requests by operation and result, and their durations by operation. */
export interface RequestTotals {
  /** Any operation that was not named at first is `other`; `bounded` says under which name a new result is counted. */
  add(operation: string, result: string, bounded: (result: string) => string, seconds: number): void
  showIn(registry: Registry): void
}

/**
 * Counts in plain numbers, which become Prometheus' series when somebody looks: prom-client's own counter and histogram
 * make strings of labels and bounds for each request.
 *
 * @param operations with `other` among them
 * @param boundsSeconds the upper bounds of the histogram, ascending
 */
export function requestTotals(
  operations: readonly string[],
  boundsSeconds: readonly number[],
): RequestTotals {
  const totals = new Map<string, OperationTotals>(
    operations.map((operation) => [
      operation,
      { results: new Map(), buckets: new Float64Array(boundsSeconds.length + 1), seconds: 0 },
    ]),
  )

  function resultOf({ results }: OperationTotals, result: string, bounded: (result: string) => string) {
    const known = results.get(result)
    if (known !== undefined) return known
    // Only a name that was let through is kept: the map must be as bounded as the series.
    const name = bounded(result)
    const total = results.get(name) ?? { count: 0 }
    results.set(name, total)
    return total
  }

  function bucketOf(seconds: number): number {
    let i = 0
    while (i < boundsSeconds.length && seconds > (boundsSeconds[i] as number)) i++
    return i
  }

  function* durations() {
    for (const [operation, { buckets, seconds }] of totals) {
      let count = 0
      const lines = Array.from(buckets, (inBucket, i) => {
        count += inBucket
        return {
          metricName: `${DURATION}_bucket`,
          labels: { le: boundsSeconds[i] ?? '+Inf', operation },
          value: count,
        }
      })
      if (count === 0) continue
      yield* lines
      yield { metricName: `${DURATION}_sum`, labels: { operation }, value: seconds }
      yield { metricName: `${DURATION}_count`, labels: { operation }, value: count }
    }
  }

  return {
    add(operation, result, bounded, seconds) {
      const known = totals.get(operation) ?? (totals.get('other') as OperationTotals)
      resultOf(known, result, bounded).count++
      known.seconds += seconds
      const bucket = bucketOf(seconds)
      known.buckets[bucket] = (known.buckets[bucket] as number) + 1
    },

    showIn(registry) {
      new Counter({
        name: COUNT,
        help: 'Answered requests by operation and result (success, or the name of the error).',
        labelNames: ['operation', 'result'],
        registers: [registry],
        collect() {
          this.reset()
          for (const [operation, { results }] of totals) {
            for (const [result, { count }] of results) this.labels(operation, result).inc(count)
          }
        },
      })
      const shown = {
        name: DURATION,
        get: () =>
          Promise.resolve({
            name: DURATION,
            help: 'Time from the last byte of a request to its answer.',
            type: 'histogram',
            values: [...durations()],
            aggregator: 'sum',
          }),
      }
      // What a registry asks of a metric; the type names the classes of prom-client.
      registry.registerMetric(shown as unknown as Metric)
    },
  }
}
